"""Write numbers as the sentences of a report do: shares in percent, with as many digits as their errors allow."""

import math
import re

from bayesunmix.analysis.quantity import Quantity

_FEWEST = 1e-4  # probabilities below are said to be below
_LEAST = 1e-7  # and shares
_IS_PHASE = re.compile(r"phase\b", re.IGNORECASE)


def say_phase(name: str) -> str:
    """Write what a phase is called: "phase Cr", and "phase 1" where this is its name."""
    return name if _IS_PHASE.match(name) else f"phase {name}"


def say_short(name: str, most: int = 26) -> str:
    """Cut a long name for a picture: "olivine (Mg,Fe)2SiO4, for…"."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def say_of(subject: str, says: str) -> str:
    """Put what is spoken of before a sentence that begins with "its", "no line" or a number."""
    return f"{subject}: {says[:1].lower()}{says[1:]}"


def say_number(value: float, unit: str = "") -> str:
    """Write a fraction as a percentage, and anything else with its unit; three digits, and one below a percent."""
    if not unit and 0 < value < _LEAST:
        return f"less than {say_digits(100 * _LEAST, 1)} %"
    if unit:
        return f"{say_digits(value, 3)} {unit}"
    return f"{say_digits(100 * value, 3 if abs(value) >= 0.01 else 1)} %"


def say_number_of(n: int, what: str) -> str:
    """Write how many there are: "1 pixel", "2 pixels"."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def say_with_error(share: float, sd: float) -> str:
    """Write a share as a percentage, to the first digit of its error: "39 +- 4 %"."""
    places = _places(100 * sd)
    return f"{100 * share + 0.0:.{places}f} +- {100 * sd:.{places}f} %"


def say_interval(share: Quantity) -> str:
    """Write a share as a percentage with its interval: "3.1 % (2.5 to 3.6 %)"."""
    places = _places(50 * (share.upper - share.lower))
    mean, lower, upper = (
        f"{100 * value + 0.0:.{places}f}" for value in (share.mean, share.lower, share.upper)
    )
    return f"{mean} % ({lower} to {upper} %)"


def say_probability(p_value: float) -> str:
    """Write in how many of all cases something happens."""
    return (
        f"{say_digits(100 * p_value, 2)} % of all cases"
        if p_value >= _FEWEST
        else "less than 0.01 % of all cases"
    )


def say_p(p_value: float) -> str:
    """Write a p-value in a cell of a table."""
    return say_digits(p_value, 2) if p_value >= _FEWEST else f"< {_FEWEST:.4f}"


def say_odds(log_odds: float) -> str:
    """Write odds from their natural logarithm."""
    return f"{say_digits(math.exp(log_odds), 2)} to 1" if log_odds < 14 else "over a million to 1"


def say_counts(counts: float) -> str:
    """Write a number of counts to two digits."""
    return say_digits(counts, 2)


def say_thousands(number: float) -> str:
    """Write a whole number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u2009")


def say_digits(value: float, digits: int) -> str:
    """Write a number to some digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:.{max(places, 0)}f}".rstrip("0").rstrip(".") if places > 0 else f"{rounded:.0f}"


def _places(error: float) -> int:
    """Return the decimal places of the first digit of an error, at most three."""
    return min(max(-math.floor(math.log10(max(error, 1e-3))), 0), 3)
