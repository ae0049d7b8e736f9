"""Write compositions as text and as rows of a CSV file."""

from typing import TYPE_CHECKING, Any

from bayesunmix.data.display.words import NOT_TOLD

if TYPE_CHECKING:
    from bayesunmix.quantification.amounts import Amount
    from bayesunmix.quantification.composition import Composition, ElementAmount, Quantification

COMMON_FACTORS = (
    "The error of the k-factors is common to all parts: a ratio of the same two elements between two parts does not "
    "have it."
)


def composition_table(part: "Composition") -> str:
    """Lay out a composition: a line for each element, with four errors side by side."""
    rows = composition_cells(part)
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [
                *(cell.ljust(w) for cell, w in zip(row[:2], width[:2], strict=True)),
                *(cell.rjust(w) for cell, w in zip(row[2:], width[2:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]
    said = [f"  {amount.element}: {remark}" for amount in part.elements for remark in amount.remarks]
    if part.mass_thickness is not None:
        thickness = part.mass_thickness
        said.append(
            f"  mass thickness {thickness.mean:.3g} ug/cm2, {thickness.lower:.3g} to {thickness.upper:.3g}"
        )
    if part.formulas:
        said.append(f"  {formula_sentence(part)}")
    head = part.name if part.name.startswith(part.kind) else f"{part.kind} {part.name}"
    return "\n".join([f"{head}: {part.n_counts:,.0f} counts", *lines, *said])


def composition_cells(part: "Composition") -> list[list[str]]:
    """Return a heading, then a row of cells for each element."""
    level = 100 * part.elements[0].atomic.value.interval
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
    return [head, *(_cells(amount) for amount in part.elements)]


def formula_sentence(part: "Composition") -> str:
    """Say which formula is nearest; "" where none was given."""
    if not part.formulas:
        return ""
    best = part.formulas[0]
    verdict = "fits" if best.fits else "does not fit"
    misfits = ", ".join(f"{fit.formula} {fit.misfit:.3g}" for fit in part.formulas)
    return f"nearest formula: {best.formula}, which {verdict} (misfit for each degree of freedom: {misfits})"


def report_sentence(part: "Composition", found: "Quantification") -> str:
    """Return the sentence to copy into a paper."""
    told = [
        f"{a.element} {_percent(a.atomic.lower)} to {_percent(a.atomic.upper)}"
        if a.detected
        else f"{a.element} below {_percent(a.atomic.upper)}"
        for a in part.elements
    ]
    return (
        f"{part.name} holds {', '.join(told)} at.% ({100 * found.level:g} % intervals, which include the errors of "
        "counting, of the unmixing with its other solutions, and of the k-factors)."
    )


def quantification_table(found: "Quantification") -> str:
    """Lay out all compositions, and what they rest on."""
    factors = ", ".join(f"{f.line} {f.k:.4g} +- {100 * f.sd:.2g} %" for f in found.factors)
    said = [f"k-factors (weight): {factors}"]
    if found.left_out:
        said.append(f"left out: {', '.join(found.left_out)}")
    said += [f"assuming {one}" for one in found.assumptions]
    if len(found.parts) > 1:
        said.append(COMMON_FACTORS)
    said += [f"warning: {one}" for one in found.warnings]
    return "\n\n".join([*(composition_table(part) for part in found.parts), "\n".join(said)])


def quantification_rows(found: "Quantification") -> list[dict[str, Any]]:
    """Return a row for each element of each part; fractions are between 0 and 1."""
    factor = {f.element: f for f in found.factors}
    return [
        {
            "part": part.name,
            "kind": part.kind,
            "element": amount.element,
            "line": amount.line,
            **_numbers("atomic", amount.atomic),
            **_numbers("weight", amount.weight),
            "identified": amount.atomic.identified,
            "net_counts": None if amount.net is None else amount.net.mean,
            "net_counts_sd": None if amount.net is None else amount.net.sd,
            "k_factor": factor[amount.element].k if amount.element in factor else None,
            "k_factor_relative_sd": factor[amount.element].sd if amount.element in factor else None,
            "interval": found.level,
            "remarks": "; ".join(amount.remarks),
        }
        for part in found.parts
        for amount in part.elements
    ]


def _numbers(name: str, amount: "Amount") -> dict[str, float | None]:
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


def _cells(amount: "ElementAmount") -> list[str]:
    a = amount.atomic
    feasible = "known" if a.feasible is None else f"{_percent(a.feasible[0])} to {_percent(a.feasible[1])}"
    return [
        amount.element + ("*" if amount.remarks else ""),
        amount.line or "stoichiometry",
        _mean(a),
        f"{_percent(a.lower)} to {_percent(a.upper)}",
        _percent(a.counting_sd),
        _percent(a.endmember_sd),
        feasible,
        _percent(a.factor_sd),
        _mean(amount.weight),
    ]


def _mean(amount: "Amount") -> str:
    """Write a mean, or a limit where it may be 0, or the word for what the counts do not tell."""
    if amount.upper_limit is not None:
        return f"< {_percent(amount.upper_limit)}"
    return NOT_TOLD if amount.identified == "no" else _percent(amount.mean)


def _percent(value: float) -> str:
    percent = 100 * value
    return f"{percent:.1f}" if percent >= 10 else f"{percent:.2f}"
