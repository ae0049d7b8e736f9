"""How far a share of independent trials is certain: Wilson's 95 % interval."""

from scipy import stats


def proportion_interval(held: int, trials: int) -> tuple[float, float]:
    """Interval of the probability behind `held` of `trials`."""
    low, high = stats.binomtest(int(held), int(trials)).proportion_ci(method="wilson")
    return float(low), float(high)
