"""A phantom is truth and geometry without noise; a trial is a phantom acquired at a dose with a seed.

Truth is held at *unit dose*: abundances average to one count over the pixels of the specimen. Acquiring at
dose d multiplies the abundances by d and draws Poisson photons.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.image import Axis, SpectrumImage
from bayesunmix.registry import Registry
from simulations.acquisition import Acquisition, Exposure
from simulations.photons import joined

if TYPE_CHECKING:
    from simulations.specimen import Material


@dataclass(frozen=True, eq=False)
class Phantom:
    """Truth at unit dose.

    Parameters
    ----------
    name : str
        Registered name; a changed truth needs a new name.
    truth : Factorization
        Canonical endmembers (K, C); abundances (P, K) whose total averages to 1 over the specimen.
    energy_kev : (C,) array
    navigation_shape : tuple of int
    labels : tuple of str
        Name of each component.
    axes : tuple of Axis
    volume : (Z, Y, X) uint8 array, optional
        Material of each voxel before any tilt: 0 is vacuum, k + 1 is component k.
    tilts_deg : tuple of float
        Tilt of each image of a series, whose first navigation axis it is.
    thickness_nm : (P, K) array, optional
        Path of the beam through each component.
    line_shares : mapping from str to (K,) array
        For each family of lines ("Ni_K"), the share of each endmember's counts that are its net counts.
    materials : tuple of Material
        What each component is made of, where the phantom knows it.

    Raises
    ------
    ValueError
        If shapes do not agree, a value is negative, an endmember does not sum to one, or the abundances are
        not at unit dose.
    """

    name: str
    truth: Factorization
    energy_kev: np.ndarray
    navigation_shape: tuple[int, ...]
    labels: tuple[str, ...]
    axes: tuple[Axis, ...] = ()
    volume: np.ndarray | None = None
    tilts_deg: tuple[float, ...] = ()
    thickness_nm: np.ndarray | None = None
    line_shares: Mapping[str, np.ndarray] = field(default_factory=dict)
    materials: tuple["Material", ...] = ()

    def __post_init__(self) -> None:
        _require_shapes(self)
        _require_unit_dose(self)

    @property
    def specimen(self) -> np.ndarray:
        """Pixels that hold any material, (P,) bool; the others are vacuum."""
        return self.truth.abundances.sum(axis=1) > 0

    def line_intensities(self) -> dict[str, np.ndarray]:
        """Net counts of each family of lines at unit dose, maps of `navigation_shape` (linear mixing)."""
        return {
            family: (self.truth.abundances @ share).reshape(self.navigation_shape)
            for family, share in self.line_shares.items()
        }

    def digest(self) -> str:
        """SHA-256 of the truth: the same on every machine, another one when any part of the truth changes.

        Numbers enter rounded, because the last bits of exp and erf differ between machines.
        """
        axes = [(axis.name, axis.scale, axis.units) for axis in self.axes]
        fingerprint = hashlib.sha256(repr((self.labels, self.navigation_shape, axes)).encode())
        shares = [self.line_shares[family] for family in sorted(self.line_shares)]
        parts = [
            (array, 7) for array in (self.energy_kev, self.truth.endmembers, self.truth.abundances, *shares)
        ]
        parts += [(array, 4) for array in (self.thickness_nm, self.volume) if array is not None]
        for array, decimals in parts:
            # Adding 0 turns -0.0 into 0.0, which has other bytes.
            fingerprint.update((np.round(array, decimals) + 0.0).astype("<f8").tobytes())
        return fingerprint.hexdigest()

    def acquire(
        self, dose: float, rng: np.random.Generator | int, acquisition: Acquisition | None = None
    ) -> "Trial":
        """Record photons.

        Parameters
        ----------
        dose : float
            Mean counts per pixel of the specimen.
        rng : numpy Generator, or int
            An int is a seed, which the trial then carries; the same seed gives the same bytes.
        acquisition : Acquisition, optional
            What microscope and detector do; a perfect one where not given.

        Raises
        ------
        ValueError
            If the dose is not a positive number, the seed is negative, the acquisition asks for what the phantom
            does not state, or not one photon is drawn.
        """
        acquisition = acquisition or Acquisition()
        exposure, generator = self.expose(dose, rng, acquisition)
        counts = joined(exposure.draw(generator))
        truth = exposure.mean()
        if counts.nnz == 0:
            expected = truth.abundances.sum()
            raise ValueError(
                f"no photon was drawn: dose {dose:g} means {expected:.3g} photons in all; raise the dose"
            )
        image = SpectrumImage(counts, self.energy_kev, (*exposure.shape, counts.shape[1]), exposure.axes)
        haadf = acquisition.haadf(self, generator)
        seed = None if isinstance(rng, np.random.Generator) else int(rng)
        return Trial(image, truth, self, float(dose), seed, acquisition, haadf)

    def expose(
        self, dose: float, rng: np.random.Generator | int, acquisition: Acquisition
    ) -> tuple[Exposure, np.random.Generator]:
        """Return what `acquire` draws, and the generator to draw it with, for counts larger than memory.

        Raises
        ------
        ValueError
            As `acquire`, but for an exposure that draws no photon.
        """
        if not (dose > 0 and math.isfinite(dose)):
            raise ValueError(
                f"dose must be a positive, finite number of counts per specimen pixel, got {dose}"
            )
        generator = (
            rng if isinstance(rng, np.random.Generator) else np.random.default_rng(_validated_seed(rng))
        )
        return acquisition.expose(self, dose, generator), generator


@dataclass(frozen=True, eq=False)
class Trial:
    """One acquisition: what a method may see (`image`), and what it is scored against (`truth`).

    Parameters
    ----------
    image : SpectrumImage
    truth : Factorization
        At the dose of this trial and as acquired: `truth.expected()` is the mean of the counts (with absorption, the
        nearest linear one). The specimen itself is in `phantom.truth`.
    phantom : Phantom
    dose : float
        Mean counts per pixel of the specimen.
    seed : int or None
        None where a generator was passed instead of a seed.
    acquisition : Acquisition
    haadf : array of `phantom.navigation_shape`, optional
        Counted electrons of the simultaneous HAADF image.
    """

    image: SpectrumImage
    truth: Factorization
    phantom: Phantom
    dose: float
    seed: int | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    haadf: np.ndarray | None = None


PHANTOMS: Registry[Callable[..., Phantom]] = Registry("phantom", "simulations.phantoms")


def _require_shapes(phantom: Phantom) -> None:
    n_pixels, n_channels = math.prod(phantom.navigation_shape), np.size(phantom.energy_kev)
    endmembers, abundances = phantom.truth.endmembers, phantom.truth.abundances
    if endmembers.shape[1] != n_channels or abundances.shape[0] != n_pixels:
        raise ValueError(
            f"phantom {phantom.name!r} has {n_pixels} pixels and {n_channels} channels, "
            f"but abundances of shape {abundances.shape} and endmembers of shape {endmembers.shape}"
        )
    if len(set(phantom.labels)) != len(phantom.labels) or len(phantom.labels) != phantom.truth.n_components:
        raise ValueError(f"labels must be {phantom.truth.n_components} different names, got {phantom.labels}")
    further = {"thickness_nm": (phantom.thickness_nm, abundances.shape)}
    further |= {f"line_shares[{f!r}]": (x, abundances.shape[1:]) for f, x in phantom.line_shares.items()}
    if phantom.materials:
        further["materials"] = (np.array(phantom.materials, dtype=object), abundances.shape[1:])
    for name, (array, shape) in further.items():
        if array is not None and array.shape != shape:
            raise ValueError(f"{name} of phantom {phantom.name!r} must have shape {shape}, got {array.shape}")


def _require_unit_dose(phantom: Phantom) -> None:
    if not phantom.truth.is_nonnegative:
        raise ValueError(
            f"truth of phantom {phantom.name!r} must not be negative; clip it at 0 and rescale it"
        )
    sums = phantom.truth.endmembers.sum(axis=1)
    if not np.allclose(sums, 1, rtol=0, atol=1e-9):
        raise ValueError(f"each endmember must sum to one, got sums {sums}; call Factorization.canonical()")
    if not phantom.specimen.any():
        raise ValueError(f"phantom {phantom.name!r} is all vacuum; at least one pixel must hold material")
    mean = phantom.truth.abundances[phantom.specimen].sum(axis=1).mean()
    if not math.isclose(mean, 1, rel_tol=1e-9):
        raise ValueError(
            f"abundances must average to 1 count over the specimen (unit dose), got {mean:g}; divide by it"
        )


def _validated_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"rng must be a numpy Generator or a whole number from 0 on (a seed), got {seed!r}")
    return int(seed)
