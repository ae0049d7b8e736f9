"""Write the page on claims: how often verdicts are right, and how the chance to find an error rises with the counts."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.calibrations.validate import summarise
from benchmarks.published import read_rows
from benchmarks.reporting.axes import quiet
from benchmarks.reporting.markdown import how_it_was_made, markdown_figure, markdown_table
from benchmarks.site import PAGES

_INTRODUCTION = """# Claims about maps

How often `bayesunmix.validate` is wrong about claims that are right, and how often it finds errors that were planted in
others. Reports are quick ones, which need no unmixing. A right claim is the label map of the truth; a planted error is
found if the part of the claim that is wrong is contradicted.
"""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@PAGES.register("claims")
def claims(results: Path, figures: Path) -> str:
    """Write the page of verdicts on right claims, and on claims with planted errors."""
    path = results / "validate.csv"
    if not path.is_file():
        return "\n\n".join([_INTRODUCTION.rstrip(), "Nothing is published yet."])
    rows = read_rows(path)
    table = summarise(rows)
    right = table[table["least_found"].isna()]
    planted = table[table["least_found"].notna()]
    parts = [_INTRODUCTION.rstrip()]
    if len(right):
        parts += ["## Right claims", _right(right)]
    if len(planted):
        parts += ["## Planted errors", _planted(planted)]
    told = rows[rows["difficulty"].notna()]
    if len(told):
        parts += [
            "## Power",
            "The unit of difficulty is N C: the counts of the wrong pixels, times the Chernoff information of the two "
            "spectra per photon. Errors of all phantoms and doses lie near one curve.",
            markdown_figure(_power(told), figures / "claims-power.png", "Share of errors found against N C"),
        ]
    return "\n\n".join([*parts, how_it_was_made([path])])


def _right(table: pd.DataFrame) -> str:
    lines = [
        [
            row.case.removeprefix("right: "),
            f"{row.dose:g}",
            str(row.reports),
            str(row.contradicted),
            f"{row.seconds:g}",
        ]
        for row in table.itertuples()
    ]
    totals = table[["reports", "contradicted"]].sum()
    lines.append(["all", "", str(totals["reports"]), str(totals["contradicted"]), ""])
    return markdown_table(["phantom", "counts per pixel", "reports", "contradict any part", "seconds"], lines)


def _planted(table: pd.DataFrame) -> str:
    lines = [
        [
            row.case,
            f"{row.dose:g}",
            str(row.reports),
            f"{row.found:.0f}",
            f"{row.supported:.0f}",
            "" if pd.isna(row.difficulty) else f"{row.difficulty:.3g}",
            f"{100 * row.least_found:g} %" if row.least_found else "none",
            f"{row.seconds:g}",
        ]
        for row in table.itertuples()
    ]
    head = [
        "planted error",
        "counts per pixel",
        "reports",
        "found",
        "called supported",
        "N C",
        "to be found",
        "seconds",
    ]
    return markdown_table(head, lines)


def _power(rows: pd.DataFrame) -> Figure:
    """Draw the share of errors found against N C, a colour a kind of error."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    quiet(axes, "y")
    rows = rows.assign(kind=rows["case"].str.partition(":")[0], hit=rows["found"].astype(str) == "True")
    for colour, (kind, some) in zip(_COLOURS, rows.groupby("kind", sort=False), strict=False):
        points = some.groupby(["case", "dose"]).agg(
            difficulty=("difficulty", "median"), found=("hit", "mean")
        )
        axes.plot(points["difficulty"], points["found"], "o", color=colour, ms=5, label=kind, alpha=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("N C: counts of the wrong pixels x Chernoff information per photon", fontsize=9)
    axes.set_ylabel("share of reports that find it", fontsize=9)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(frameon=False, fontsize=8.5)
    axes.tick_params(labelsize=8)
    return figure
