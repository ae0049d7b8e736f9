"""The axes of an image as plain arrays, as every file of ours holds them.

Navigation axes are four columns with one entry an axis. The channels of X-rays are `energy_kev`; those of any other
signal are `spectral_values` with `spectral_name` and `spectral_units`. `signal` is there where it is not "eds".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bayesunmix.data.image import Axis
from bayesunmix.data.spectral_axis import SpectralAxis


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
    if not all(isinstance(text, str) for text in (*names, *units)):
        raise ValueError("names and units of axes must be text")
    numbers = zip(map(float, scales), map(float, offsets), strict=True)
    return tuple(
        Axis(name, scale, unit, offset)
        for name, unit, (scale, offset) in zip(names, units, numbers, strict=True)
    )


def channel_columns(axis: SpectralAxis) -> dict[str, Any]:
    """Return the axis of the channels by name; text is `str`."""
    if not axis.is_xray:
        described = {"spectral_name": axis.name, "spectral_units": axis.units, "signal": axis.signal}
        return {"spectral_values": axis.values, **described}
    return {"energy_kev": axis.values} | ({} if axis.signal == "eds" else {"signal": axis.signal})


def channels_from_columns(columns: Mapping[str, Any]) -> SpectralAxis:
    """Return the axis of the channels; without a `signal` it is "eds".

    Raises
    ------
    KeyError
        If an entry is missing.
    ValueError
        If the values do not increase.
    """
    signal: Any = str(columns.get("signal", "eds"))
    if signal != "any":
        return SpectralAxis(columns["energy_kev"], signal=signal)
    name, units = (str(columns[f"spectral_{field}"]) for field in ("name", "units"))
    return SpectralAxis(columns["spectral_values"], name, units, signal)
