r"""Say how large a misfit is: the share of the counts that the model puts in the wrong place.

A p-value says that a misfit is no chance. With millions of counts a misfit may be certain and too small to matter, so
every alarm comes with a share of all counts. Of a window or a fault it is the difference itself. Of a deviance D that
should be :math:`D_0`, it follows from :math:`D - D_0 \approx \sum \delta^2 / \mu`, with :math:`\delta` the misfit
beyond counting noise: relative to the counts it has the root mean square :math:`((D - D_0) / \sum \mu)^{1/2}`, and the
misplaced counts :math:`\sum |\delta|` are at most that times :math:`\sum \mu`.
"""

import math
from typing import NamedTuple

from bayesunmix.checks.severity import NOMINAL, coverage_of_shift


class Said(NamedTuple):
    """Hold what is said of a misfit.

    Attributes
    ----------
    text : str
    share : float
        Share of all counts that the text is about; NaN for one that only counts other misfits.
    brief : str
        How large it is and where, without deviances, errors and cause.
    coverage : float
        What misfits of this kind leave of the coverage of a 90 % interval (`checks.severity`).
    """

    text: str
    share: float
    brief: str = ""
    coverage: float = NOMINAL


def shifting(said: list[Said], error: float) -> list[Said]:
    """Take into account that the counts of all these misfits may belong to a component whose share has this error."""
    misplaced = sum(one.share for one in said if not math.isnan(one.share))
    left = coverage_of_shift(misplaced, error)
    return [one if math.isnan(one.share) else one._replace(coverage=min(one.coverage, left)) for one in said]


def relative_misfit(deviance: float, expected: float, counts: float) -> float:
    """Return the root mean square of the misfit relative to the counts, at most 1, beyond counting noise."""
    return min(math.sqrt(max(deviance - expected, 0) / max(counts, 1e-300)), 1.0)


def say_share(share: float) -> str:
    """Write a share in percent, with one or two digits."""
    percent = 100 * abs(share)
    if percent < 0.001:
        return "less than 0.001 %"
    return (
        f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.2g} %" if percent >= 1 else f"{percent:.1g} %"
    )
