"""Define a phantom, which is truth and geometry without noise, and the registry that `phantoms/` fills.

Truth is given at *unit dose*: abundances average to one count over the pixels of the specimen. Acquiring at dose d
(`simulations.trial`) multiplies the abundances by d and draws Poisson photons.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from simulations.material import Material


@dataclass(frozen=True, eq=False)
class Phantom:
    """Hold the truth at unit dose.

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
        Tilt of each image of a series; the tilts are the first navigation axis.
    thickness_nm : (P, K) array, optional
        Path of the beam through each component.
    line_shares : mapping from str to (K,) array
        For each family of lines ("Ni_K"), the fraction of each endmember's counts that are its net counts.
    materials : tuple of Material
        What each component is made of, if the phantom knows it.
    relative_dose : (P,) array, optional
        Dose of each pixel over that of the others, where the scan did not give all the same. The abundances include it.
    takeoff_deg : float, optional
        Angle of the detector above the plane across the beam, where absorption is a part of the phantom: every
        acquisition that names no angle of its own has it. `truth` is what is emitted.

    Raises
    ------
    ValueError
        If shapes do not agree, a value is negative, an endmember does not sum to one, or the abundances are not at unit
        dose.
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
    materials: tuple[Material, ...] = ()
    relative_dose: np.ndarray | None = None
    takeoff_deg: float | None = None

    def __post_init__(self) -> None:
        _require_shapes(self)
        _require_unit_dose(self)

    @property
    def specimen(self) -> np.ndarray:
        """Return True for pixels with any material, (P,) bool; the others are vacuum."""
        return self.truth.abundances.sum(axis=1) > 0

    def require_thickness(self, effect: str, remedy: str) -> np.ndarray:
        """Return the thickness of each component, (P, K) in nm, for an effect that depends on it and on the materials.

        Parameters
        ----------
        effect, remedy : str
            For the message: what needs the thickness, and how to do without.

        Raises
        ------
        ValueError
            If the phantom does not say what it is made of and how thick it is.
        """
        if self.thickness_nm is None or not self.materials:
            raise ValueError(
                f"{effect} follows from thickness and materials, and phantom {self.name!r} states none; "
                f"{remedy} or choose another phantom"
            )
        return self.thickness_nm

    def line_intensities(self) -> dict[str, np.ndarray]:
        """Return the net counts of each family of lines at unit dose, maps of `navigation_shape` (linear mixing)."""
        return {
            family: (self.truth.abundances @ share).reshape(self.navigation_shape)
            for family, share in self.line_shares.items()
        }

    def digest(self) -> str:
        """Return the SHA-256 of the truth: the same on every machine, another one if any part of the truth changes.

        Numbers are rounded first, because the last bits of exp and erf differ between machines.
        """
        axes = [(axis.name, axis.scale, axis.units) for axis in self.axes]
        fingerprint = hashlib.sha256(repr((self.labels, self.navigation_shape, axes)).encode())
        shares = [self.line_shares[family] for family in sorted(self.line_shares)]
        parts = [
            (array, 7) for array in (self.energy_kev, self.truth.endmembers, self.truth.abundances, *shares)
        ]
        parts += [(array, 4) for array in (self.thickness_nm, self.volume) if array is not None]
        later = (self.relative_dose, self.takeoff_deg)
        parts += [(np.asarray(value), 7) for value in later if value is not None]
        for array, decimals in parts:
            # Adding 0 turns -0.0 into 0.0, which has other bytes.
            fingerprint.update((np.round(array, decimals) + 0.0).astype("<f8").tobytes())
        return fingerprint.hexdigest()


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
    further["relative_dose"] = (phantom.relative_dose, abundances.shape[:1])
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
    if phantom.relative_dose is not None and not (phantom.relative_dose > 0).all():
        raise ValueError(f"relative_dose of phantom {phantom.name!r} must be positive in every pixel")
    if phantom.takeoff_deg is not None and not 0 < phantom.takeoff_deg < 180:
        raise ValueError(
            f"takeoff_deg of phantom {phantom.name!r} must lie between 0 and 180 degrees, got {phantom.takeoff_deg}"
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
