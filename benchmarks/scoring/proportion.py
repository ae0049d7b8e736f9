"""Compute how certain a share of independent trials is: Wilson's 95 % interval."""

from scipy import stats


def proportion_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the interval of the probability behind `hits` of `trials`."""
    low, high = stats.binomtest(int(hits), int(trials)).proportion_ci(method="wilson")
    return float(low), float(high)
