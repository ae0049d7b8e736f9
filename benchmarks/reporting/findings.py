"""Say whether each target is met, in sentences made of the numbers.

Targets exist for coverage, errors of weights, ranks of simulation-based calibration, alarms of the check, the number
of materials, and starts. Whatever misses its target is said by name, with its number: nothing is typed by hand.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.calibrations.sbc import RIGHT
from benchmarks.reporting.coverage_table import share_text
from benchmarks.scoring.proportion import proportion_interval
from benchmarks.scoring.shared_error import limits, shared_over_seeds

LEAST_P = 6e-4  # of a right sampler, each quantity
MOST_P = 1e-4  # of a wrong one, its worst quantity
SBC_TARGET = (0.855, 0.945)  # coverage of 90 % intervals of a right sampler
LEAST_COVERAGE = 0.8  # below, a wrong model must have alarmed
LEAST_HOLDS = 0.9  # of the trials of a claim
MOST_CONTRADICTED = 0.05  # of the reports on right claims
LEAST_RIGHT = 0.95  # of the numbers of materials
MOST_RMS_Z = 1.3  # root mean square error of weights, in posterior standard deviations
_MOST_CASES = 4  # that a sentence names


class Finding(NamedTuple):
    """Hold one target: what it belongs to, whether it is met, and a sentence with the numbers."""

    subject: str
    met: bool
    sentence: str


def of_coverage(table: pd.DataFrame) -> Iterator[Finding]:
    """Say of each source, model, quantity and level whether the intervals handed out cover what they should."""
    asked = table[table["verdict"] != ""]
    for keys, rows in asked.groupby(["source", "model", "quantity", "level"], sort=False):
        source, model, quantity, level = keys
        first = rows.iloc[0]
        limits = quantity == "one-sided limits"
        what = f"{level} % {quantity}" if limits else f"{level} % intervals of {quantity}"
        target = f"{first['target_low']:g} to {first['target_high']:g}"
        missed = rows[rows["verdict"] != "met"]
        if missed.empty:
            low, high = rows["coverage"].min(), rows["coverage"].max()
            said = (
                f"cover {low:.3f} to {high:.3f} of the true values in {_cases(len(rows))}; target {target}."
            )
        else:
            words = " or ".join(missed["verdict"].unique())
            cases = f"{len(missed)} of {_cases(len(rows))}"
            said = f"cover {words} true values in {cases}: {_where(missed)}; target {target}."
        yield Finding(source, missed.empty, f"{model}: {what} {said}")


def of_shared_errors(source: str, rows: pd.DataFrame, model: str) -> Iterator[Finding]:
    """Say whether errors that all pixels of a material share are as large as the draws say.

    Parameters
    ----------
    source : str
    rows : DataFrame
        With the column `shared_z`, one row a trial.
    model : str
        The column that says how it was inferred.
    """
    known = shared_over_seeds(rows[rows["shared_z"].notna()], ["phantom", "dose", model], [])
    for name, some in known.groupby(model, sort=False):
        missed = []
        for row in some.to_dict("records"):
            of_mean, of_rms = limits(row["seeds"])
            if (
                not of_mean[0] <= row["shared_z"] <= of_mean[1]
                or not of_rms[0] <= row["shared_z_rms"] <= of_rms[1]
            ):
                numbers = f"mean {row['shared_z']:.2f} and root mean square {row['shared_z_rms']:.2f}"
                missed.append(f"{numbers} on {row['phantom']} at dose {row['dose']:g} ({row['seeds']} seeds)")
        said = (
            f"outside of 95 % limits in {len(missed)} of {_cases(len(some))}: {'; '.join(missed)}"
            if missed
            else (f"inside of 95 % limits in {_cases(len(some))}")
        )
        yield Finding(
            source, not missed, f"{name}: the error that pixels share, in its standard deviations, is {said}."
        )


def of_errors(scores: pd.DataFrame) -> Iterator[Finding]:
    """Say whether the errors of endmember weights are as large as their standard deviations say."""
    asked = scores[scores["score"] == "mean_square_z"]
    for (source, model), rows in asked.groupby(["source", "model"], sort=False):
        root = np.sqrt(rows["mean"])
        missed = rows[root >= MOST_RMS_Z]
        worst = rows.loc[root.idxmax()]
        said = f"errors are at most {root.max():.2f} posterior standard deviations (root mean square)"
        where = f"on {worst['phantom']} at dose {worst['dose']:g}, of {_cases(len(rows))}"
        sentence = f"{model}: {said}, {where}; target less than {MOST_RMS_Z:g}."
        yield Finding(source, missed.empty, sentence)


def of_ranks(table: pd.DataFrame) -> Iterator[Finding]:
    """Say whether the right sampler stays in the band, and whether every other one leaves it."""
    for sampler, rows in table.groupby("sampler", sort=False):
        out = rows.loc[rows["leaves_band"], "quantity"]
        least, low, high = rows["p_value"].min(), rows["coverage_90"].min(), rows["coverage_90"].max()
        numbers = f"smallest p-value {least:.1g}, 90 % intervals cover {low:.3f} to {high:.3f}"
        where = f"ranks of {_listed(list(out))} leave the band" if len(out) else "no rank leaves the band"
        if sampler in RIGHT:
            covered = rows["coverage_90"].between(*SBC_TARGET).all()
            met = bool(out.empty and least >= LEAST_P and covered)
            verdict = "passes, as it must" if met else "fails, and must not"
        else:
            met = bool(len(out) and least < MOST_P)
            verdict = "fails, as it must" if met else "is not found out, and must be"
        yield Finding("sbc", met, f"{sampler} {verdict}: {where} ({numbers}).")


def of_checks(table: pd.DataFrame, false_alarms: float) -> Iterator[Finding]:
    """Say how often the check gives a false alarm, and whether it alarms before intervals fail."""
    right = table["case"].str.startswith("right_")
    if right.any():
        alarms, trials = int(table.loc[right, "alarms"].sum()), int(table.loc[right, "trials"].sum())
        low, high = proportion_interval(alarms, trials)
        rate = f"{alarms / trials:.3f}, 95 % interval {low:.3f} to {high:.3f}"
        sentence = f"False alarms in {alarms} of {trials} trials of a correct model ({rate}); target {false_alarms:g}."
        yield Finding("checks", low <= false_alarms, sentence)
    failing = table[(table[["coverage_pixels", "coverage_squares"]].min(axis=1) < LEAST_COVERAGE) & ~right]
    for row in failing.itertuples():
        covered = min(row.coverage_pixels, row.coverage_squares)
        yield Finding(
            "checks",
            row.alarms == row.trials,
            f"{row.case} at dose {row.dose:g}: 90 % intervals cover {covered:.3f}, less than {LEAST_COVERAGE:g}, and "
            f"the check alarms in {row.alarms} of {row.trials} trials; target all.",
        )


def of_numbers_of_materials(table: pd.DataFrame) -> Iterator[Finding]:
    """Say for which phantoms the recommended number of components is the true one."""
    for phantom, rows in table.groupby("phantom", sort=False):
        counts = ", ".join(
            f"{r.recommended} of {r.trials} trials at dose {r.dose:g}" for r in rows.itertuples()
        )
        met = bool((rows["recommended"] >= LEAST_RIGHT * rows["trials"]).all())
        target = f"target {100 * LEAST_RIGHT:.0f} % at each dose"
        yield Finding("rank", met, f"{phantom}: the number of materials is right in {counts}; {target}.")


def of_starts(table: pd.DataFrame) -> Iterator[Finding]:
    """Say for which phantoms `nmf` gets as near to the truth as from a start at the truth."""
    for phantom, rows in table.groupby("phantom", sort=False):
        within, trials = int(rows["within"].sum()), int(rows["trials"].sum())
        yield Finding(
            "starts",
            within == trials,
            f"{phantom}: nmf ends as near to the truth as from a start at the truth in {within} of {trials} trials "
            f"(largest ratio of the angles {rows['worst_ratio'].max():.3f}); target all.",
        )


def of_claims(table: pd.DataFrame) -> Iterator[Finding]:
    """Say which claims about recordings, and about phantoms in which assumptions are false, hold often enough."""
    for row in table.itertuples():
        said = f"{row.value:.3g}"
        if np.isfinite(row.lower):
            said += f" ({row.lower:.3g} to {row.upper:.3g})"
        if np.isfinite(row.known):
            said += f", known {row.known:.3g}"
        of = "on average " if row.trials > 1 else ""
        yield Finding(
            "real",
            bool(row.holds >= LEAST_HOLDS * row.trials),
            f"{row.case}, {row.method}: {row.fact} holds in {row.holds} of {row.trials} trials ({of}{said}); target "
            f"{100 * LEAST_HOLDS:.0f} %.",
        )


def of_validations(table: pd.DataFrame) -> Iterator[Finding]:
    """Say how often right claims are contradicted, and whether planted errors are found and never supported."""
    right = table["least_found"].isna()
    for dose, rows in table[right].groupby("dose"):
        wrong, n = int(rows["contradicted"].sum()), int(rows["reports"].sum())
        most = int(stats.binom.ppf(0.975, n, MOST_CONTRADICTED))
        said = f"right claims at {dose:g} counts per pixel: {wrong} of {n} reports contradict any part"
        yield Finding("validate", wrong <= most, f"{said}; target at most {most}.")
    for row in table[~right].itertuples():
        said = (
            f"{row.case} at {row.dose:g} counts per pixel: found in {row.found:.0f} of {row.reports} reports"
        )
        met = row.found >= row.least_found * row.reports and row.supported <= MOST_CONTRADICTED * row.reports
        said += f", called supported in {row.supported:.0f}; target found in {100 * row.least_found:g} %"
        yield Finding("validate", bool(met), f"{said}, supported in at most {100 * MOST_CONTRADICTED:g} %.")


def _where(missed: pd.DataFrame) -> str:
    """Name the cases that miss their target, or the worst where there are many."""
    if len(missed) <= _MOST_CASES:
        return "; ".join(map(_case, missed.itertuples()))
    off = (missed["coverage"] - missed[["target_low", "target_high"]].mean(axis=1)).abs()
    return f"at worst {_case(missed.loc[off.idxmax()])}"


def _case(row: Any) -> str:
    """Write a share with its interval and where it was measured, and whether the seeds leave doubt."""
    reaches = row.low <= row.target_high and row.target_low <= row.high
    doubt = "one seed" if row.seeds == 1 else "its interval reaches the target" if reaches else ""
    return f"{share_text(row)} on {row.phantom} at dose {row.dose:g}{f' ({doubt})' if doubt else ''}"


def _cases(n: int) -> str:
    return f"{n} case" if n == 1 else f"{n} cases"


def _listed(names: Sequence[str]) -> str:
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last
