"""Masks: pixels marked by True."""

from typing import Any

import numpy as np


def require_mask(mask: Any, shape: tuple[int, ...], marked: str = "of the region") -> np.ndarray:
    """Return the mask as an array; raise `ValueError` unless it is bool and of the shape of a map."""
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != bool:
        raise ValueError(
            f"mask must be bool of shape {shape}, got {mask.dtype} of shape {mask.shape}; "
            f"mark the pixels {marked} by True"
        )
    return mask


def mask_of_image(mask: Any, navigation_shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a copy of the mask of an image, or None where all pixels are used.

    Raises
    ------
    ValueError
        If it is not bool, has not the shape of a map, or is False everywhere.
    """
    if mask is None:
        return None
    mask = require_mask(mask, navigation_shape, "to use").copy()
    if not mask.any():
        raise ValueError(
            f"mask must be True for the pixels to use, and it is False in all {mask.size} of them: a mask made by a "
            "threshold on the counts hides every pixel where the threshold is above the brightest one, so lower it; "
            "HyperSpy's navigation_mask is the opposite, pass mask=~navigation_mask"
        )
    return None if mask.all() else mask
