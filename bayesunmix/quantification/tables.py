"""Write what is known of an element as cells of a table, and as a row of a CSV file."""

from collections.abc import Sequence
from typing import Any

from bayesunmix.data.display.words import NOT_TOLD
from bayesunmix.quantification.amounts import Amount
from bayesunmix.quantification.element_amount import ElementAmount
from bayesunmix.quantification.factors import LineFactor
from bayesunmix.quantification.formulas import FormulaFit

COMMON_FACTORS = (
    "The error of the k-factors is common to all parts: a ratio of the same two elements between two parts does not "
    "have it."
)


def laid_out(elements: Sequence[ElementAmount]) -> str:
    """Lay out a line for each element, with four errors side by side."""
    rows = composition_cells(elements)
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [
                *(cell.ljust(w) for cell, w in zip(row[:2], width[:2], strict=True)),
                *(cell.rjust(w) for cell, w in zip(row[2:], width[2:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    )


def composition_cells(elements: Sequence[ElementAmount]) -> list[list[str]]:
    """Return a heading, then a row of cells for each element."""
    level = 100 * elements[0].atomic.value.interval
    head = [
        "element",
        "line",
        "at.%",
        f"{level:g} % interval",
        "counting",
        "endmembers",
        "feasible",
        "factors",
        "wt.%",
    ]
    return [head, *(_cells(amount) for amount in elements)]


def formula_sentence(formulas: Sequence[FormulaFit]) -> str:
    """Say which formula is nearest; the first is."""
    best = formulas[0]
    verdict = "fits" if best.fits else "does not fit"
    misfits = ", ".join(f"{fit.formula} {fit.misfit:.3g}" for fit in formulas)
    return f"nearest formula: {best.formula}, which {verdict} (misfit for each degree of freedom: {misfits})"


def element_row(amount: ElementAmount, factor: LineFactor | None) -> dict[str, Any]:
    """Return the numbers of an element by name; fractions are between 0 and 1."""
    return {
        "element": amount.element,
        "line": amount.line,
        **_numbers("atomic", amount.atomic),
        **_numbers("weight", amount.weight),
        "interval": amount.atomic.value.interval,
        "identified": amount.atomic.identified,
        "net_counts": None if amount.net is None else amount.net.mean,
        "net_counts_sd": None if amount.net is None else amount.net.sd,
        "k_factor": None if factor is None else factor.k,
        "k_factor_relative_sd": None if factor is None else factor.sd,
        "remarks": "; ".join(amount.remarks),
    }


def _numbers(name: str, amount: Amount) -> dict[str, float | None]:
    low, high = amount.feasible or (None, None)
    return {
        name: amount.mean,
        f"{name}_lower": amount.lower,
        f"{name}_upper": amount.upper,
        f"{name}_lower_known_factors": amount.value.lower,
        f"{name}_upper_known_factors": amount.value.upper,
        f"{name}_upper_limit_95": amount.upper_limit,
        f"{name}_counting_sd": amount.counting_sd,
        f"{name}_endmember_sd": amount.endmember_sd,
        f"{name}_feasible_lower": low,
        f"{name}_feasible_upper": high,
        f"{name}_factor_sd": amount.factor_sd,
    }


def _cells(amount: ElementAmount) -> list[str]:
    a = amount.atomic
    feasible = "known" if a.feasible is None else f"{percent(a.feasible[0])} to {percent(a.feasible[1])}"
    return [
        amount.element + ("*" if amount.remarks else ""),
        amount.line or "stoichiometry",
        _mean(a),
        f"{percent(a.lower)} to {percent(a.upper)}",
        percent(a.counting_sd),
        percent(a.endmember_sd),
        feasible,
        percent(a.factor_sd),
        _mean(amount.weight),
    ]


def _mean(amount: Amount) -> str:
    """Write a mean, or a limit where it may be 0, or the word for what the counts do not tell."""
    if amount.upper_limit is not None:
        return f"< {percent(amount.upper_limit)}"
    return NOT_TOLD if amount.identified == "no" else percent(amount.mean)


def percent(value: float) -> str:
    """Write a fraction in per cent."""
    percent = 100 * value
    return f"{percent:.1f}" if percent >= 10 else f"{percent:.2f}"
