"""The calibration report: the numbers of the calibrations, true sentences about them, and a page that opens."""

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.calibration import CALIBRATIONS
from benchmarks.calibrations import sbc
from benchmarks.published import read_rows, write_rows
from benchmarks.reporting import findings
from benchmarks.reporting.calibration_report import write_calibration_report
from benchmarks.reporting.coverage_table import Coverage, coverage_table
from benchmarks.reporting.pit_figure import pit_figures
from benchmarks.reporting.rank_band import ecdf_difference, leaves
from benchmarks.reporting.score_table import score_table
from benchmarks.scoring.over_seeds import over_seeds

EVEN = " ".join(["20"] * sbc.RANK_BINS)
EVENLY = " ".join(["0.0500"] * 20)
HEAVY = " ".join(["0.2400"] + ["0.0400"] * 19)
CROWDED = " ".join(["115"] + ["15"] * (sbc.RANK_BINS - 1))


def maps(seeds=range(3)) -> pd.DataFrame:
    """Multiscale too narrow on "null", and right elsewhere."""
    rng = np.random.default_rng(0)
    rows = []
    for phantom, prior, dose, seed in (
        (f, p, d, s)
        for f in ("film", "null")
        for p in ("multiscale", "jeffreys")
        for d in (10.0, 50.0)
        for s in seeds
    ):
        noise = rng.normal(0, 0.002)
        covered = 0.7 if (phantom, prior) == ("null", "multiscale") else 0.9
        rows.append(
            {"phantom": phantom, "dose": dose, "prior": prior, "seed": seed, "coverage_90": covered + noise}
            | {"under_limit": 0.99, "interval_score": 0.5 + noise}
            | {"widths": "0.6 0.7 | 0.8 0.9", "seconds": 3.0}
            | {"pit": HEAVY if prior == "multiscale" else EVENLY}
            | {"a_later_column": noise, "a_remark": "4 x 4"}
        )
    return pd.DataFrame(rows)


def ranks(**samplers: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"sampler": name, "seed": 0, **dict.fromkeys(sbc.QUANTITIES, EVEN), "purity": purity}
        for name, purity in samplers.items()
    )


def checks(alarms: int, wrong_alarms: int, coverage: float) -> pd.DataFrame:
    def case(name, n, share):
        return {"case": name, "dose": 20.0, "seed": range(20), "alarm": np.arange(20) < n} | {
            "coverage_pixels": share,
            "coverage_squares": share,
        }

    return pd.concat(
        [
            pd.DataFrame(case("right_nmf", alarms, np.nan)),
            pd.DataFrame(case("shift 0.3", wrong_alarms, coverage)),
        ]
    )


