r"""Hold the amount of an element with four kinds of error, which are never merged.

Counting, the endmembers and the feasible range are those of `bayesunmix.Quantity`. The fourth is the error of the
k-factors. It is common to all components, regions and phases of an image: in a ratio of the same two elements between
two of them it cancels.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bayesunmix.analysis.quantity import DETECTED, LIMIT_LEVEL, Quantity, Verdict
from bayesunmix.analysis.totals import split_variance
from bayesunmix.data.draws import equal_tailed, quantile
from bayesunmix.quantification.cliff_lorimer import Recipe, atomic_fractions
from bayesunmix.quantification.net_draws import NetDraws

_N_FACTORS = 500  # draws of the factors for their own standard deviation
_MOST_DRAWS = 1000  # of net counts; more would not change the ends of an interval


@dataclass(frozen=True, repr=False)
class Amount:
    """Hold the fraction of an element, or a ratio of two.

    Parameters
    ----------
    value : Quantity
        The amount with the errors of counting and of the endmembers, and its feasible range; the factors are taken to
        be right.
    factor_sd : float
        Standard deviation that is added because the k-factors are not known exactly.
    lower, upper : float
        Ends of the interval that includes all four errors.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> quantity = bu.Quantity(0.2, 0.18, 0.22, 0.9, None, 0.01, 0.005, (0.19, 0.21))
    >>> bu.Amount(quantity, 0.02, 0.16, 0.24)
    Amount(0.2, 90 % interval 0.16 to 0.24; counting 0.01, endmembers 0.005, feasible 0.19 to 0.21, factors 0.02)
    """

    value: Quantity
    factor_sd: float
    lower: float
    upper: float

    def __repr__(self) -> str:
        q = self.value
        feasible = "known" if q.feasible is None else f"{q.feasible[0]:.4g} to {q.feasible[1]:.4g}"
        return (
            f"Amount({q.mean:.4g}, {100 * q.interval:g} % interval {self.lower:.4g} to {self.upper:.4g}; counting "
            f"{q.counting_sd:.2g}, endmembers {q.endmember_sd:.2g}, feasible {feasible}, factors {self.factor_sd:.2g})"
        )

    @property
    def mean(self) -> float:
        """Return the posterior mean."""
        return self.value.mean

    @property
    def counting_sd(self) -> float:
        """Return the standard deviation from counting alone."""
        return self.value.counting_sd

    @property
    def endmember_sd(self) -> float:
        """Return the standard deviation that the endmembers add."""
        return self.value.endmember_sd

    @property
    def feasible(self) -> tuple[float, float] | None:
        """Return the range over other solutions that fit as well."""
        return self.value.feasible

    @property
    def upper_limit(self) -> float | None:
        """Return the one-sided 95 % limit of an element that was not detected; the factors are taken to be right."""
        return self.value.upper_limit

    @property
    def identified(self) -> Verdict:
        """Return whether the counts determine the amount."""
        return self.value.identified


class Drawn(NamedTuple):
    """Hold fractions drawn from the posterior: for the estimate, under other solutions, and with other factors.

    Attributes
    ----------
    plain, spread : (D, N) arrays
        With the factors taken to be right, and with factors drawn at random.
    under, spread_under : (R, D, N) arrays
        The same under each solution.
    own : (R, N) array
        The mean under each.
    counting : (..., N) array
        See `NetDraws`.
    factors : (n, N) array
        The estimate with other factors.
    is_known : bool
    """

    plain: np.ndarray
    spread: np.ndarray
    under: np.ndarray
    spread_under: np.ndarray
    own: np.ndarray
    counting: np.ndarray
    factors: np.ndarray
    is_known: bool

    def of(self, columns: np.ndarray | list[int]) -> "Drawn":
        """Return some of the elements, with their fractions as they are."""
        return self._replace(**{name: getattr(self, name)[..., columns] for name in self._fields[:-1]})


def draw_weights(net: NetDraws, recipe: Recipe, sd: np.ndarray, seed: int) -> Drawn:
    """Turn draws of net counts into draws of weight fractions.

    The factors are drawn with the same numbers for every part of an image: their error is common.
    """
    kept = np.arange(min(len(net.draws), _MOST_DRAWS)) * len(net.draws) // min(len(net.draws), _MOST_DRAWS)
    draws, under = net.draws[kept], net.under[:, kept]
    rng = np.random.default_rng([seed, 1])
    alone = rng.standard_normal((_N_FACTORS, sd.size)) * sd
    error = rng.standard_normal((_MOST_DRAWS, sd.size))[: len(kept)] * sd
    plain, spread = recipe.weights(draws), recipe.weights(draws, error)
    alike = (
        net.under.shape[0] == 1 and net.under.shape[1] == len(net.draws) and np.array_equal(under[0], draws)
    )
    return Drawn(
        plain,
        spread,
        plain[None] if alike else recipe.weights(under),
        spread[None] if alike else recipe.weights(under, error),
        recipe.weights(net.own),
        recipe.weights(net.counting),
        recipe.weights(net.estimate, alone),
        net.is_known,
    )


def to_atoms(drawn: Drawn, elements: tuple[str, ...]) -> Drawn:
    """Turn draws of weight fractions into draws of atomic fractions."""
    fields = {name: atomic_fractions(getattr(drawn, name), elements) for name in drawn._fields[:-1]}
    return Drawn(**fields, is_known=drawn.is_known)


def amounts_of(drawn: Drawn, level: float, most: float = 1.0, *, from_zero: bool = True) -> list[Amount]:
    """Summarise draws of N numbers that lie between 0 and `most`.

    What is not detected has an interval from 0 on, unless `from_zero` is False, as for a ratio whose lower part may be
    absent.
    """
    counting, endmembers = _split(drawn)
    mean, sd = drawn.plain.mean(axis=0), np.hypot(counting, endmembers)
    low, high = drawn.own.min(axis=0), drawn.own.max(axis=0)
    detected = (mean >= DETECTED * sd) & ((low > 0) | drawn.is_known)
    # A fraction that may be 0 has an interval from there on, and one that may be all has one up to there.
    fills = (most - mean <= DETECTED * sd) if math.isfinite(most) else np.zeros(mean.size, bool)
    ends = [
        _union(under, level, detected | (not from_zero), fills, most)
        for under in (drawn.under, drawn.spread_under)
    ]
    if not drawn.is_known:  # draws may all lie to one side of the mean spectrum of a solution
        ends = [(np.minimum(lower, low), np.maximum(upper, high)) for lower, upper in ends]
    limit = np.maximum(quantile(drawn.plain, LIMIT_LEVEL), ends[0][1])
    factor_sd = drawn.factors.std(axis=0)
    return [
        Amount(
            Quantity(
                float(mean[j]),
                float(ends[0][0][j]),
                float(ends[0][1][j]),
                level,
                None if detected[j] else float(limit[j]),
                float(counting[j]),
                float(endmembers[j]),
                None if drawn.is_known else (float(low[j]), float(high[j])),
            ),
            float(factor_sd[j]),
            float(min(ends[0][0][j], ends[1][0][j])),  # a further error narrows no interval
            float(max(ends[0][1][j], ends[1][1][j])),
        )
        for j in range(mean.size)
    ]


def _split(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations from counting and from the endmembers."""
    if drawn.counting.ndim > 2:
        counting, endmembers = split_variance(drawn.counting)
        return np.sqrt(counting), np.sqrt(endmembers)
    total = drawn.plain.std(axis=0)
    counting = np.minimum(drawn.counting.std(axis=0), total)
    return counting, np.sqrt(np.maximum(total**2 - counting**2, 0))


def _union(
    under: np.ndarray, level: float, detected: np.ndarray, fills: np.ndarray, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends over the intervals under each solution."""
    ends = [equal_tailed(draws, level) for draws in under]
    lower = np.min([low for low, _ in ends], axis=0)
    upper = np.max([high for _, high in ends], axis=0)
    return np.where(detected, lower, 0.0), np.where(fills, most, upper)
