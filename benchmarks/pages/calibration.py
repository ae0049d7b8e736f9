"""Write the page on calibration: how often intervals cover the truth, with seeds and targets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.calibrations import sbc
from benchmarks.reporting.calibration_grids import text
from benchmarks.reporting.coverage_table import MODELS, TARGETS, share_text
from benchmarks.reporting.evidence import ABOUT, HEADINGS, Evidence, read_evidence
from benchmarks.reporting.findings import LEAST_RIGHT
from benchmarks.reporting.markdown import how_it_was_made, markdown_figure, markdown_table
from benchmarks.reporting.panels import panel_styles, panels
from benchmarks.reporting.ranking import NOTHING
from benchmarks.scoring.shared_error import limits, shared_over_seeds
from benchmarks.site import PAGES

_INTRODUCTION = """# Calibration of the error bars

A 90 % interval is right if it covers the true value in 90 % of the cases. Phantoms have a known truth, so this can be
counted. Each table says over how many seeds; ± is the 95 % interval of the mean over seeds, which one seed does not
have. Pixels of one image share their endmembers and are not independent, so they do not make a share more certain.
**Bold** marks a mean outside its target; in the figures a green band is the target.

What is counted: abundances and line intensities in each pixel where the material makes more than 5 % of the counts,
endmembers in each channel that holds more than 0.0001 of the spectrum, one-sided limits where it makes less than 5 %.
"""


@PAGES.register("calibration")
def calibration(results: Path, figures: Path) -> str:
    """Write the page of everything that was measured about error bars."""
    evidence = read_evidence(results)
    met = sum(finding.met for finding in evidence.findings)
    parts = [
        _INTRODUCTION.rstrip(),
        f"{met} of {len(evidence.findings)} targets are met; [known misses](known-misses.md) lists the others.",
        _targets(),
    ]
    for source in MODELS:
        if source in evidence.rows:
            parts += _of_source(evidence, source, figures)
    parts += _others(evidence)
    parts.append(how_it_was_made(results / f"{name}.csv" for name in evidence.rows))
    return "\n\n".join(parts)


def _targets() -> str:
    rows = [
        [quantity, f"{level} %", f"{low:g} to {high:g}"] for (quantity, level), (low, high) in TARGETS.items()
    ]
    return "## Targets\n\n" + markdown_table(["intervals of", "level", "target"], rows)


def _of_source(evidence: Evidence, source: str, figures: Path) -> Iterator[str]:
    """Write the coverages of one source: a row a phantom, dose and model, a column a quantity and level."""
    table = evidence.tables["coverage"]
    rows = table[table["source"] == source]
    columns = list(dict.fromkeys(zip(rows["quantity"], rows["level"], strict=True)))
    lines = []
    for (phantom, dose, model), some in rows.groupby(["phantom", "dose", "model"], sort=True):
        cells = {(row.quantity, row.level): _share(row) for row in some.itertuples()}
        seeds = str(some["seeds"].iloc[0])
        lines.append(
            [phantom, f"{dose:g}", model, seeds, *(cells.get(column, NOTHING) for column in columns)]
        )
    headings = ["phantom", "dose", MODELS[source].replace("_", " "), "seeds"]
    headings += [f"{quantity}, {level} %" for quantity, level in columns]
    yield f"## {HEADINGS[source]}"
    yield ABOUT[source]
    yield markdown_table(headings, lines)
    asked = rows[(rows["quantity"] == "abundances") & (rows["level"] == 90)]
    if len(asked):
        yield _figure(source, asked, figures)
    yield from _shared(evidence.rows[source], MODELS[source])


def _shared(rows: pd.DataFrame, model: str) -> Iterator[str]:
    """Write the error that all pixels of a material share, where it was measured."""
    if "shared_z" not in rows or rows["shared_z"].isna().all():
        return
    table = shared_over_seeds(rows[rows["shared_z"].notna()], ["phantom", "dose", model], [])
    lines = [
        [
            row["phantom"],
            f"{row['dose']:g}",
            row[model],
            str(row["seeds"]),
            _within(row["shared_z"], *limits(row["seeds"])[0]),
            _within(row["shared_z_rms"], *limits(row["seeds"])[1]),
            _within(row["deviations_90"], *TARGETS["deviations from the mean", 90]),
        ]
        for row in table.to_dict("records")
    ]
    yield (
        "Pixels of an even material share one error, so that intervals of one image cover nearly all of them or nearly "
        "none. z is the error of the mean over the pure pixels of the commonest material, in standard deviations of "
        f"its draws: over 20 seeds its mean lies within {limits(20)[0][1]:.2f} of 0, and its root mean square between "
        f"{limits(20)[1][0]:.2f} and {limits(20)[1][1]:.2f}, in 95 % of cases. Intervals of the deviations from "
        f"that mean cover each pixel's own part ({NOTHING} where the truth is even, as far as its photons can tell)."
    )
    head = ["phantom", "dose", model.replace("_", " "), "seeds", "mean z", "rms z", "deviations, 90 %"]
    yield markdown_table(head, lines)


def _within(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return NOTHING
    written = f"{value:.2f}"
    return written if low <= value <= high else f"**{written}**"


def _share(row: object) -> str:
    written = share_text(row)
    return written if getattr(row, "verdict", "") in ("met", "") else f"**{written}**"


def _figure(source: str, rows: pd.DataFrame, figures: Path) -> str:
    drawn = panel_styles(sorted(rows["model"].unique()))
    some = rows.rename(columns={"model": "name", "coverage": "mean", "pm": "error"})
    figure = panels(some, drawn, "covered by 90 % intervals", TARGETS["abundances", 90])
    title = f"Share of the true abundances in their 90 % intervals against dose: {HEADINGS[source].lower()}"
    return markdown_figure(figure, figures / f"calibration-{source}.png", title)


def _others(evidence: Evidence) -> Iterator[str]:
    """Write the summaries of the other calibrations."""
    tables = evidence.tables
    if "sbc" in tables:
        yield f"## {HEADINGS['sbc']}"
        yield (
            "Parameters are drawn from the prior, counts given them, and the truth must rank among the draws of its "
            "posterior as one of them. A right sampler stays in the band, with all its quantities, in 95 % of "
            f"calibrations. All samplers but {', '.join(f'`{name}`' for name in sbc.RIGHT)} are wrong on purpose or by "
            "construction, and must be found out."
        )
        yield _sbc_table(tables["sbc"])
    if "checks" in tables:
        yield f"## {HEADINGS['checks']}"
        yield (
            "How often `bayesunmix.check` alarms. The cases that begin with `right_` are of a correct model, so that "
            "their alarms are false. The others are wrong by the strength named; the coverage is that of 90 % "
            "intervals of single pixels, and of sums over 16 x 16 pixels, if the wrong spectra are taken for right."
        )
        yield _plain_table(tables["checks"])
    if "rank" in tables:
        yield f"## {HEADINGS['rank']}"
        yield (
            "Trials in which the number of components was right: as `bayesunmix.rank` recommends it, and by each of "
            f"its criteria. The target is {100 * LEAST_RIGHT:.0f} % of the trials."
        )
        yield _plain_table(tables["rank"])
    if "starts" in tables:
        yield f"## {HEADINGS['starts']}"
        yield (
            "`nmf` from its own starts, and from a start at the truth that no user has: trials in which the angle to "
            "the true endmembers is nearly the same (`within`), and the largest ratio of the two angles."
        )
        yield _plain_table(tables["starts"])


def _sbc_table(table: pd.DataFrame) -> str:
    rows = [
        [
            f"`{sampler}`",
            str(some["simulations"].iloc[0]),
            f"{some['p_value'].min():.1g}",
            f"{some['coverage_90'].min():.3f} to {some['coverage_90'].max():.3f}",
            ", ".join(some.loc[some["leaves_band"], "quantity"]) or "none",
        ]
        for sampler, some in table.groupby("sampler", sort=False)
    ]
    headings = [
        "sampler",
        "simulations",
        "smallest p-value",
        "90 % intervals cover",
        "quantities outside the band",
    ]
    return markdown_table(headings, rows)


def _plain_table(table: pd.DataFrame) -> str:
    """Write a summary as it is; integers that pandas holds as floats are whole again."""
    names = {"low": "from (95 %)", "high": "to (95 %)"}
    rows = [
        [text(float(value) if isinstance(value, np.floating) else value) for value in row]
        for row in table.itertuples(index=False)
    ]
    return markdown_table([names.get(column, column.replace("_", " ")) for column in table], rows)
