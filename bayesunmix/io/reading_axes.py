"""Make sense of the axes of a file: which one has the channels, in which unit, and in which direction.

A unit that is given is believed, whatever the step is, and one that is no energy is refused for X-rays. Only where
there is no unit does the step of a detector's channels (0.5 to 200 eV) tell eV from keV. A step that no detector has,
and a guess, are said in the log.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.data.grid import Axis
from bayesunmix.data.spectral_axis import Signal, SpectralAxis, even_step

_log = logging.getLogger("bayesunmix")

_NO_UNIT = {"", "<undefined>", "undefined", "none"}
_PIXELS = {*_NO_UNIT, "px", "pix", "pixel", "pixels"}
_SYMBOLS = {"ev": 1e-3, "kev": 1.0}  # in keV, however they are capitalised
_PREFIXED = {"meV": 1e-6, "MeV": 1e3}  # which differ by the capital letter alone
_WORDS = {"": 1e-3, "kilo": 1.0, "milli": 1e-6, "mega": 1e3}  # before "electronvolt"
_NARROWEST_KEV, _WIDEST_KEV = 5e-4, 0.2  # channels of detectors


class Refused(ValueError):
    """Refuse data with a sentence of our own, to be distinguished from whatever a reader raises."""


class Channels(NamedTuple):
    """Hold the axis of the channels, and whether it descends in the file: the counts must then be turned round."""

    axis: SpectralAxis
    descends: bool


def channels_of(name: str, axis: dict[str, Any], signal: Signal) -> Channels:
    """Read the axis of the channels.

    Parameters
    ----------
    name : str
        What to call the data in messages.
    axis : dict
        `name`, `units`, and either `scale`, `offset` and `size`, or the values `axis`.
    signal : {"eds", "xrf", "any"}

    Raises
    ------
    Refused
        If the axis is not calibrated, its unit is no energy (of X-rays), or its steps are not even (of anything else).
    """
    values = _values(name, axis, signal)
    descends = values.size > 1 and bool(values[-1] < values[0])
    values = values[::-1] if descends else values
    read = _any_axis(name, axis, values) if signal == "any" else _xray_axis(name, axis, values, signal)
    if descends:
        _log.warning("the axis of channels of %s descends: turned it round, and the counts with it", name)
    return Channels(read, descends)


def counted_as(axis: SpectralAxis, signal: Signal | None, name: str) -> SpectralAxis:
    """Give the axis of a file that knows its signal another one, if that is asked.

    Raises
    ------
    Refused
        If the file holds no X-rays, and these are asked for.
    """
    if signal in (None, axis.signal):
        return axis
    if not axis.is_xray:
        raise Refused(
            f"{name!r} has the axis {axis.label}, written with signal='any', and no X-rays; leave signal out"
        )
    return replace(axis, signal=signal)


def channel_position(axes: Sequence[dict[str, Any]], signal: Signal | None) -> int | None:
    """Find the axis of the channels.

    Of X-rays: by unit or name first, then by the reader's mark, which can be wrong. Of any other signal: by the mark,
    and the last axis where not exactly one is marked.
    """
    marked = [i for i, axis in enumerate(axes) if axis.get("navigate") is False]
    if signal == "any":
        return marked[0] if len(marked) == 1 else len(axes) - 1 if axes else None
    named = [i for i, axis in enumerate(axes) if _is_energy(axis)]
    return next((found[0] for found in (named, marked) if len(found) == 1), None)


def pixel_axis(name: str, axis: dict[str, Any]) -> Axis:
    """Return a navigation axis; without a unit it counts in pixels."""
    called, units = ("" if axis.get(key) is None else str(axis[key]) for key in ("name", "units"))
    if axis.get("scale") is None and axis.get("axis") is not None:
        raise Refused(
            f"axis {called!r} of {name} must have even steps, which a map has; interpolate it to even steps"
        )
    called = "axis" if called in ("", "<undefined>") else called
    if units.strip().lower() in _PIXELS:
        return Axis(called)
    step = abs(float(axis.get("scale") or 0))
    if not 0 < step < math.inf:
        _log.warning("the pixels of %s have no size along %s: maps are drawn in pixels", name, called)
        return Axis(called)
    return Axis(called, step, _with_micro(units), float(axis.get("offset") or 0))


def note_signal_type(name: str, signal_type: Any, signal: Signal | None) -> None:
    """Say in the log where a file says of itself that it holds no X-rays, and is read as X-rays."""
    kind = str(signal_type or "").strip()
    if (
        signal != "any"
        and kind.lower() not in _NO_UNIT
        and not kind.upper().startswith(("EDS", "EDX", "XRF"))
    ):
        _log.warning(
            "%s says that its signal is %s, and is read as X-rays: read it with signal='any' if it is none",
            name,
            kind,
        )


def _values(name: str, axis: dict[str, Any], signal: Signal) -> np.ndarray:
    """Return the centres of the channels as the file has them: in order, up or down."""
    values, scale = axis.get("axis"), axis.get("scale")
    if scale is not None and (float(scale) == 0 or not np.isfinite(float(scale))):
        raise Refused(_not_calibrated(name, axis, signal, f"a scale of {float(scale):g}"))
    if values is None:
        if scale is None or axis.get("size") is None:
            raise Refused(_not_calibrated(name, axis, signal, "no scale"))
        values = float(axis.get("offset") or 0) + float(scale) * np.arange(int(axis["size"]))
    values = np.asarray(values, dtype=np.float64).ravel()
    steps = np.diff(values)
    if not np.isfinite(values).all():
        raise Refused(_not_calibrated(name, axis, signal, "values that are not finite"))
    if values.size > 1 and not ((steps > 0).all() or (steps < 0).all()):
        raise Refused(_not_calibrated(name, axis, signal, "a step of 0, or steps up and down"))
    return values


def _xray_axis(name: str, axis: dict[str, Any], values: np.ndarray, signal: Signal) -> SpectralAxis:
    """Return energies in keV, by the unit that is given or by the step where none is."""
    factor = _kev_per_unit(name, axis)
    if factor is None:
        factor = _guessed(name, axis, signal, values)
    _note_step(name, axis, values * factor)
    return SpectralAxis(values * factor, signal=signal)


def _guessed(name: str, axis: dict[str, Any], signal: Signal, values: np.ndarray) -> float:
    """Return how many keV a unit that is not given has, by the step of the channels."""
    width = float(np.median(np.diff(values))) if values.size > 1 else float("nan")
    factor = 1.0 if 5e-4 <= width <= 0.2 else 1e-3 if 0.5 <= width <= 200 else None
    if factor is None or (width == 1 and values[0] == 0):
        raise Refused(_not_calibrated(name, axis, signal, f"step {width:g}, no unit"))
    unit = "keV" if factor == 1 else "eV"
    _log.warning("the energy axis of %s has no unit: read its step of %g as %s", name, width, unit)
    return factor


def _not_calibrated(name: str, axis: dict[str, Any], signal: Signal, why: str) -> str:
    called = f" ({_name(axis)})" if _name(axis) else ""
    if signal == "any":
        return f"the axis of channels of {name}{called} is not calibrated ({why}): set its scale and offset"
    return (
        f"the energy axis of {name}{called} is not calibrated ({why}): set its scale, offset and units (keV), or pass "
        "an array to bayesunmix.SpectrumImage(counts, energy_kev); signal='any' reads what is no X-ray spectrum"
    )


def _note_step(name: str, axis: dict[str, Any], energy_kev: np.ndarray) -> None:
    """Say where a unit that was given makes channels of a width that no X-ray detector has."""
    if energy_kev.size < 2 or not _unit(axis):
        return
    width = float(np.median(np.diff(energy_kev)))
    if not _NARROWEST_KEV <= round(width, 9) <= _WIDEST_KEV:
        _log.warning(
            "the energy axis of %s is in %s: read as %.6g to %.6g keV in steps of %g keV, which no X-ray detector has; "
            "correct the unit in the file if it is wrong, or read what is no X-ray spectrum with signal='any'",
            *(name, _unit(axis), energy_kev[0], energy_kev[-1], width),
        )


def _any_axis(name: str, axis: dict[str, Any], values: np.ndarray) -> SpectralAxis:
    """Return an axis of even steps with the name and the unit that it has."""
    step = even_step(values, tolerance=0.02)
    if step is None:
        steps = np.diff(values)
        raise Refused(
            f"the axis of channels of {name} must have even steps, and its steps go from {steps.min():.4g} to "
            f"{steps.max():.4g}; give the counts as an array with the number of the channel for an axis: "
            "bayesunmix.SpectrumImage(counts, spectral_axis=bayesunmix.Axis('Channel'))"
        )
    units = _unit(axis)
    units = "" if units.lower() in _PIXELS else _with_micro(units)
    return SpectralAxis(values, _name(axis) or "Channel", units, "any")


def _is_energy(axis: dict[str, Any]) -> bool:
    """Return True if the unit or the name of an axis is that of an energy."""
    unit = _unit(axis)
    return _kev_of(unit) is not None or "energy" in _name(axis).lower()


def _kev_per_unit(name: str, axis: dict[str, Any]) -> float | None:
    """Return how many keV the unit has, None without a unit; refuse one that is no energy."""
    unit = _unit(axis)
    if not unit:
        return None
    factor = _kev_of(unit)
    if factor is None:
        raise Refused(
            f"the axis of channels of {name} ({_name(axis) or 'without a name'}) is in {unit}, which is no energy in "
            "eV or keV: read it with signal='any' (--signal any) if it is no X-ray spectrum, or correct the unit in "
            "the file"
        )
    return factor


def _kev_of(unit: str) -> float | None:
    """Return how many keV a unit has, in a usual spelling; None where it is no energy of X-rays."""
    if unit in _PREFIXED:
        return _PREFIXED[unit]
    plain = re.sub(r"[\s_\-()\[\].]", "", unit)
    plain = re.sub(r"(/|per)ch(annel|an)?$", "", plain)
    if plain in _PREFIXED:
        return _PREFIXED[plain]
    plain = plain.lower()
    word = re.fullmatch(r"(kilo|milli|mega|)electronvolts?", plain)
    return _WORDS[word[1]] if word else _SYMBOLS.get(plain)


def _unit(axis: dict[str, Any]) -> str:
    """Return the unit that is given, "" for none (HyperSpy's is "<undefined>")."""
    unit = "" if axis.get("units") is None else str(axis["units"]).strip()
    return "" if unit.lower() in _NO_UNIT else unit


def _name(axis: dict[str, Any]) -> str:
    name = "" if axis.get("name") is None else str(axis["name"]).strip()
    return "" if name.lower() in _NO_UNIT else name


def _with_micro(units: str) -> str:
    """Write the micro sign in one way."""
    return re.sub(r"\bum\b", "\u00b5m", units.replace("\u03bc", "\u00b5"))
