"""Navigation axes as four columns, one entry an axis, as every file of ours holds them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bayesunmix.data.image import Axis


def axis_columns(axes: Iterable[Axis]) -> dict[str, Any]:
    """Return the columns by name: `axis_names` and `axis_units` (text), `axis_scales` and `axis_offsets` (float64)."""
    names, scales, units, offsets = (list(column) for column in zip(*axes, strict=True))
    return {
        "axis_names": names,
        "axis_scales": np.array(scales, np.float64),
        "axis_units": units,
        "axis_offsets": np.array(offsets, np.float64),
    }


def axes_from_columns(
    names: Sequence[str], scales: Sequence[float], units: Sequence[str], offsets: Sequence[float] | None
) -> tuple[Axis, ...]:
    """Return the axes. Files of version 0.1.0 have no offsets: they are 0.

    Raises
    ------
    ValueError
        If the columns have different lengths.
    """
    offsets = [0.0] * len(scales) if offsets is None else offsets
    return tuple(Axis(*axis) for axis in zip(names, scales, units, offsets, strict=True))
