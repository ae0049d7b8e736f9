"""Hold the spectrum and the area that a phase is said to have."""

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ClaimedSpectrum:
    """Hold the spectrum that a phase is said to have.

    Parameters
    ----------
    counts : (C,) array
        In any unit; not all zero. A spectrum whose background was removed may be negative here and there.
    energy_kev : (C,) array or None
        Centres of its channels in keV, increasing. None for the channels of the image.

    Raises
    ------
    ValueError
        If it is not a row of finite numbers, or the energies are not as many or do not increase.
    """

    counts: np.ndarray
    energy_kev: np.ndarray | None = None

    def __post_init__(self) -> None:
        counts = numbers_of("the counts of a spectrum", self.counts)
        if counts.ndim != 1 or not np.any(counts):
            raise ValueError(
                f"a spectrum must be one row of counts that are not all zero, got shape {counts.shape}; sum the pixels "
                "of the phase first"
            )
        if not counts.sum() > 0:
            raise ValueError(
                f"a spectrum must have more counts above zero than below, and these sum to {counts.sum():.0f}; give "
                "the counts before the background was removed"
            )
        object.__setattr__(self, "counts", counts)
        if self.energy_kev is None:
            return
        energy = numbers_of("the energies of a spectrum", self.energy_kev)
        if energy.shape != counts.shape or not (np.diff(energy) > 0).all():
            raise ValueError(
                f"the energies of a spectrum must increase, one for each of its {counts.size} channels, got shape "
                f"{energy.shape}; give the centres of the channels in keV"
            )
        object.__setattr__(self, "energy_kev", energy)

    @property
    def are_whole(self) -> bool:
        """Return True if all counts are whole and none is negative, as recorded counts are."""
        return bool((self.counts >= 0).all() and (self.counts == np.round(self.counts)).all())


@dataclass(frozen=True)
class ClaimedArea:
    """Hold the area fraction that a phase is said to have.

    Parameters
    ----------
    fraction : float
        Between 0 and 1.
    half_unit : float
        Half a unit of the last digit that was given: 0.0005 for "12.3 %".

    Raises
    ------
    ValueError
        If the fraction is not between 0 and 1.
    """

    fraction: float
    half_unit: float = 0.0

    def __post_init__(self) -> None:
        for value in (self.fraction, self.half_unit):
            if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= float(value) <= 1:
                raise ValueError(
                    f"an area must be a fraction between 0 and 1, got {value!r}; divide percentages by 100"
                )


def numbers_of(what: str, value: Any) -> np.ndarray:
    """Return finite numbers as a float array; raise `TypeError` or `ValueError`, which names what they are."""
    array = np.asarray(value)
    if array.dtype == bool:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} must be numbers, got {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite, and {int((~np.isfinite(array)).sum())} are not")
    return array.astype(np.float64)
