"""Write the page of known misses: every target that is missed, read off the published results."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.published import read_rows
from benchmarks.reporting.evidence import ABOUT, HEADINGS, SUITES, read_evidence, unmeasured
from benchmarks.reporting.findings import Finding
from benchmarks.reporting.markdown import how_it_was_made
from benchmarks.reporting.speed_targets import speed_findings
from benchmarks.site import PAGES

_INTRODUCTION = """# Known misses

This page lists every target that the published results miss. A target is met if the mean over seeds lies in it on
every phantom and at every dose that was measured: each of these is a case. "Its interval reaches the target" says that
the seeds leave doubt, and of one seed nobody knows how far another would be off. The tables are on the page
[calibration](calibration.md).
"""


@PAGES.register("known_misses")
def known_misses(results: Path, figures: Path) -> str:
    """Write the page of every target missed, of cells that failed, and of what was not measured."""
    evidence = read_evidence(results)
    speeds = results / "speed.csv"
    found = [*evidence.findings, *(speed_findings(read_rows(speeds)) if speeds.is_file() else ())]
    missed = [finding for finding in found if not finding.met]
    parts = [
        _INTRODUCTION.rstrip(),
        f"{len(missed)} of {len(found)} targets are missed.",
        *_by_subject(missed),
    ]
    if failed := list(_failed(results)):
        parts += ["## Cells that did not end", "\n".join(failed)]
    lacking = {name: cells for name, rows in evidence.rows.items() if (cells := list(unmeasured(name, rows)))}
    if lacking:
        lines = [f"- `{name}.csv`: {'; '.join(cells)}." for name, cells in lacking.items()]
        parts += ["## Not measured yet, or with fewer seeds", "\n".join(lines)]
    parts.append(how_it_was_made(results / f"{name}.csv" for name in evidence.rows))
    return "\n\n".join(parts)


def _by_subject(missed: list[Finding]) -> Iterable[str]:
    """Group the sentences under the headings of what they are about."""
    for subject, heading in {**HEADINGS, "speed": "Speed"}.items():
        sentences = [f"- {finding.sentence}" for finding in missed if finding.subject == subject]
        if sentences:
            yield f"## {heading}"
            yield from [ABOUT[subject]] if subject in ABOUT else []
            yield "\n".join(sentences)


def _failed(results: Path) -> Iterable[str]:
    """Name the cells of the published suites that failed."""
    for name in SUITES:
        if (results / f"{name}.csv").is_file():
            rows = read_rows(results / f"{name}.csv")
            for row in rows[rows["status"] == "failed"].itertuples():
                yield f"- {row.method} on {row.phantom} at dose {row.dose:g}, seed {row.seed}: {row.message}."
