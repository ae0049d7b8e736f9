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
