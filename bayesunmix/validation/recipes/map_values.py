"""Say whether the values of a map follow from counts: by a factor, by rounding, or not exactly."""

from typing import NamedTuple

import numpy as np

_SINGLE = 1e-5  # of the largest value: errors of sums in single precision
# Rounding may hide a difference, unless counts lie further apart than whole numbers, or there are many levels.
_SPREAD, _LEVELS = 2.0, 64


class Relation(NamedTuple):
    """Hold how a map follows from counts: map = factor x (counts - darkest), brought to whole numbers.

    Attributes
    ----------
    exact : bool
        Whether every pixel does.
    factor, darkest : float
    rounding : str
        "", "rounded" or "cut off".
    difference : float
        Largest difference of a pixel, in units of the map.
    correlation : float
    """

    exact: bool
    factor: float
    darkest: float
    rounding: str
    difference: float
    correlation: float


def relate(values: np.ndarray, counts: np.ndarray) -> Relation:
    """Compare the values of a map (n,) with counts, (n,)."""
    correlation = _correlation(values, counts)
    size = max(float(np.abs(values).max()), 1e-300)
    plain = float(np.abs(values - counts).max())
    if plain <= _SINGLE * size:
        return Relation(True, 1.0, 0.0, "", plain, correlation)
    # A slope is the factor with and without something subtracted; rounded values have it to a fraction of a step.
    slope = float(np.cov(values, counts)[0, 1] / max(np.var(counts, ddof=1), 1e-300))
    nearest = Relation(False, slope, 0.0, "", float(np.abs(values - slope * counts).max()), correlation)
    if correlation < 0.5:
        return nearest
    for darkest in dict.fromkeys((0.0, float(counts.min()))):
        above = counts - darkest
        factor = float(values @ above / (above @ above))
        off = float(np.abs(values - factor * above).max())
        if off <= _SINGLE * size:
            return Relation(True, factor, darkest, "", off, correlation)
        if (values == np.round(values)).all():
            for rounding, low, high in (("rounded", 0.5, 0.5), ("cut off", 0.0, 1.0)):
                found = _whole_number_factor(values, above, low, high)
                if found is not None and (found >= _SPREAD or values.max() >= _LEVELS):
                    return Relation(True, found, darkest, rounding, 0.0, correlation)
    return nearest


def _whole_number_factor(values: np.ndarray, counts: np.ndarray, low: float, high: float) -> float | None:
    """Return a factor for which every pixel lies between value - low and value + high; None if there is none.

    Values of 255 and 65535 may have been cut there.
    """
    slack = 1e-9
    empty = counts <= 0
    if (np.abs(values[empty]) > max(low, 1e-6)).any():
        return None
    values, counts = values[~empty], counts[~empty]
    cut = np.isin(values, (255, 65535)) & (values == values.max())
    least = ((values - low) / counts).max()
    most = ((values + high) / counts)[~cut].min(initial=np.inf)
    if least > most * (1 + slack):
        return None
    return float(least if np.isinf(most) else (least + most) / 2)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0
