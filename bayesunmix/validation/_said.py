"""Write a share with its error, for a sentence."""


def say_percent(share: float, sd: float) -> str:
    """Write a share as a percentage, to the first digit of its error: "39 +- 4 %"."""
    value, error = 100 * share, 100 * sd
    if error >= 1:
        return f"{value:.0f} +- {error:.0f} %"
    return f"{value:.3g} +- {error:.1g} %" if error >= 0.1 else f"{value:.3g} +- {max(error, 0.001):.1g} %"
