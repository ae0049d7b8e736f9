"""Write the page on speed: seconds, seconds of compiling and memory, as `python -m benchmarks speed` measures them."""

from pathlib import Path

import pandas as pd

from benchmarks.published import read_rows
from benchmarks.reporting.markdown import how_it_was_made, markdown_table
from benchmarks.reporting.ranking import NOTHING, plus_minus
from benchmarks.reporting.speed_targets import SPEED_TARGETS, SpeedTarget
from benchmarks.site import PAGES

_SUBJECTS = {
    "methods": "Point estimates",
    "bayes": "`bayes`",
    "simulations": "Making a tilt series",
}
_INTRODUCTION = """# Speed

Seconds of a fit without compiling, seconds of compiling, and the largest resident memory of the process (image and
libraries included). Compiled code is kept between runs of the command line, so that compiling is paid once for images
of similar size. One tilt is 124 x 165 pixels x 900 channels; 73 tilts are the series of the NIST short course (Taillon,
2022). Machines differ and are noisy: read these as sizes, and measure on your own with
`python -m benchmarks speed methods`, `bayes` or `simulations`.
"""


@PAGES.register("speed")
def speed(results: Path, figures: Path) -> str:
    """Write the page of speeds, and of the seconds of each method in the main suite."""
    path, main = results / "speed.csv", results / "main.csv"
    rows = read_rows(path)
    parts = [_INTRODUCTION.rstrip()]
    for subject, some in rows.groupby("subject", sort=False):
        parts += [f"## {_SUBJECTS.get(subject, subject)}", _table(some)]
    parts += [
        "## Seconds of every method",
        "Medians over all trials of the main suite, which two workers computed at a time on two cores.",
        _of_suite(read_rows(main)),
        how_it_was_made([path, main]),
    ]
    return "\n\n".join(parts)


def _table(rows: pd.DataFrame) -> str:
    lines = []
    for row in rows.itertuples():
        target = SPEED_TARGETS.get((row.case, row.method), SpeedTarget())
        memory = f"{row.peak_mib:.0f}" if pd.notna(row.peak_mib) else NOTHING
        lines.append(
            [
                f"{row.case}, `{row.method}`",
                f"{row.photons / 1e6:.3g}",
                f"{_number(row.seconds)}{_of(target.seconds)}",
                f"{row.compile_seconds:g}" if row.compile_seconds else "0",
                f"{memory}{_of(target.mib)}",
                row.remark if isinstance(row.remark, str) else "",
            ]
        )
    headings = ["", "million photons", "seconds (target)", "compiling (s)", "MiB (target)", "remark"]
    return markdown_table(headings, lines)


def _of_suite(records: pd.DataFrame) -> str:
    ran = records[(records["status"] == "ok") & (records["role"] != "bound")]
    by = ran.groupby(["method", "role"])[["fit_seconds", "compile_seconds", "peak_mib"]]
    table = by.median().reset_index().sort_values("fit_seconds")
    first = ran.groupby("method")["compile_seconds"].max()
    rows = [
        [
            f"`{row.method}`" if row.role == "method" else f"{row.method} (peer)",
            _number(row.fit_seconds),
            _number(first[row.method]),
            f"{row.peak_mib:.0f}",
        ]
        for row in table.itertuples()
    ]
    return markdown_table(["method", "seconds", "compiling at most (s)", "MiB"], rows)


def _number(value: float) -> str:
    return plus_minus(value, float("nan"))


def _of(target: float | None) -> str:
    return "" if target is None else f" ({target:g})"
