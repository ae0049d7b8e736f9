"""The report: self-contained, complete, escaped, and reachable from the command line."""

import re
from pathlib import Path

import pytest

from benchmarks.report import write_report
from benchmarks.runner import run


@pytest.fixture(scope="module")
def results(load_tiny, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("results")
    run(load_tiny("stub_guess", "stub_raises").only(seeds=["0", "1"]), out, show_progress=False)
    return out


def test_the_report_holds_everything_and_asks_for_nothing(results):
    paths = write_report(results)
    assert all(path.exists() for path in paths)
    html = (results / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", html)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link", html)
    assert "A tiny suite" in html
    for member in ("stub_guess", "stub_raises", "mean_spectrum"):
        assert f"{member}</td>" in html
    assert "RuntimeError: the stub refuses to work" in html
    assert "only a guess." in html
    assert "90 % coverage" in html
    figures = {path.name for path in (results / "figures").iterdir()}
    assert {"dose-nicr_film-deviance.png", "trial-nicr_film-dose40-stub_guess.png"} <= figures
    assert not any("partial" in name for name in figures)


def test_another_dose_can_be_shown_and_a_wrong_one_is_named(results):
    write_report(results, dose=10.0)
    assert (results / "figures" / "trial-nicr_film-dose10-stub_guess.png").is_file()
    with pytest.raises(ValueError, match=r"there is no result of dose 7\.0; there are: 10\.0, 40\.0"):
        write_report(results, dose=7.0)


def test_a_folder_without_results_says_how_to_make_some(tmp_path):
    with pytest.raises(ValueError, match=r"holds no results; make some with: python -m benchmarks run"):
        write_report(tmp_path)
