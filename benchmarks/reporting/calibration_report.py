"""The report of calibrations: one HTML file that opens from disk; its figures as PNG, its tables as CSV and LaTeX.

It is made of the rows that `python -m benchmarks calibration NAME` wrote, summed up as that command sums them up, and
of the coverage in the published results of the suites, `main.csv`.
"""

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesunmix as bu
from benchmarks.calibration import CALIBRATIONS, read_rows
from benchmarks.calibrations import sbc
from benchmarks.calibrations.starts import MOST_RATIO
from benchmarks.reporting import findings
from benchmarks.reporting.calibration_grids import coverage_grid, score_grid, text
from benchmarks.reporting.compare import read
from benchmarks.reporting.coverage_figure import coverage_figure
from benchmarks.reporting.coverage_table import MODELS, coverage_table
from benchmarks.reporting.dose_figure import Style, styles
from benchmarks.reporting.page import downloads, write_page
from benchmarks.reporting.pictures import save
from benchmarks.reporting.pit_figure import pit_figures
from benchmarks.reporting.rank_band import with_band
from benchmarks.reporting.ranking import first_components
from benchmarks.reporting.sbc_figure import sbc_figure
from benchmarks.reporting.score_table import score_table
from benchmarks.reporting.tables import write_tables

PUBLISHED = Path(__file__).parents[1] / "results"
_MAIN = "main"
_SUMMED = ("checks", "rank", "starts")
_HEADS = {
    "maps": "Maps, the endmembers known",
    "pipeline": "The whole method bayes",
    "weights": "Weights of endmembers that own their lines",
    "main": "Other methods with intervals",
    "sbc": "Simulation-based calibration",
    "checks": "Checks of the model",
    "rank": "Number of materials",
    "starts": "Starts",
}


def write_calibration_report(folder: Path, out: Path) -> list[Path]:
    """Write `report.html`, `figures/` and `tables/`.

    Parameters
    ----------
    folder : Path
        Of `maps.csv`, `pipeline.csv`, `sbc.csv`, `checks.csv`, `rank.csv`, `starts.csv` and `main.csv`, or some.
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
    rows = _read(folder)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    trials = {source: rows[source] for source in MODELS if source in rows}
    found = {"coverage": coverage_table(trials), "scores": score_table(trials)}
    histograms = sbc.pooled(rows["sbc"]) if "sbc" in rows else {}
    if histograms:
        found["sbc"] = with_band(CALIBRATIONS["sbc"].summarise(rows["sbc"]), histograms)
    found |= {name: CALIBRATIONS[name].summarise(rows[name]) for name in _SUMMED if name in rows}
    told = list(_findings(found))
    found["findings"] = pd.DataFrame(told, columns=findings.Finding._fields)
    write_tables(found, out / "tables")
    write_page(
        out / "report.html",
        "calibration.html.jinja",
        headings=_HEADS,
        most_ratio=MOST_RATIO,
        right=sbc.RIGHT,
        facts={f"{name}.csv": _command(folder / f"{name}.csv") for name in rows},
        findings=told,
        unmeasured={name: cells for name in rows if (cells := list(_unmeasured(name, rows[name])))},
        sections=list(_sections(found, trials, out)),
        ranks=list(_ranks(histograms, told, out)),
        quantities=_quantities(),
        summaries={name: found[name] for name in ("sbc", *_SUMMED) if name in found},
        text=text,
        downloads=downloads(found),
    )
    return [out / "report.html", out / "figures", out / "tables"]


def _read(folder: Path) -> dict[str, pd.DataFrame]:
    """Read every file that is there and holds rows."""
    present = [name for name in (*CALIBRATIONS, _MAIN) if (folder / f"{name}.csv").is_file()]
    rows = {name: (read if name == _MAIN else read_rows)(folder / f"{name}.csv") for name in present}
    if _MAIN in rows:
        some = rows[_MAIN]
        rows[_MAIN] = some[some["coverage_90"].notna() & (some["components"] == first_components(some))]
    rows = {name: some for name, some in rows.items() if len(some)}
    if not rows:
        raise ValueError(
            f"{folder} holds no rows of a calibration; make some with: python -m benchmarks calibration maps --out "
            f"{folder}/maps.csv"
        )
    for name, some in rows.items():
        keys = ["phantom", "dose", MODELS[_MAIN]] if name == _MAIN else list(CALIBRATIONS[name].grid)
        lacking = [key for key in [*keys, "seed"] if key not in some]
        if lacking:
            raise ValueError(f"{folder}/{name}.csv lacks the columns {', '.join(lacking)}; write it anew")
    return rows


def _findings(found: Mapping[str, pd.DataFrame]) -> Iterator[findings.Finding]:
    yield from findings.of_coverage(found["coverage"])
    if "sbc" in found:
        yield from findings.of_ranks(found["sbc"])
    if "checks" in found:
        yield from findings.of_checks(
            found["checks"], inspect.signature(bu.check).parameters["level"].default
        )
    if "rank" in found:
        yield from findings.of_numbers_of_materials(found["rank"])
    if "starts" in found:
        yield from findings.of_starts(found["starts"])


def _command(path: Path) -> str:
    """Return how a file says it was made."""
    with path.open(encoding="utf-8") as file:
        head = [line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), file)]
    return "\n".join(head) or "it does not say how it was made"


def _unmeasured(name: str, rows: pd.DataFrame) -> Iterator[str]:
    """Name the cells of a calibration that its file has not, or with fewer seeds than others."""
    if name not in CALIBRATIONS:
        return
    keys = list(CALIBRATIONS[name].grid)
    seeds = Counter(rows[keys].itertuples(index=False, name=None))
    most = max(seeds.values())
    for cell in CALIBRATIONS[name].cells(range(1)):
        n = seeds[tuple(cell[key] for key in keys)]
        if n < most:
            values = (f"{cell[key]:g}" if key == "dose" else str(cell[key]) for key in keys)
            yield ", ".join(values) + (f" ({n} of {most} seeds)" if n else "")


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
            "heading": _HEADS[source],
            "drawn": {model: drawn[model] for model in dict.fromkeys(rows["model"])},
            "has_pairs": bool((rows["recalibration"] != "").any()),
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
    histograms: Mapping[str, np.ndarray], told: Iterable[findings.Finding], out: Path
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
