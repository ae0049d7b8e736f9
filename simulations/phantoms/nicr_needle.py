"""Atom-probe needle of SRM 2135c: a voxel model of Si base, Cr and Ni layers and tip, projected at any tilt.

The needle lies along x, the tilt axis, and has a round cross-section whose radius and centre change along x. The layers
are planes that lean towards y and z. Outline, layers and lean are fitted to the three published count maps of one tilt
(Poisson likelihood). Counts of a pixel are proportional to the path of the beam through each material.
"""

from functools import lru_cache

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.running.progress import track
from bayesunmix.spectra import Detector
from simulations.nicr import COUNTS_PER_NM, LABELS, LINE_SHARES, MATERIALS, endmembers, energy_axis
from simulations.phantom import PHANTOMS, Phantom
from simulations.projection import ray_sums

_HEIGHT, _WIDTH = 124, 165
_PIXEL_NM = 4.0
# Radius and centre (y) of the cross-section at some x, straight in between; in pixels of the field of the short course.
_RADIUS = ((0, 25, 45, 60, 80, 100, 112, 119, 125), (32.4, 31.2, 30.8, 26.8, 21.5, 14.7, 10.5, 6.4, 0.0))
_CENTRE = ((0, 45, 80, 112, 125), (56.1, 58.3, 59.5, 61.5, 63.4))
# Where Cr, Ni, Cr, ... begin on the axis of the field; the last is a cap of Cr that the count maps show.
_LAYERS = (26.0, 40.1, 57.0, 70.6, 87.4, 102.5, 119.0)
# Pixels along x by which a layer recedes for each pixel along y, z. The sign of the second cannot be seen.
_LEAN = (0.093, 0.057)


@PHANTOMS.register("nicr_needle")
def nicr_needle(
    tilts: int = 1,
    *,
    step_deg: float = 5.0,
    n_channels: int = 900,
    detector: Detector | None = None,
) -> Phantom:
    """Build the needle and project it.

    Parameters
    ----------
    tilts : int
        Number of tilts, from 0 deg on; 73 in the NIST short course (`simulations.nicr`). A single one gives a phantom
        without a tilt axis.
    step_deg : float
        Angle between tilts; 5 in the short course, so that 73 of them are a full turn.
    n_channels : int
        Channels between 1 and 10 keV; 900 in the short course.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the number of tilts is not a whole number from 1 on, or the step is not finite.
    """
    if isinstance(tilts, bool) or int(tilts) != tilts or tilts < 1:
        raise ValueError(f"tilts must be a whole number from 1 on, got {tilts}; for example 73")
    if not np.isfinite(step_deg):
        raise ValueError(f"step_deg must be a finite angle, got {step_deg}")
    tilts_deg = tuple(step_deg * k for k in range(int(tilts)))
    volume = _volume()
    thickness_nm = _thickness_nm(volume, tilts_deg)
    abundances = thickness_nm * COUNTS_PER_NM
    total = abundances.sum(axis=1)
    energy_kev = energy_axis(n_channels)
    field = (Axis("y", _PIXEL_NM, "nm"), Axis("x", _PIXEL_NM, "nm"))
    series = tilts > 1
    return Phantom(
        name="nicr_needle",
        truth=Factorization(endmembers(energy_kev, detector), abundances / total[total > 0].mean()),
        energy_kev=energy_kev,
        navigation_shape=(int(tilts), _HEIGHT, _WIDTH) if series else (_HEIGHT, _WIDTH),
        labels=LABELS,
        axes=(Axis("tilt", abs(step_deg), "deg"), *field) if series else field,
        volume=volume,
        tilts_deg=tilts_deg,
        thickness_nm=thickness_nm,
        line_shares=LINE_SHARES,
        materials=MATERIALS,
    )


@lru_cache(maxsize=1)
def _volume() -> np.ndarray:
    """Return the material of each voxel, (Z, Y, X) uint8: 0 vacuum, 1 Si, 2 Cr, 3 Ni."""
    z, y, x = (np.arange(n) + 0.5 for n in (_HEIGHT, _HEIGHT, _WIDTH))
    z, y = z[:, None, None] - _HEIGHT / 2, y[:, None]
    inside = z**2 + (y - np.interp(x, *_CENTRE)) ** 2 < np.interp(x, *_RADIUS) ** 2
    depth = x + _LEAN[0] * (y - _HEIGHT / 2) + _LEAN[1] * z
    layer = np.searchsorted(_LAYERS, depth, side="right")
    # 0 is the Si base; from there on, Cr (2) and Ni (3) take turns.
    material = np.where(layer == 0, 1, 3 - layer % 2)
    volume = np.where(inside, material, 0).astype(np.uint8)
    volume.flags.writeable = False
    return volume


def _thickness_nm(volume: np.ndarray, tilts_deg: tuple[float, ...]) -> np.ndarray:
    """Return the path through Si, Cr and Ni in each pixel of each tilt, (P, 3)."""
    present = volume[..., None] == np.arange(1, len(LABELS) + 1, dtype=np.uint8)
    paths = [ray_sums(present, tilt) for tilt in track(tilts_deg, "projecting")]
    return _PIXEL_NM * np.reshape(paths, (-1, len(LABELS)))
