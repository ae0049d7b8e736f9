"""The quantities of a region as rows of a table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayesunmix.analysis.quantity import Quantity
    from bayesunmix.analysis.regions import Region


def quantity_rows(region: "Region") -> list[dict[str, Any]]:
    """Return a row for the counts, and one for the fraction, of each component, and of each sum."""
    return [
        {"component": content.name, "quantity": kind, **quantity_row(quantity)}
        for content in (*region.components, *region.sums)
        for kind, quantity in (("counts", content.amount), ("fraction", content.fraction))
    ]


def quantity_row(quantity: "Quantity") -> dict[str, Any]:
    """Return the numbers of a quantity by name."""
    lowest, highest = quantity.feasible or (None, None)
    return {
        "mean": quantity.mean,
        "lower": quantity.lower,
        "upper": quantity.upper,
        "interval": quantity.interval,
        "upper_limit_95": quantity.upper_limit,
        "counting_sd": quantity.counting_sd,
        "endmember_sd": quantity.endmember_sd,
        "feasible_lower": lowest,
        "feasible_upper": highest,
        "identified": quantity.identified,
    }
