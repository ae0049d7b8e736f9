"""A phantom is truth and geometry without noise; a trial is a phantom acquired at a dose with a seed.

Truth is held at *unit dose*: abundances average to one count over the pixels of the specimen. Acquiring at
dose d multiplies the abundances by d and draws Poisson photons.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.image import Axis, SpectrumImage
from bayesunmix.registry import Registry


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
    """

    name: str
    truth: Factorization
    energy_kev: np.ndarray
    navigation_shape: tuple[int, ...]
    labels: tuple[str, ...]
    axes: tuple[Axis, ...] = ()

    ...


@dataclass(frozen=True, eq=False)
class Trial:
    """One acquisition: what a method may see (`image`), and what it is scored against (`truth`)."""

    image: SpectrumImage
    truth: Factorization
    phantom: Phantom
    dose: float
    seed: int | None = None


PHANTOMS: Registry[Callable[..., Phantom]] = Registry("phantom", "simulations.phantoms")
