"""Describe what a component of a phantom is made of."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Material:
    """Describe what a component is made of.

    Parameters
    ----------
    composition : str, or mapping from str to float
        A chemical formula, or weight fractions of elements that sum to one.
    density_g_cm3 : float
    """

    composition: str | Mapping[str, float]
    density_g_cm3: float
