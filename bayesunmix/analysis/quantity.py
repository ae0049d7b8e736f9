"""Hold one number of a result with its three kinds of error, which are never merged.

Counting noise shrinks with more counts in the region. The error of the endmembers shrinks with more counts anywhere in
the image. The feasible range shrinks with neither: within it, other solutions fit the counts as well.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayesunmix.analysis.totals import split_variance
from bayesunmix.data.display.words import NOT_TOLD
from bayesunmix.data.draws import quantile, require_probability
from bayesunmix.data.rotations import Include, require_include, widened
from bayesunmix.data.share import VERDICTS

LIMIT_LEVEL = 0.95
HALF_90 = 1.6448536269514722  # standard deviations from the mean to the ends of a normal 90 % interval
# L. A. Currie, Anal. Chem. 40, 586 (1968): what is smaller than about three errors has not been detected.
DETECTED = 3.0
NEGLIGIBLE_SHARE, DECISIVE_SHARE = 0.5, 2.0  # of the posterior sd

Verdict = Literal["yes", "range-only", "no"]


@dataclass(frozen=True, repr=False)
class Quantity:
    """Summarise the posterior of one number.

    Parameters
    ----------
    mean : float
    lower, upper : float
        Ends of the interval. It includes the errors of counting and of the endmembers, and the other solutions that fit
        as well, unless they were left out by ``include="counting"``.
    interval : float
        Probability of the interval.
    upper_limit : float or None
        One-sided 95 % limit, where the quantity may be zero: its mean is less than 3 standard deviations, or its
        feasible range begins at zero. None otherwise.
    counting_sd : float
        Standard deviation that would remain if the endmembers were known exactly.
    endmember_sd : float
        Standard deviation that is added because the endmembers are not known (law of total variance). It is
        estimated from draws; less than about a sixth of `counting_sd` cannot be distinguished from 0.
    feasible : (float, float) or None
        Range over the other solutions that fit the counts as well (`bayesunmix.identify`). None where all spectra are
        known.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> fraction = bu.region(result, image, np.ones((8, 8), bool))[0].fraction
    >>> fraction.lower < fraction.mean < fraction.upper
    True
    >>> fraction.sd >= fraction.counting_sd
    True
    >>> fraction.feasible[0] <= fraction.feasible[1]
    True
    """

    mean: float
    lower: float
    upper: float
    interval: float
    upper_limit: float | None
    counting_sd: float
    endmember_sd: float
    feasible: tuple[float, float] | None

    def __repr__(self) -> str:
        number = NOT_TOLD if self.identified == "no" else f"{self.mean:.4g}"
        ends = f"{100 * self.interval:g} % interval {self.lower:.4g} to {self.upper:.4g}"
        return f"Quantity({number}, {ends}, {VERDICTS[self.identified]})"

    @property
    def sd(self) -> float:
        """Return the posterior standard deviation, of counting and endmembers together."""
        return math.hypot(self.counting_sd, self.endmember_sd)

    @property
    def feasible_half_width(self) -> float | None:
        """Return half of the width of the feasible range."""
        if self.feasible is None:
            return None
        lowest, highest = self.feasible  # a ratio may be infinite
        return 0.0 if lowest == highest else (highest - lowest) / 2

    @property
    def identified(self) -> Verdict:
        """Say whether the data determine the number: "yes", "range-only" or "no" (see `bayesunmix.verdict`)."""
        if self.feasible is not None:
            beyond = max(self.feasible[0] - self.mean, self.mean - self.feasible[1])
            if beyond > DECISIVE_SHARE * self.sd and not self.lower <= self.mean <= self.upper:
                return "no"  # the mean is none of the solutions that an assumption has left
        return verdict(self.feasible_half_width or 0.0, self.sd)


def verdict(half_width: float, total_sd: float) -> Verdict:
    """Say whether the data determine a quantity.

    Parameters
    ----------
    half_width : float
        Half of the width of its feasible range.
    total_sd : float
        Its posterior standard deviation, of counting and of the endmembers together.

    Returns
    -------
    "no"
        If the half-width is more than 2 standard deviations: the error bar would not include the other solutions.
    "range-only"
        If it is more than 0.5 standard deviations: quote the range beside the error bar. The bias is at most the
        half-width, and with half a standard deviation a 90 % interval still covers at least 85 %.
    "yes"
        Otherwise.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> bu.verdict(half_width=0.001, total_sd=0.01)
    'yes'
    >>> bu.verdict(half_width=0.01, total_sd=0.01)
    'range-only'
    >>> bu.verdict(half_width=0.1, total_sd=0.01)
    'no'
    """
    if not (half_width >= 0 and total_sd >= 0):
        raise ValueError(f"half_width and total_sd must not be negative, got {half_width} and {total_sd}")
    if half_width > DECISIVE_SHARE * total_sd:
        return "no"
    return "range-only" if half_width > NEGLIGIBLE_SHARE * total_sd else "yes"


def quantities(
    values: np.ndarray,
    interval: float,
    feasible: np.ndarray | None,
    own: np.ndarray,
    include: Include,
    most: float = np.inf,
) -> list[Quantity]:
    """Reduce draws of K numbers to K quantities.

    Parameters
    ----------
    values : (D, 2, n, K) array
        As `bayesunmix.analysis.totals.draw_totals` gives them, or a function of these.
    interval : float
        Probability of the intervals.
    feasible : (2, K) array or None
        Lower and upper ends of the feasible ranges.
    own : (K,) array
        What the estimate has, reckoned as the feasible ranges are.
    include : {"total", "counting"}
        Whether intervals go on to the ends of the feasible ranges.
    most : float
        The largest value that the numbers can have.

    Raises
    ------
    ValueError
        If the interval does not lie between 0 and 1.
    """
    require_probability(interval)
    require_include(include)
    flat = values.reshape(-1, values.shape[-1])
    tail = (1 - interval) / 2
    lower, upper, limit = quantile(flat, [tail, 1 - tail, LIMIT_LEVEL])
    mean = flat.mean(axis=0)
    if include == "total" and feasible is not None:
        lower, upper = widened(lower, upper, own, feasible[0], feasible[1], most)
        limit = np.maximum(limit, upper)
    counting, endmembers = (np.sqrt(variance) for variance in split_variance(values))
    detected = mean >= DETECTED * np.hypot(counting, endmembers)
    if feasible is not None:
        detected &= feasible[0] > 0
    return [
        Quantity(
            float(mean[k]),
            float(lower[k]),
            float(upper[k]),
            interval,
            None if detected[k] else float(limit[k]),
            float(counting[k]),
            float(endmembers[k]),
            None if feasible is None else (float(feasible[0, k]), float(feasible[1, k])),
        )
        for k in range(len(mean))
    ]


def table(rows: dict[str, Quantity], heading: str) -> str:
    """Write quantities as a plain table, one line each; where the counts do not tell a number, its mean is left out."""
    interval = next(iter(rows.values())).interval
    head = [heading, "mean", f"{100 * interval:g} % interval", "95 % limit", "counting sd", "endmember sd"]
    lines = [[*head, "feasible +-", "identified"]]
    for name, q in rows.items():
        half_width = q.feasible_half_width
        error = max(q.sd, half_width or 0)
        lines.append(
            [
                name,
                NOT_TOLD if q.identified == "no" else _digits(q.mean, error),
                f"{_digits(q.lower, error)} to {_digits(q.upper, error)}",
                "" if q.upper_limit in (None, math.inf) else f"< {_digits(q.upper_limit, error)}",
                _digits(q.counting_sd, q.counting_sd),
                _digits(q.endmember_sd, q.endmember_sd),
                "known" if half_width is None else _digits(half_width, half_width),
                q.identified,
            ]
        )
    width = [max(map(len, column)) for column in zip(*lines, strict=True)]
    laid = [
        "  ".join([line[0].ljust(width[0]), *(c.rjust(w) for c, w in zip(line[1:], width[1:], strict=True))])
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in laid)


def _digits(value: float, sd: float) -> str:
    """Round a value to the second digit of its error, and write it."""
    if not 0 < sd < math.inf or math.isinf(value):
        return f"{value:.3g}" if sd > 0 else f"{value:g}"
    places = 1 - math.floor(math.log10(sd))
    return f"{round(value, places):.{max(places, 0)}f}"
