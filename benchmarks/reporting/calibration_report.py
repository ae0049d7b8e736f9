"""Write the report of calibrations: one HTML file that opens from disk; figures as PNG, tables as CSV and LaTeX.

It is made of the rows that `python -m benchmarks calibration NAME` wrote, summed up as that command sums them up, and
of the coverage in the published results of the suites, `main.csv` and `peers.csv`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.calibrations import sbc
from benchmarks.calibrations.starts import MOST_RATIO
from benchmarks.published import read_about
from benchmarks.reporting.calibration_grids import coverage_grid, score_grid, text
from benchmarks.reporting.coverage_figure import coverage_figure
from benchmarks.reporting.dose_figure import Style, styles
from benchmarks.reporting.evidence import HEADINGS, SUMMED, read_evidence, unmeasured
from benchmarks.reporting.findings import Finding
from benchmarks.reporting.page import downloads, write_page
from benchmarks.reporting.pictures import save
from benchmarks.reporting.pit_figure import pit_figures
from benchmarks.reporting.sbc_figure import sbc_figure
from benchmarks.reporting.tables import write_tables


def write_calibration_report(folder: Path, out: Path) -> list[Path]:
    """Write `report.html`, `figures/` and `tables/`.

    Parameters
    ----------
    folder : Path
        Folder with the files that `benchmarks.reporting.evidence` reads, or some of them.
    out : Path
        Folder; made if it is not there.

    Returns
    -------
    list of Path
        The report, the folders of figures and tables.

    Raises
    ------
    ValueError
        If the folder holds none of these files, or one lacks a column that says what was measured.
    """
    evidence = read_evidence(folder)
    found, histograms, told = evidence.tables, evidence.histograms, evidence.findings
    (out / "figures").mkdir(parents=True, exist_ok=True)
    tables = found | {"findings": pd.DataFrame(told, columns=Finding._fields)}
    write_tables(tables, out / "tables")
    cells = {name: list(unmeasured(name, rows)) for name, rows in evidence.rows.items()}
    write_page(
        out / "report.html",
        "calibration.html.jinja",
        headings=HEADINGS,
        most_ratio=MOST_RATIO,
        right=sbc.RIGHT,
        facts={f"{name}.csv": _made(folder / f"{name}.csv") for name in evidence.rows},
        findings=told,
        unmeasured={name: some for name, some in cells.items() if some},
        sections=list(_sections(found, evidence.trials, out)),
        ranks=list(_ranks(histograms, told, out)),
        quantities=_quantities(),
        summaries={name: found[name] for name in ("sbc", *SUMMED) if name in found},
        text=text,
        downloads=downloads(tables),
    )
    return [out / "report.html", out / "figures", out / "tables"]


def _made(path: Path) -> str:
    """Return how a file says it was made."""
    about = read_about(path)
    return (
        "\n".join([*about.get("commands", ()), *about.get("machines", ())])
        or "nobody wrote down how it was made"
    )


def _sections(
    found: Mapping[str, pd.DataFrame], trials: Mapping[str, pd.DataFrame], out: Path
) -> Iterator[dict[str, Any]]:
    """Gather the figures, coverages, ranks and scores of each source."""
    coverage, scores = found["coverage"], found["scores"]
    coverage = coverage.sort_values(["phantom", "dose", "model"], kind="stable")
    drawn = styles(sorted(coverage["model"].unique()), (), ())
    for source in dict.fromkeys(found["coverage"]["source"]):
        rows = coverage[coverage["source"] == source]
        yield {
            "name": source,
            "heading": HEADINGS[source],
            "drawn": {model: drawn[model] for model in dict.fromkeys(rows["model"])},
            "figures": list(_figures(source, rows, drawn, out)),
            "coverage": coverage_grid(rows),
            "ranks": list(_pit(source, trials[source], out)),
            "scores": score_grid(scores[scores["source"] == source]),
        }


def _figures(
    source: str, rows: pd.DataFrame, drawn: Mapping[str, Style], out: Path
) -> Iterator[dict[str, str]]:
    for (phantom, quantity, level), some in rows.groupby(["phantom", "quantity", "level"], sort=False):
        name = f"coverage-{source}-{phantom}-{quantity.replace(' ', '_')}-{level}.png"
        yield {
            "title": f"Coverage of {quantity} at {level} % against dose, {source}, {phantom}",
            "image": save(coverage_figure(some, drawn), out / "figures" / name),
        }


def _pit(source: str, trials: pd.DataFrame, out: Path) -> Iterator[dict[str, str]]:
    for phantom, model, figure in pit_figures(source, trials):
        yield {
            "title": f"Ranks of true abundances against uniform, {source}, {phantom}, {model}",
            "image": save(figure, out / "figures" / f"pit-{source}-{phantom}-{model}.png"),
        }


def _ranks(
    histograms: Mapping[str, np.ndarray], told: Iterable[Finding], out: Path
) -> Iterator[dict[str, str]]:
    """Draw the ranks of each sampler; the sentence about it goes below."""
    sentences = (finding.sentence for finding in told if finding.subject == "sbc")
    for (sampler, counted), sentence in zip(histograms.items(), sentences, strict=True):
        name = f"sbc-{sampler.replace(' ', '_')}.png"
        image = save(sbc_figure(sampler, counted, _quantities()), out / "figures" / name)
        yield {"title": f"Ranks of {sampler} against uniform", "image": image, "sentence": sentence}


def _quantities() -> dict[str, Style]:
    drawn = styles(sbc.QUANTITIES, (), ())
    return {name: drawn[name] for name in sbc.QUANTITIES}
