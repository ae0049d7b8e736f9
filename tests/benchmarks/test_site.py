"""Pages of results: the same bytes twice, every figure there, and every number from the files."""

import itertools
import re

import pandas as pd
import pytest

from benchmarks.published import RESULTS, read_rows
from benchmarks.reporting.coverage_table import TARGETS
from benchmarks.reporting.evidence import read_evidence
from benchmarks.reporting.markdown import how_it_was_made, markdown_table
from benchmarks.reporting.speed_targets import speed_findings
from benchmarks.site import write_site


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the site twice."""
    folders = [tmp_path_factory.mktemp(name) for name in ("once", "again")]
    for folder in folders:
        write_site(folder)
    return folders


def test_two_runs_write_the_same_bytes(written):
    once, again = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*.*")} for f in written)
    assert once == again
    assert {str(path) for path in once if path.suffix == ".md"} == {
        "accuracy.md",
        "calibration.md",
        "claims.md",
        "known-misses.md",
        "peers.md",
        "speed.md",
    }


def test_every_figure_is_shown_once_and_every_link_leads_somewhere(written):
    folder = written[0]
    pages = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.md"))
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", pages)
    assert sorted(shown) == sorted(f"figures/{path.name}" for path in (folder / "figures").iterdir())
    assert all((folder / link).is_file() for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", pages))


def test_every_table_is_whole(written):
    for path in written[0].glob("*.md"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ")
        for above, line in itertools.pairwise(lines):
            if above.startswith("|") and line.startswith("|"):
                assert above.count("|") == line.count("|"), f"{path.name}: {line}"


def test_every_missed_target_is_listed_and_no_other(written):
    page = (written[0] / "known-misses.md").read_text(encoding="utf-8")
    found = [*read_evidence(RESULTS).findings, *speed_findings(read_rows(RESULTS / "speed.csv"))]
    listed = {line.removeprefix("- ") for line in page.splitlines() if line.startswith("- ")}
    missed = {finding.sentence for finding in found if not finding.met}
    assert missed <= listed
    assert not listed & {finding.sentence for finding in found if finding.met}
    assert f"{len(missed)} of {len(found)} targets are missed." in page


def test_bold_shares_are_those_outside_their_target(written):
    page = (written[0] / "calibration.md").read_text(encoding="utf-8")
    section = page.split("## Maps, the endmembers known")[1].split("\n## ")[0].split("Pixels of an even")[0]
    low, high = TARGETS["abundances", 90]
    maps = read_rows(RESULTS / "maps.csv")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()]
    rows = [row for row in rows if row[0] in set(maps["phantom"])]
    for phantom, dose, prior, seeds, *cells in rows:
        some = maps[(maps["phantom"] == phantom) & (maps["dose"] == float(dose)) & (maps["prior"] == prior)]
        assert len(some) == int(seeds)
        mean = some["coverage_90"].mean()
        assert cells[1].startswith("**") == (not low <= mean <= high)
        assert cells[1].strip("*").startswith(f"{mean:.3f}")
    assert len(rows) == maps.groupby(["phantom", "dose", "prior"]).ngroups


def test_speeds_over_their_target_are_missed():
    rows = pd.DataFrame(
        {"case": "one tilt", "method": ["bayes", "bayes_cavi", "nmf"], "seconds": [31, 1, 99.0]}
    )
    found = list(speed_findings(rows.assign(peak_mib=1.0)))
    assert [finding.met for finding in found] == [False, True]
    assert found[0].sentence == "one tilt, bayes: 31 s; target at most 30 s."


def test_columns_of_numbers_are_aligned_on_the_right():
    table = markdown_table(["", "seconds", "remark"], [["a", "**1.2**", "fast"], ["b", "n/a", ""]])
    assert table.splitlines()[1] == "|---|---:|---|"


def test_how_a_file_was_made_is_said_even_where_nobody_wrote_it_down(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    assert "nobody wrote the command down" in how_it_was_made([tmp_path / "a.csv"])
