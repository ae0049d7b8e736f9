"""Describe the axis of the channels: its values, its name and unit, and the kind of signal that was counted on it.

Three kinds of signal are told apart, because X-ray lines and the continuum beneath them are known beforehand:

====== ===================================================================================
"eds"  X-rays excited by electrons: lines, and a continuum of bremsstrahlung; energies in keV
"xrf"  X-rays excited by X-rays (micro-XRF): lines, and no bremsstrahlung; energies in keV
"any"  Counts on any other axis: electron energy loss, cathodoluminescence, FTIR, Raman, ...
====== ===================================================================================
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

Signal = Literal["eds", "xrf", "any"]
SIGNALS: tuple[str, ...] = get_args(Signal)
_EXAMPLE = "spectral_axis=bayesunmix.Axis('Wavelength', 0.5, 'nm', 350)"


@dataclass(frozen=True, eq=False)
class SpectralAxis:
    """Hold the centre of each channel, with its name and unit and the kind of signal.

    Parameters
    ----------
    values : (C,) array
        Centre of each channel, strictly increasing. Stored as float64.
    name, units : str
        What the values are, such as "Wavelength" in "nm". Energies of X-rays are in keV.
    signal : {"eds", "xrf", "any"}
        X-rays excited by electrons, X-rays excited by X-rays, or counts of any other kind.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If they are not finite and increasing, or there is no such signal, or X-rays are not in keV.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> wavelength = bu.Axis("Wavelength", scale=2.0, units="nm", offset=350.0)
    >>> image = bu.SpectrumImage(np.ones((4, 4, 3), int), spectral_axis=wavelength)
    >>> image.spectral_axis.values
    array([350., 352., 354.])
    >>> image.spectral_axis.label, image.spectral_axis.signal
    ('Wavelength (nm)', 'any')
    """

    values: np.ndarray
    name: str = "Energy"
    units: str = "keV"
    signal: Signal = "eds"

    def __post_init__(self) -> None:
        require_signal(self.signal)
        if self.is_xray and self.units != "keV":
            raise ValueError(
                f"energies of X-rays must be in keV, got {self.units!r}; convert them, or use signal='any'"
            )
        values = _increasing(
            self.values, *(("energy_kev", " in keV") if self.is_xray else ("a spectral axis", ""))
        )
        object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpectralAxis):
            return NotImplemented
        described = (self.name, self.units, self.signal) == (other.name, other.units, other.signal)
        return described and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    @property
    def is_xray(self) -> bool:
        """Return True where the values are energies of X-rays."""
        return self.signal != "any"

    @property
    def energy_kev(self) -> np.ndarray:
        """Return the centre of each channel in keV, (C,); raises `ValueError` where they are no energies of X-rays."""
        self.require_xray()
        return self.values

    def require_xray(self) -> None:
        """Raise `ValueError` unless the values are energies of X-rays."""
        if not self.is_xray:
            raise ValueError(
                f"energies of X-rays are needed here, and the axis of this image is {self.label} with signal='any'; "
                "X-ray lines and elements have no meaning on it"
            )

    @property
    def label(self) -> str:
        """Return name and unit for a picture, such as "Energy (keV)"."""
        return f"{self.name} ({self.units})" if self.units else self.name

    @property
    def column(self) -> str:
        """Return the name of a column of these values in a table, such as "energy_kev" or "wavelength_nm"."""
        return "_".join(filter(None, (_slug(self.name), _slug(self.units)))) or "channel"

    def said(self, number: str) -> str:
        """Write the unit behind a number."""
        return f"{number} {self.units}" if self.units else number

    def say(self, value: float) -> str:
        """Write one value with its unit, such as "1.74 keV"."""
        return self.said(self._number(value))

    def say_range(self, first: float, last: float) -> str:
        """Write a range with its unit, such as "0.20 to 10.00 keV"; one value where both are the same."""
        return self.say(last) if first == last else f"{self._number(first)} to {self.say(last)}"

    def say_axis(self) -> str:
        """Say what the axis is: the first and the last value, and the signal where it is not "eds"."""
        if self.signal == "eds":
            return self.say_ends()
        name = "" if self.is_xray else f"{self.name} "
        return f"{name}{self.say_ends()} (signal {self.signal!r})"

    def say_ends(self, decimals: int = 2) -> str:
        """Write the first and the last value with their unit; the decimals are those of keV."""
        first, last = (self._number(value, decimals) for value in self.values[[0, -1]])
        return self.said(f"{first} to {last}")

    def between(self, low: float, high: float) -> slice:
        """Return the channels with ``low <= value < high``.

        Raises
        ------
        ValueError
            If there is none.
        """
        inside = np.flatnonzero((self.values >= low) & (self.values < high))
        if not inside.size:
            raise ValueError(
                f"no channel lies between {low:g} and {self.said(f'{high:g}')}: "
                f"the axis runs from {self.say_ends(3)}; choose a range inside it"
            )
        return slice(int(inside[0]), int(inside[-1]) + 1)

    def taking(self, values: np.ndarray) -> "SpectralAxis":
        """Return an axis of other channels that is this one in all else."""
        return SpectralAxis(values, self.name, self.units, self.signal)

    def _number(self, value: float, decimals: int = 2) -> str:
        return f"{value:.{decimals}f}" if self.is_xray else f"{value:.6g}"


class Oriented(NamedTuple):
    """Hold an axis, and whether the counts must be turned round to follow it."""

    axis: SpectralAxis
    turned: bool


def oriented(energy_kev: Any, described: Any, signal: Any, n_channels: int) -> Oriented:
    """Make the axis of an image of what its user gave.

    Parameters
    ----------
    energy_kev : (C,) array or None
        Centre of each channel in keV, increasing.
    described : Axis or SpectralAxis or None
        Name, step, unit and offset of an axis of even steps. A negative step turns the axis round.
    signal : {"eds", "xrf", "any"} or None
        None: "eds" with energies, "any" with a described axis.
    n_channels : int

    Raises
    ------
    TypeError
        If nothing is given, or something of another kind.
    ValueError
        If both are given, or what is given contradicts the signal or has another number of channels.
    """
    if signal is not None:
        require_signal(signal)
    if energy_kev is not None and described is not None:
        raise ValueError(
            "an image has one axis of channels, got energy_kev and spectral_axis; give energy_kev for X-rays, or "
            "spectral_axis for anything else"
        )
    if energy_kev is not None:
        return Oriented(_of_energies(energy_kev, signal, n_channels), False)
    if described is None:
        raise TypeError(
            "energy_kev must be channel centres in keV, got values of type None; give them, or for anything but "
            f"X-rays {_EXAMPLE}"
        )
    if isinstance(described, SpectralAxis):
        return Oriented(_checked(described, signal, n_channels), False)
    return _of_steps(described, signal, n_channels)


def require_signal(signal: Any) -> None:
    """Raise `ValueError` unless a signal is one of the three kinds."""
    if signal not in SIGNALS:
        raise ValueError(
            f"signal must be 'eds', 'xrf' or 'any', got {signal!r}; use 'any' for what is no X-ray spectrum"
        )


def even_step(values: np.ndarray, tolerance: float = 1e-6) -> float | None:
    """Return the step of values that are evenly spaced, to a fraction of a step; None where they are not."""
    step = float(values[-1] - values[0]) / max(values.size - 1, 1)
    even = values[0] + step * np.arange(values.size)
    return step if np.allclose(values, even, rtol=0, atol=tolerance * abs(step)) else None


def _of_energies(energy_kev: Any, signal: Any, n_channels: int) -> SpectralAxis:
    if signal == "any":
        raise ValueError(
            f"energy_kev holds energies of X-rays, and signal='any' is for everything else; give {_EXAMPLE}"
        )
    given = np.asarray(energy_kev)
    if given.dtype.kind in "uif":
        _require_size("energy_kev", given.shape, n_channels)
    return SpectralAxis(energy_kev, signal=signal or "eds")


def _checked(axis: SpectralAxis, signal: Any, n_channels: int) -> SpectralAxis:
    if signal not in (None, axis.signal):
        raise ValueError(
            f"signal must be that of spectral_axis, {axis.signal!r}, got {signal!r}; leave it out"
        )
    _require_size("spectral_axis", axis.values.shape, n_channels)
    return axis


def _of_steps(described: Any, signal: Any, n_channels: int) -> Oriented:
    if signal not in (None, "any"):
        raise ValueError(
            f"signal={signal!r} is for X-rays, whose axis is energy_kev, the centre of each channel in keV; "
            "give that, or leave signal out"
        )
    if not isinstance(described, Sequence) or isinstance(described, str) or not 1 <= len(described) <= 4:
        raise TypeError(f"spectral_axis must be a bayesunmix.Axis, got {described!r}; for example {_EXAMPLE}")
    defaults: tuple[Any, ...] = ("", 1.0, "", 0.0)
    name, scale, units, offset = (*described, *defaults[len(described) :])
    try:
        step, first = float(scale), float(offset)
    except (TypeError, ValueError):
        step = first = np.nan
    if not np.isfinite([step, first]).all() or step == 0:
        raise ValueError(
            f"spectral_axis must have a finite offset and a step that is not 0, got offset {offset!r} and scale "
            f"{scale!r}; give the width of a channel as scale"
        )
    values = first + step * np.arange(n_channels)
    turned = step < 0
    # "px" is what an axis has whose unit was not given.
    unit = "" if units in (None, "px") else str(units)
    return Oriented(
        SpectralAxis(values[::-1] if turned else values, str(name) or "Channel", unit, "any"), turned
    )


def _require_size(what: str, shape: tuple[int, ...], n_channels: int) -> None:
    if shape != (n_channels,):
        raise ValueError(
            f"{what} must hold one value per channel ({n_channels}), got shape {shape}; "
            "make it as long as the last axis of counts"
        )


def _increasing(given: Any, what: str, unit: str) -> np.ndarray:
    """Return increasing values as a float64 array of their own."""
    values = np.asarray(given)
    if values.dtype.kind not in "uif":
        raise TypeError(f"{what} must be channel centres{unit}, got values of type {values.dtype}")
    values = values.astype(np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{what} must be one value per channel, got shape {values.shape}")
    steps = np.diff(values)
    is_finite = bool(np.isfinite(values).all())
    if not is_finite or (steps <= 0).any():
        descends = is_finite and (steps < 0).all()
        how = ", descending ones turned round with the counts (values[::-1] and counts[..., ::-1])"
        raise ValueError(
            f"{what} must be finite and strictly increasing; give channel centres{unit}{how if descends else ''}"
        )
    return values


def _slug(text: str) -> str:
    """Write text in lower-case letters, digits and underscores: "1/cm" is "1_cm", "µm" is "um"."""
    plain = unicodedata.normalize("NFKC", text).replace("\u03bc", "u").lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
