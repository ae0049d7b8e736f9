"""Absorb photons in the specimen on their way to the detector: more from deep inside and at low energy.

If the phantom is a voxel model, the path out of every voxel is summed along the direction of the detector, at every
tilt (`exit_paths`). Otherwise a pixel is a slab of the mixed materials in its column, and the path is its depth over
the sine of the take-off angle. Either way the mean path over the photons of a component is kept. Paths are assumed to
be spread evenly between zero and twice the mean, which is exact for a slab. The spectrum of a component then depends on
the pixel: mixing is no longer linear.
"""

from dataclasses import dataclass

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.running.progress import track
from bayesunmix.spectra import attenuation, film_transmission
from simulations.exit_paths import exit_paths
from simulations.phantom import Phantom

_G_PER_CM2_PER_NM = 1e-7  # mass thickness of a nanometre of density 1 g/cm3
_BLOCK = 4096  # pixels whose full spectra are held at a time


@dataclass(frozen=True, eq=False)
class Absorption:
    """Hold the attenuation of J materials, and how much of each the photons of a pixel cross.

    Parameters
    ----------
    coefficients : (J, C) array
        Mass attenuation in cm2/g.
    mass_path : (P, K, J) array
        Mean mass path of the photons of each component through each material, in g/cm2.
    """

    coefficients: np.ndarray
    mass_path: np.ndarray

    @classmethod
    def of(cls, phantom: Phantom, takeoff_deg: float) -> "Absorption":
        """Return the absorption in a phantom.

        Raises
        ------
        ValueError
            If the phantom does not say what it is made of and how thick it is.
        """
        thickness_nm = phantom.require_thickness("absorption", "set takeoff_deg to None")
        coefficients = [
            attenuation(material.composition, phantom.energy_kev) for material in phantom.materials
        ]
        density = np.array([material.density_g_cm3 for material in phantom.materials])
        path_nm = (
            _slab_nm(thickness_nm, takeoff_deg) if phantom.volume is None else _voxel_nm(phantom, takeoff_deg)
        )
        return cls(np.array(coefficients), path_nm * density * _G_PER_CM2_PER_NM)

    def survival(self, pixel: np.ndarray, component: int, channel: np.ndarray) -> np.ndarray:
        """Return the probability that each of n photons of a component leaves the specimen, (n,).

        Frames of a pixel have the same path.
        """
        path = self.mass_path[pixel % len(self.mass_path), component]
        return _transmission((path * self.coefficients.T[channel]).sum(axis=1))

    def applied(self, emitted: Factorization) -> Factorization:
        """Return the photons that leave the specimen: each component's number in each pixel, and its mean spectrum."""
        abundances = np.zeros_like(emitted.abundances)
        spectra = np.zeros_like(emitted.endmembers)
        for k, endmember in enumerate(emitted.endmembers):
            emitting = np.flatnonzero(emitted.abundances[:, k])
            for pixel in np.split(emitting, range(_BLOCK, emitting.size, _BLOCK)):
                photons = emitted.abundances[pixel, k]
                path = self.mass_path[pixel % len(self.mass_path), k]
                escaping = _transmission(path @ self.coefficients)
                abundances[pixel, k] = photons * (escaping @ endmember)
                spectra[k] += photons @ escaping * endmember
        total = spectra.sum(axis=1, keepdims=True)
        mean = np.where(total > 0, spectra / np.maximum(total, 1e-300), emitted.endmembers)
        return Factorization(mean, abundances)


def _transmission(mean_depth: np.ndarray) -> np.ndarray:
    """Return the fraction that leaves the specimen, at a mean optical depth, if depths are spread evenly."""
    return film_transmission(2 * mean_depth, takeoff_deg=90)


def _slab_nm(thickness_nm: np.ndarray, takeoff_deg: float) -> np.ndarray:
    """Return the mean path out of each pixel's slab, (P, K, J): half its thickness, the same for all components."""
    half = thickness_nm / 2 / np.sin(np.radians(takeoff_deg))
    return np.broadcast_to(half[:, None], (len(half), half.shape[1], half.shape[1]))


def _voxel_nm(phantom: Phantom, takeoff_deg: float) -> np.ndarray:
    """Return the mean path out of a voxel model, (P, K, J)."""
    assert phantom.volume is not None
    n_materials = len(phantom.materials)
    present = phantom.volume[..., None] == np.arange(1, n_materials + 1, dtype=np.uint8)
    paths = [
        exit_paths(present, tilt, takeoff_deg).astype(np.float32)
        for tilt in track(phantom.tilts_deg or (0.0,), "ways out")
    ]
    return phantom.axes[-1].scale * np.reshape(paths, (-1, n_materials, n_materials))
