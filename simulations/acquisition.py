"""Record a phantom: apply what microscope, stage and detector do to the truth before it is counted.

Effects that keep mixing linear turn the truth at a dose into the mean of the counts: probe and drift blur the maps,
shadows, the missing wedge and dead pixels darken them, and a wrong energy scale moves the endmembers. Two effects act
on single photons (`photons`): absorption in the specimen, and the detector's dead time.

The NIST short course states none of these values (see `simulations.nicr`), so they are assumptions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import channel_edges
from simulations.absorption import Absorption
from simulations.haadf import contrast
from simulations.phantom import Phantom
from simulations.photons import draw_blocks

# Of each setting: from the first value on, below the second.
_RANGES = {
    "probe_nm": (0, np.inf),
    "gain": (0.5, 2),
    "offset_kev": (-np.inf, np.inf),
    "shadow": (0, 1),
    "shadow_deg": (-np.inf, np.inf),
    "shadow_width_deg": (0.001, np.inf),
    "missing_wedge_deg": (0, 180),
    "dead_pixels": (0, 1),
    "dead_time": (0, 1),
    "haadf_electrons": (0, np.inf),
}


@dataclass(frozen=True)
class Acquisition:
    """Set how an acquisition is made. The defaults are perfect; `ACQUISITIONS` has two settings by name.

    Parameters
    ----------
    probe_nm : float
        Standard deviation of the probe.
    drift_nm : (float, float)
        Distance that the specimen moves along y and x from each frame to the next; the middle frame is in place. The
        specimen is assumed to continue beyond the edge of the field.
    frames : int
        Number of scans over the field that share the dose.
    keep_frames : bool
        Keep frames apart, on a first navigation axis "frame", instead of summing them.
    gain, offset_kev : float
        Recorded energy = gain x energy + offset. The energy axis of the image does not contain this error.
    shadow, shadow_deg, shadow_width_deg : float
        The specimen holder hides this fraction of the detector at the tilt `shadow_deg`, and less around it: a Gaussian
        of that standard deviation. A phantom that is not a tilt series is at 0 deg.
    missing_wedge_deg : float
        Full width of the range around +-90 deg that the stage cannot reach. Its tilts stay in the image, empty.
    dead_pixels : float
        Fraction of the scan positions at which nothing was recorded, at random.
    dead_time : float
        Time for which a count blinds the detector, as a fraction of the time spent on a pixel in all its frames.
    takeoff_deg : float or None
        Angle of the detector above the plane across the beam; photons are absorbed on their way to it. For a film that
        is tilted towards the detector, add its tilt; a voxel model tilts by itself. With None it is the phantom's own
        angle, and there is no absorption in a phantom without one.
    haadf_electrons : float
        Mean number of electrons that the simultaneous HAADF image counts in a pixel of the specimen; 0 for no image.

    Raises
    ------
    ValueError
        If a setting is outside its range.
    """

    probe_nm: float = 0.0
    drift_nm: tuple[float, float] = (0.0, 0.0)
    frames: int = 1
    keep_frames: bool = False
    gain: float = 1.0
    offset_kev: float = 0.0
    shadow: float = 0.0
    shadow_deg: float = 180.0
    shadow_width_deg: float = 20.0
    missing_wedge_deg: float = 0.0
    dead_pixels: float = 0.0
    dead_time: float = 0.0
    takeoff_deg: float | None = None
    haadf_electrons: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.frames, bool) or int(self.frames) != self.frames or self.frames < 1:
            raise ValueError(f"frames must be a whole number from 1 on, got {self.frames}")
        if len(self.drift_nm) != 2 or not np.isfinite(self.drift_nm).all():
            raise ValueError(f"drift_nm must be two finite lengths (y, x) in nm, got {self.drift_nm}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value < high:
                raise ValueError(
                    f"{name} must be at least {low:g} and below {high:g}, got {value}; see the default"
                )
        if self.takeoff_deg is not None and not 0 < self.takeoff_deg < 180:
            raise ValueError(
                f"takeoff_deg must lie between 0 and 180 degrees for photons to reach the detector, "
                f"got {self.takeoff_deg}; None leaves absorption out"
            )

    def expose(self, phantom: Phantom, dose: float, rng: np.random.Generator) -> "Exposure":
        """Return what this acquisition counts of a phantom, before photons are drawn.

        Parameters
        ----------
        phantom : Phantom
        dose : float
            Mean counts per pixel of the specimen, if the acquisition were perfect.
        rng : numpy Generator
            Used only to choose dead pixels.

        Raises
        ------
        ValueError
            If a setting needs lengths in nm, thickness or materials that the phantom does not have, or moves a
            component off the axis.
        """
        shape, axes = phantom.navigation_shape, phantom.axes
        endmembers, abundances = phantom.truth.endmembers, phantom.truth.abundances * dose
        if self.gain != 1 or self.offset_kev != 0:
            endmembers = self._miscalibrated(phantom)
            kept = endmembers.sum(axis=1)
            endmembers, abundances = endmembers / kept[:, None], abundances * kept
        if self.probe_nm or any(self.drift_nm) or self.keep_frames:
            abundances = self._scanned(abundances.reshape(*shape, -1), phantom).reshape(-1, len(endmembers))
        if self.keep_frames:
            shape, axes = (self.frames, *shape), axes and (Axis("frame"), *axes)
        seen = self._seen(phantom, rng)
        if seen is not None:
            abundances = abundances * np.resize(seen, abundances.shape[0])[:, None]
        emitted = Factorization(endmembers, abundances)
        takeoff_deg = phantom.takeoff_deg if self.takeoff_deg is None else self.takeoff_deg
        absorption = None if takeoff_deg is None else Absorption.of(phantom, takeoff_deg)
        arriving = emitted if absorption is None else absorption.applied(emitted)
        dead_time = self.dead_time * (self.frames if self.keep_frames else 1)
        return Exposure(emitted, arriving, shape, axes, absorption, dead_time)

    def haadf(self, phantom: Phantom, rng: np.random.Generator) -> np.ndarray | None:
        """Draw the HAADF image of the same scan, counted electrons of the phantom's `navigation_shape`.

        Raises
        ------
        ValueError
            If the phantom does not say what it is made of and how thick it is.
        """
        if not self.haadf_electrons:
            return None
        signal = replace(self, keep_frames=False)._scanned(contrast(phantom)[..., None], phantom)[..., 0]
        reached = _along_tilts(self._reached(phantom), signal)
        return rng.poisson(signal * reached * self.haadf_electrons).astype(np.uint32)

    def _miscalibrated(self, phantom: Phantom) -> np.ndarray:
        """Put endmembers into the channels that a wrong energy scale gives them. What leaves the axis is lost."""
        edges = channel_edges(phantom.energy_kev)
        below = np.pad(np.cumsum(phantom.truth.endmembers, axis=1), ((0, 0), (1, 0)))
        source = (edges - self.offset_kev) / self.gain
        endmembers = np.array([np.diff(np.interp(source, edges, row)) for row in below])
        empty = endmembers.sum(axis=1) == 0
        if empty.any():
            raise ValueError(
                f"no count of component {phantom.labels[int(empty.argmax())]!r} is left on the axis with a gain of "
                f"{self.gain:g} and an offset of {self.offset_kev:g} keV; make the error smaller"
            )
        return endmembers

    def _scanned(self, maps: np.ndarray, phantom: Phantom) -> np.ndarray:
        """Return maps (..., Y, X, K) as probe and drifting stage show them: the mean of all frames, or each frame."""
        moving = any(self.drift_nm) and self.frames > 1
        step = _pixel_nm(phantom) if self.probe_nm or moving else np.ones(2)
        if self.probe_nm:
            widths = (0,) * (maps.ndim - 3) + (*self.probe_nm / step, 0)
            maps = ndimage.gaussian_filter(maps, widths, mode="reflect", truncate=6)
        shifts = (np.arange(self.frames) - (self.frames - 1) / 2)[:, None] * np.array(self.drift_nm) / step
        if not self.keep_frames:
            return _shifted(maps, shifts) if moving else maps
        return np.stack([_shifted(maps, shift[None]) if moving else maps for shift in shifts]) / self.frames

    def _seen(self, phantom: Phantom, rng: np.random.Generator) -> np.ndarray | None:
        """Return the fraction of each pixel's photons that no shadow, wedge or dead pixel takes, (P,); None for all."""
        if not (self.shadow or self.missing_wedge_deg or self.dead_pixels):
            return None
        tilts = np.array(phantom.tilts_deg or (0.0,))
        away = _turn(tilts - self.shadow_deg, 360)
        share = 1 - self.shadow * np.exp(-((away / self.shadow_width_deg) ** 2) / 2)
        seen = np.ones(phantom.navigation_shape)
        seen *= _along_tilts(share * self._reached(phantom), seen)
        if self.dead_pixels:
            seen[rng.random(seen.shape) < self.dead_pixels] = 0
        return seen.ravel()

    def _reached(self, phantom: Phantom) -> np.ndarray:
        """Return True for each tilt that the stage reaches, (T,)."""
        tilts = np.array(phantom.tilts_deg or (0.0,))
        return np.abs(_turn(tilts - 90, 180)) >= self.missing_wedge_deg / 2


