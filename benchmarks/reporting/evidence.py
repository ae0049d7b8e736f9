"""Sum up all that was measured about error bars, checks and numbers of components, from a folder of results.

The rows come from `python -m benchmarks calibration NAME`, and from the published suites for the coverage of whole
methods. Reports and pages show the same sums and the same findings.
"""

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bayesunmix as bu
from benchmarks.calibration import CALIBRATIONS
from benchmarks.calibrations import sbc
from benchmarks.published import read_rows
from benchmarks.reporting import findings
from benchmarks.reporting.coverage_table import MODELS, coverage_table
from benchmarks.reporting.findings import Finding
from benchmarks.reporting.rank_band import with_band
from benchmarks.reporting.ranking import first_components
from benchmarks.reporting.score_table import score_table

SUITES = ("main", "peers")
SUMMED = ("checks", "rank", "starts", "real", "validate")
HEADINGS = {
    "maps": "Maps, the endmembers known",
    "pipeline": "The whole method bayes",
    "weights": "Weights of endmembers that own their lines",
    "compositions": "Compositions in atomic per cent",
    "main": "Methods with intervals, the main suite",
    "peers": "The whole method bayes on four phantoms",
    "sbc": "Simulation-based calibration",
    "checks": "Checks of the model",
    "rank": "Number of materials",
    "starts": "Starts",
    "real": "Recordings, and phantoms in which assumptions are false",
    "validate": "Claims about maps",
}

ABOUT = {
    "maps": "The true spectra are given, so that only the maps are unknown. `bayes` uses `chosen`: "
    "photons that are kept apart choose the prior.",
    "pipeline": "`bayes` as users run it, with the number of components given. `smooth` knows nothing of the spectra, "
    "`template` knows the lines of the elements seen. `nicr_mixed` is not unique to either, and `bayes` marks every "
    "share of it as not identified.",
    "weights": "Where phases own their lines, the weight of a phase is the share of its counts that are in its lines.",
    "compositions": "Elements of a component that were detected. Those that the counts identify have intervals of "
    "their own; of the others the interval reaches over the feasible range. `known`: the factors of the simulation; "
    "`drawn`: factors that are wrong at random by 10 %, which the intervals are told.",
    "main": "The methods of the suite `main_reduced` that have intervals, the spectra unknown.",
    "peers": "`bayes` on whole phantoms, the spectra unknown.",
    "real": "What is known of recordings, and the truth of phantoms at 120 counts per pixel, `bayes` at its defaults. "
    "Intervals are total ones.",
    "validate": "Reports of `bayesunmix.validate` on claims that are right, and on claims with a planted error, "
    "without an unmixing. The page [claims](claims.md) has the tables.",
}


@dataclass(frozen=True)
class Evidence:
    """Hold what a folder of results shows.

    Parameters
    ----------
    rows : dict of DataFrame
        The rows of each file, by its name; of the suites those of methods with intervals.
    tables : dict of DataFrame
        Coverages, scores, and the summary of each other calibration.
    histograms : dict of (quantities, bins) array
        Ranks of simulation-based calibration, by sampler.
    findings : list of Finding
        Each target, whether it is met, and a sentence.
    """

    rows: dict[str, pd.DataFrame]
    tables: dict[str, pd.DataFrame]
    histograms: dict[str, np.ndarray]
    findings: list[Finding]

    @property
    def trials(self) -> dict[str, pd.DataFrame]:
        """Return the rows that hold coverages, by source."""
        return {source: self.rows[source] for source in MODELS if source in self.rows}


def read_evidence(folder: Path) -> Evidence:
    """Read and sum up every file of a folder that is there and holds rows.

    Parameters
    ----------
    folder : Path
        Folder with `maps.csv`, `pipeline.csv`, `weights.csv`, `sbc.csv`, `checks.csv`, `rank.csv`, `starts.csv`,
        `main.csv` and `peers.csv`, or some of them.

    Raises
    ------
    ValueError
        If the folder holds none of these files, or one lacks a column that says what was measured.
    """
    rows = _read(folder)
    trials = {source: rows[source] for source in MODELS if source in rows}
    found = {"coverage": coverage_table(trials), "scores": score_table(trials)}
    histograms = sbc.pooled(rows["sbc"]) if "sbc" in rows else {}
    if histograms:
        found["sbc"] = with_band(CALIBRATIONS["sbc"].summarise(rows["sbc"]), histograms)
    found |= {name: CALIBRATIONS[name].summarise(rows[name]) for name in SUMMED if name in rows}
    return Evidence(rows, found, histograms, list(_findings(found, trials)))


def unmeasured(name: str, rows: pd.DataFrame) -> Iterator[str]:
    """Name the cells of a calibration that its file does not hold, or holds with fewer seeds than others."""
    if name not in CALIBRATIONS:
        return
    keys = list(CALIBRATIONS[name].grid)
    trials = rows[[*keys, "seed"]].drop_duplicates()  # a trial may have several rows
    seeds = Counter(trials[keys].itertuples(index=False, name=None))
    most = max(seeds.values())
    for cell in CALIBRATIONS[name].cells(range(1)):
        n = seeds[tuple(cell[key] for key in keys)]
        if n < most:
            values = (f"{cell[key]:g}" if key == "dose" else str(cell[key]) for key in keys)
            yield ", ".join(values) + (f" ({n} of {most} seeds)" if n else "")


def _read(folder: Path) -> dict[str, pd.DataFrame]:
    names = [name for name in (*CALIBRATIONS, *SUITES) if (folder / f"{name}.csv").is_file()]
    rows = {name: read_rows(folder / f"{name}.csv") for name in names}
    for name in SUITES:
        if name in rows:
            rows[name] = _with_intervals(rows[name])
    rows = {name: some for name, some in rows.items() if len(some)}
    if not rows:
        raise ValueError(
            f"{folder} holds no rows of a calibration; make some with: python -m benchmarks calibration maps --out "
            f"{folder}/maps.csv"
        )
    for name, some in rows.items():
        keys = ["phantom", "dose", MODELS[name]] if name in SUITES else list(CALIBRATIONS[name].grid)
        lacking = [key for key in [*keys, "seed"] if key not in some]
        if lacking:
            raise ValueError(f"{folder}/{name}.csv lacks the columns {', '.join(lacking)}; write it anew")
    return rows


def _with_intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of methods that have intervals. Bounds see the truth, so that no target is set for them."""
    asked = rows["coverage_90"].notna() & (rows["components"] == first_components(rows))
    return rows[asked & (rows["role"] != "bound")]


def _findings(found: Mapping[str, pd.DataFrame], trials: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    yield from findings.of_coverage(found["coverage"])
    for source, rows in trials.items():
        if "shared_z" in rows:
            yield from findings.of_shared_errors(source, rows, MODELS[source])
    yield from findings.of_errors(found["scores"])
    if "sbc" in found:
        yield from findings.of_ranks(found["sbc"])
    if "checks" in found:
        false_alarms = inspect.signature(bu.check).parameters["false_alarms"].default
        yield from findings.of_checks(found["checks"], false_alarms)
    if "rank" in found:
        yield from findings.of_numbers_of_materials(found["rank"])
    if "starts" in found:
        yield from findings.of_starts(found["starts"])
    if "real" in found:
        yield from findings.of_claims(found["real"])
    if "validate" in found:
        yield from findings.of_validations(found["validate"])
