"""The report: self-contained, complete, escaped, and as a reader sees it in headless Chromium, wide and narrow."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.reporting.report import write_report
from benchmarks.runner import run


@pytest.fixture(scope="module")
def results(load_tiny, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("results")
    run(load_tiny("stub_guess", "stub_raises").only(seeds=["0", "1"]), out, show_progress=False)
    write_report(out)
    return out


def test_the_report_holds_everything_and_asks_for_nothing(results):
    paths = write_report(results)
    assert all(path.exists() for path in paths)
    html = (results / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", html)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"url\(|@import|<script src|<link", html)
    assert "A tiny suite" in html
    for member in ("stub_guess", "stub_raises", "mean_spectrum"):
        assert f'"name">{member}</td>' in html
    assert "RuntimeError: the stub refuses to work" in html
    assert "only a guess." in html
    assert "90 % coverage" in html
    assert re.search(r"stub_guess</td><td>Peak memory \(MiB\)</td><td>-?[0-9.]+ ± [0-9.]+</td>", html)
    figures = {path.name for path in (results / "figures").iterdir()}
    assert {"dose-nicr_film-deviance.png", "trial-nicr_film-dose40-seed0-stub_guess.png"} <= figures
    assert not any("partial" in name for name in figures)


def test_another_trial_can_be_shown_and_a_wrong_one_is_named(results):
    write_report(results, dose=10.0, seed=1)
    assert (results / "figures" / "trial-nicr_film-dose10-seed1-stub_guess.png").is_file()
    with pytest.raises(ValueError, match=r"there is no result of dose 7\.0; there are: 10\.0, 40\.0"):
        write_report(results, dose=7.0)
    with pytest.raises(ValueError, match=r"there is no result of seed 2; there are: 0, 1"):
        write_report(results, seed=2)
    with pytest.raises(ValueError, match=r"there is no result of components true\+1; there are: true"):
        write_report(results, components="true+1")


def test_a_wrong_number_of_components_can_be_shown_with_its_own_scores(load_tiny, tmp_path):
    suite = load_tiny("stub_guess", components='"true", "true+2"').only(doses=["10"], seeds=["0", "1"])
    suite = replace(suite, methods=("stub_guess", "mean_spectrum", "oracle_endmembers"))
    table = run(suite, tmp_path, show_progress=False)
    write_report(tmp_path, components="true+2")
    ranking = (tmp_path / "report.html").read_text().split('id="ranking"')[1].split("</table>")[0]
    shown = re.search(r"stub_guess.*?</tr>", ranking, re.DOTALL)[0]
    mean = table.groupby(["method", "components"])["abundance_rmse"].mean()
    worst, best = mean["mean_spectrum", "true"], mean["oracle_endmembers", "true"]
    assert f"{100 * (worst - mean['stub_guess', 'true+2']) / (worst - best):.0f} %</span>" in shown
    assert f"{100 * (worst - mean['stub_guess', 'true']) / (worst - best):.0f} %</span>" not in shown


def test_a_folder_without_results_says_how_to_make_some(tmp_path):
    with pytest.raises(ValueError, match=r"holds no results; make some with: python -m benchmarks run"):
        write_report(tmp_path)


@pytest.mark.parametrize("width", [1400, 390])
def test_it_opens_without_complaint_and_shows_the_main_figure(opened, results, width):
    with opened(results, width) as page:
        assert page.faults == []
        assert page.locator("#ranks img").is_visible()
        assert page.evaluate("document.querySelector('#ranks img').naturalWidth") > 500
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "only tables scroll sideways"


def test_a_box_that_is_not_ticked_hides_its_rows(opened, results):
    with opened(results, 1400) as page:
        rows = page.locator("tr[data-method=stub_guess]:visible")
        assert rows.count() > 0
        page.uncheck("#filters input[value=stub_guess]")
        assert rows.count() == 0
        assert page.locator("tr.bound:visible").count() > 0
        page.check("#filters input[value=stub_guess]")
        assert rows.count() > 0
        assert page.faults == []


def test_the_main_tables_can_be_read_without_javascript(opened, results):
    with opened(results, 1400, java_script_enabled=False) as page:
        assert page.locator("tr[data-method=stub_guess]").first.is_visible()
        assert not page.locator("#filters").is_visible()