class Exposure(NamedTuple):
    """Hold the photons to be counted: everything before the random draw.

    Parameters
    ----------
    emitted : Factorization
        Photons emitted towards the detector.
    arriving : Factorization
        Photons that leave the specimen; with absorption the nearest factorization.
    shape, axes
        Navigation shape and axes of the image.
    absorption : Absorption or None
    dead_time : float
        Dead time as a fraction of the time spent on a pixel of this shape.
    """

    emitted: Factorization
    arriving: Factorization
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    absorption: Absorption | None
    dead_time: float

    def mean(self) -> Factorization:
        """Return the factorization whose expected counts are the mean of the counts.

        With absorption it is the nearest one: each component's counts in a pixel are right, and its spectrum is the
        mean over the specimen.
        """
        if not self.dead_time:
            return self.arriving
        rate = self.arriving.abundances.sum(axis=1, keepdims=True)
        return Factorization(self.arriving.endmembers, self.arriving.abundances / (1 + rate * self.dead_time))

    def draw(self, rng: np.random.Generator) -> Iterator[sparse.csr_array]:
        """Draw the counts, one block of pixels at a time."""
        survival = None if self.absorption is None else self.absorption.survival
        rate = self.arriving.abundances.sum(axis=1)
        return draw_blocks(self.emitted, rng, survival=survival, dead_time=self.dead_time, rate=rate)


