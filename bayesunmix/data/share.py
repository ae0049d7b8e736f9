"""Describe the share of all counts that a component makes, and how wrong it may be."""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict


class Share(TypedDict):
    """Hold the fraction of all counts that one component makes, as `bayesunmix.region` infers it for an image."""

    mean: float
    lower: float
    upper: float
    counting_sd: float
    endmember_sd: float
    feasible_half_width: float | None  # None where all spectra are known
    identified: str


#: What a verdict means, in words for a reader of a table or a title.
VERDICTS = {"yes": "identified", "range-only": "only a range", "no": "not identified"}


def say_share(share: Share, separator: str = " ") -> str:
    """Write a share with its interval and, where the counts do not determine it, the verdict.

    Returns
    -------
    str
        Such as "27 % of counts (19 to 31 %)", or "19 to 60 % of counts (not identified)": where the counts do not tell
        a share, no single number is given.
    """
    if share["identified"] == "no":
        return f"{say_interval(share)} of counts{separator}({VERDICTS['no']})"
    doubt = "" if share["identified"] == "yes" else f", {VERDICTS[share['identified']]}"
    return f"{percent(share['mean'], share)} % of counts{separator}({say_interval(share)}{doubt})"


def say_interval(share: Share) -> str:
    """Write the interval of a share, such as "19 to 31 %"."""
    return f"{percent(share['lower'], share)} to {percent(share['upper'], share)} %"


def percent(value: float, share: Share) -> str:
    """Write a value in percent, without its sign, to the first digit of a share's error bar or feasible range."""
    error = max(math.hypot(share["counting_sd"], share["endmember_sd"]), share["feasible_half_width"] or 0)
    return f"{100 * value:.{_places(100 * error, 1)}f}"


def own_percent(error: float) -> str:
    """Write an error in percent to its own second digit, with its sign."""
    return f"{100 * error:.{_places(100 * error, 2)}f} %"


def _places(error: float, digits: int) -> int:
    """Return how many places after the point show so many digits of an error: none to five."""
    if not 0 < error < math.inf:
        return 1
    return min(max(digits - 1 - math.floor(math.log10(error)), 0), 5)


def not_identified(names: Sequence[str], fractions: Mapping[str, Share]) -> list[int]:
    """Return the numbers of the components whose share the counts do not tell."""
    return [k for k, name in enumerate(names) if name in fractions and fractions[name]["identified"] == "no"]