FILES = {
    "maps": maps(),
    "pipeline": pd.DataFrame(
        {"phantom": "film", "dose": 10.0, "endmember_model": "smooth", "seed": range(3), "line_90": 0.95}
        | {"endmembers_90": [0.7, 0.6, 0.8], "superpixel": "4 x 4"}
    ),
    "sbc": ranks(gibbs=EVEN, **{"shape x 1.5": CROWDED}),
    "checks": checks(0, 20, 0.7),
    "rank": pd.DataFrame(
        {"phantom": ["film"] * 4 + ["null"] * 4, "dose": 5.0, "seed": [*range(4)] * 2, "truth": 3}
        | {"recommended": [3, 3, 3, 3, 3, 2, 2, 3], "scree": 3, "held_out": 3, "relevance": 3}
    ),
    "starts": pd.DataFrame(
        {"phantom": "film", "dose": 5.0, "seed": range(2), "angle_deg": 2.0, "angle_from_truth_deg": 2.0}
        | {"ratio": [1.0, 1.5], "converged": True}
    ),
    "real": pd.DataFrame(
        {"case": "core_shell", "seed": [0, 1, 0, 1], "fact": ["ratio", "ratio", "R-hat", "R-hat"]}
        | {"method": "bayes", "value": [0.7, 0.5, 1.3, 1.0], "lower": [0.0, 0.4, None, None]}
        | {"upper": [0.9, 0.6, None, None], "known": [0.2, 0.2, None, None]}
        | {"r_hat": 1.3, "holds": [True, False, True, True]}
    ),
    "main": pd.DataFrame(
        {"phantom": "film", "dose": 5.0, "seed": range(3), "method": ["nmf", "bayes_cavi", "bayes_cavi"]}
        | {
            "components": "true",
            "role": "method",
            "coverage_50": [None, 0.3, 0.2],
            "coverage_90": [None, 0.5, 0.52],
            "crps": 0.1,
        }
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folders of the files and of the report."""
    folder, out = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("report")
    for name, rows in FILES.items():
        write_rows(folder / f"{name}.csv", rows, {"commands": [f"made <up> {name}", "by a second command"]})
    write_calibration_report(folder, out)
    return folder, out


def sentences(found) -> str:
    return " ".join(finding.sentence for finding in found)


def test_the_page_holds_everything_and_asks_for_nothing(made):
    html = (made[1] / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", html)
    assert len(sources) > 10 and all(source.startswith("data:") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link", html)
    assert "made &lt;up&gt; maps\nby a second command" in html and "<up>" not in html
    for section in (
        "missed",
        "coverage-maps",
        "coverage-pipeline",
        "coverage-main",
        "ranks",
        "checks",
        "starts",
    ):
        assert f'id="{section}"' in html
    names = {path.name for path in (made[1] / "figures").iterdir()}
    assert {
        "coverage-maps-null-abundances-90.png",
        "sbc-shape_x_1.5.png",
        "pit-maps-film-jeffreys.png",
    } <= names
    assert {path.stem for path in (made[1] / "tables").glob("*.tex")} == {
        *("coverage", "scores", "sbc", "checks", "rank", "starts", "real", "findings")
    }


def test_it_says_where_targets_are_missed(made):
    html = (made[1] / "report.html").read_text(encoding="utf-8")
    missed = html.split('id="missed"')[1].split("<h2")[0]
    met = html.split('id="met"')[1].split("<h2")[0]
    assert "multiscale: 90 % intervals of abundances cover too few true values in 2 of 4 cases" in missed
    assert re.search(r"0\.[67]\d\d ± 0\.00\d on null at dose 10;", missed)
    assert "smooth: 90 % intervals of endmembers cover too few true values in 1 of 1 case: 0.700" in missed
    assert "0.700 ± 0.248 on film at dose 10 (its interval reaches the target)" in missed
    assert "bayes_cavi: 90 % intervals" in missed
    assert "null: the number of materials is right in 2 of 4 trials at dose 5" in missed
    assert "in 1 of 2 trials (largest ratio of the angles 1.500)" in missed
    assert "nicr_film, 10, multiscale" in missed, "a cell of the calibration that the file lacks"
    assert (
        "core_shell, bayes: ratio holds in 1 of 2 trials (on average 0.6 (0.2 to 0.75), known 0.2); target 90 %"
        in missed
    )
    assert "core_shell, bayes: R-hat holds in 2 of 2 trials" in met
    assert "shape x 1.5 fails, as it must: ranks of purity leave the band" in met
    assert "gibbs passes, as it must" in met
    assert re.search(
        r"jeffreys: 90 % intervals of abundances cover 0\.89\d to 0\.90\d of the true values in 4 cases", met
    )


def test_tables_hold_the_numbers_of_the_calibrations(made):
    folder, out = made
    read = {
        path.stem: pd.read_csv(path, keep_default_na=False, na_values=[""])
        for path in out.glob("tables/*.csv")
    }
    for name in ("sbc", "checks", "rank", "starts"):
        expected = CALIBRATIONS[name].summarise(read_rows(folder / f"{name}.csv"))
        for column in expected.select_dtypes("number"):
            np.testing.assert_allclose(read[name][column], expected[column], rtol=1e-5)
    rows = read_rows(folder / "maps.csv")
    summed = CALIBRATIONS["maps"].summarise(rows.assign(coverage_50=0.5, coverage_95=0.95, rmse=0.1))
    table = read["coverage"].query("source == 'maps' and level == 90").set_index(["phantom", "dose", "model"])
    for row in summed.itertuples():
        found = table.loc[(row.phantom, row.dose, row.prior)]
        np.testing.assert_allclose(
            [found.coverage, found.pm], [row.coverage_90, row.coverage_90_pm], rtol=1e-5
        )


def test_columns_that_come_later_are_summed_up_and_words_are_not():
    table = score_table({"maps": maps()})
    assert set(table["score"]) == {"interval_score", "widths", "a_later_column"}
    np.testing.assert_allclose(table.loc[table["score"] == "widths", "mean"], 0.75)
    later = over_seeds(maps(), ["phantom", "dose", "prior"], ["a_later_column"])
    np.testing.assert_allclose(table.loc[table["score"] == "a_later_column", "mean"], later["a_later_column"])
    assert score_table({}).empty and coverage_table({}).empty


def test_one_seed_has_no_interval_and_says_so():
    table = coverage_table({"maps": maps(seeds=[0])})
    assert table["low"].isna().all() and table["coverage"].notna().all()
    assert "on null at dose 10 (one seed)" in sentences(findings.of_coverage(table))


def test_three_decimals_never_belie_the_verdict():
    rows = pd.DataFrame(
        {"phantom": "film", "dose": 5.0, "method": "a", "seed": range(2), "coverage_95": 0.97004}
    )
    assert "0.97004 ± 0.000 on film" in sentences(findings.of_coverage(coverage_table({"main": rows})))


def rank_table(**purities: str) -> pd.DataFrame:
    rows = ranks(**purities)
    out = np.concatenate([leaves(counted) for counted in sbc.pooled(rows).values()])
    return sbc.summarise(rows).assign(leaves_band=out)


def test_a_bug_that_is_not_found_and_a_right_sampler_that_fails_are_said_to_miss():
    found = {
        f.sentence.split(" ")[0]: f for f in findings.of_ranks(rank_table(gibbs=CROWDED, bayes_cavi=EVEN))
    }
    assert (
        not found["gibbs"].met
        and "gibbs fails, and must not: ranks of purity leave" in found["gibbs"].sentence
    )
    assert not found["bayes_cavi"].met and "is not found out, and must be" in found["bayes_cavi"].sentence


@pytest.mark.parametrize(
    ("alarms", "wrong_alarms", "coverage", "met"),
    [
        (1, 20, 0.7, [True, True]),
        (5, 20, 0.7, [False, True]),
        (0, 18, 0.7, [True, False]),
        (0, 18, 0.85, [True]),
    ],
)
def test_the_check_must_alarm_where_intervals_fail_and_hardly_elsewhere(alarms, wrong_alarms, coverage, met):
    table = CALIBRATIONS["checks"].summarise(checks(alarms, wrong_alarms, coverage))
    assert [finding.met for finding in findings.of_checks(table, 0.01)] == met


def test_the_difference_is_that_of_the_ranks_themselves():
    rng = np.random.default_rng(1)
    of = rng.integers(20, size=(3, 50))
    histograms = np.stack([np.bincount(row, minlength=20) for row in of])
    slow = [[(row < edge).mean() - edge / 20 for edge in range(21)] for row in of]
    np.testing.assert_allclose(ecdf_difference(histograms), slow, atol=1e-12)


@pytest.mark.parametrize("n", [100, 400])
def test_a_right_sampler_leaves_the_band_as_often_as_it_may(n):
    rng = np.random.default_rng(2)
    samplers = rng.multinomial(n, np.full(20, 0.05), size=(2000, 8))
    share = np.mean([leaves(histograms).any() for histograms in samplers])
    assert 0.025 < share < 0.065  # 0.05, +- 0.015 being three standard errors
    crowded = rng.multinomial(n, [0.2] + [0.8 / 19] * 19, size=8)
    assert leaves(crowded).all()


def test_cells_with_fewer_seeds_are_named(tmp_path):
    of = CALIBRATIONS["rank"]
    keys = pd.DataFrame(of.cells(range(2)))
    rows = keys.assign(truth=3, recommended=3, scree=3, held_out=3, relevance=3)
    fewer = (rows["phantom"] == "null") & (rows["dose"] == 5.0) & (rows["seed"] == 1)
    rows[~fewer & (rows["phantom"] != "grains")].to_csv(tmp_path / "rank.csv", index=False)
    write_calibration_report(tmp_path, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rank: grains, 5; grains, 10; grains, 50; null, 5 (1 of 2 seeds)." in html


def test_a_folder_without_rows_or_with_foreign_ones_is_a_mistake(tmp_path):
    with pytest.raises(
        ValueError, match="holds no rows of a calibration; make some with: python -m benchmarks"
    ):
        write_calibration_report(tmp_path, tmp_path / "out")
    maps().drop(columns=["prior", "seed"]).to_csv(tmp_path / "maps.csv", index=False)
    with pytest.raises(ValueError, match=r"maps\.csv lacks the columns prior, seed"):
        write_calibration_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("width", [1400, 390])
def test_it_opens_without_complaint_and_shows_its_figures(opened, made, width):
    with opened(made[1], width) as page:
        assert page.faults == []
        figures = page.locator(".curves img")
        assert figures.count() > 8
        assert all(figures.nth(i).is_visible() for i in range(figures.count()))
        assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 500)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "only tables scroll sideways"
        assert page.get_by_text("fails, as it must").first.is_visible()


def test_the_verdict_is_of_the_target():
    table = coverage_table({"maps": maps(), "pipeline": FILES["pipeline"]})
    rows = [Coverage(*row) for row in table.itertuples(index=False)]
    for row in rows:
        too = (
            "too few"
            if row.coverage < row.target_low
            else "too many"
            if row.coverage > row.target_high
            else "met"
        )
        assert row.verdict == too
    assert {"met", "too few", "too many"} == {row.verdict for row in rows}


def test_ranks_of_each_prior_are_drawn():
    figures = {(phantom, model): figure for phantom, model, figure in pit_figures("maps", maps())}
    assert len(figures) == 4
    farthest = {
        model: max(np.abs(line.get_ydata()).max() for line in figures["film", model].axes[0].lines[1:])
        for model in ("multiscale", "jeffreys")
    }
    assert farthest["multiscale"] == pytest.approx(0.19)
    assert farthest["jeffreys"] == pytest.approx(0, abs=1e-12)
    assert not list(pit_figures("maps", maps().drop(columns=["pit"])))