#: A perfect acquisition, and one of a good instrument; its values are assumptions.
ACQUISITIONS = {
    "ideal": Acquisition(),
    "realistic": Acquisition(probe_nm=1.0, drift_nm=(0.5, 0.5), frames=8, shadow=0.3, dead_time=0.003),
}


def _pixel_nm(phantom: Phantom) -> np.ndarray:
    """Return the step along y and x."""
    if len(phantom.axes) < 2 or any(axis.units != "nm" for axis in phantom.axes[-2:]):
        raise ValueError(
            f"probe and drift are lengths in nm, but phantom {phantom.name!r} has no y and x axis in nm; "
            "give its axes or leave them 0"
        )
    return np.array([axis.scale for axis in phantom.axes[-2:]])


def _along_tilts(values: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Give values of each tilt, (T,), the axes of maps (T, Y, X). A single value fits maps of any shape."""
    return values.reshape(-1, *(1,) * (maps.ndim - 1))


def _turn(angle: np.ndarray, period: float) -> np.ndarray:
    """Return the angle modulo a period, between -period / 2 and period / 2."""
    return (angle + period / 2) % period - period / 2


def _shifted(maps: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Return the mean of maps (..., Y, X, K) over some shifts along Y and X, (n, 2), with linear interpolation."""
    whole = np.floor(shifts).astype(int)
    part = shifts - whole
    margin = np.abs(whole).max() + 1
    height, width = maps.shape[-3:-1]
    padded = np.pad(maps, [(0, 0)] * (maps.ndim - 3) + [(margin, margin)] * 2 + [(0, 0)], mode="edge")
    kernel: dict[tuple[int, int], float] = {}
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weights = np.where(corner, part, 1 - part).prod(axis=1) / len(shifts)
        for (down, right), weight in zip(whole + corner, weights, strict=True):
            kernel[down, right] = kernel.get((down, right), 0) + weight
    moved = np.zeros_like(maps)
    for (down, right), weight in kernel.items():
        if weight:
            top, left = margin - down, margin - right
            moved += weight * padded[..., top : top + height, left : left + width, :]
    return moved
