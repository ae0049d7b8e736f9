"""Paired comparisons, resampled seeds, what changed between two runs, and how cost grows."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.reporting.compare import compare
from benchmarks.reporting.paired import against, pairs
from benchmarks.reporting.resampling import interval, resampled_means
from benchmarks.reporting.scaling import exponents


def rows(method: str, metric: str, values, phantom="film") -> pd.DataFrame:
    n = len(values)
    return pd.DataFrame(
        {
            "phantom": phantom,
            "dose": 5.0,
            "seed": range(n),
            "components": "true",
            "method": method,
            "role": "method",
            "status": "ok",
            "message": "",
            metric: values,
        }
    )


def test_resampled_means_have_the_mean_and_the_standard_error_of_the_seeds():
    rng = np.random.default_rng(1)
    values = rng.normal(3, 1, 6)
    index = pd.MultiIndex.from_tuples(
        [("film", 5.0, "true", seed) for seed in range(6)], names=["phantom", "dose", "components", "seed"]
    )
    means = resampled_means(pd.DataFrame({"a": values}, index))
    assert means.mean() == pytest.approx(values.mean(), abs=0.03)
    assert means.std() == pytest.approx(stats.sem(values), rel=0.05)


def test_intervals_of_few_seeds_hold_the_truth_nearly_as_often_as_they_say():
    # 12 strata of 3 seeds: the reduced main suite.
    rng = np.random.default_rng(2)
    held = 0
    index = pd.MultiIndex.from_tuples(
        [("film", float(d), "true", s) for d in range(12) for s in range(3)],
        names=["phantom", "dose", "components", "seed"],
    )
    for _ in range(200):
        low, high = interval(resampled_means(pd.DataFrame({"a": rng.normal(0, 1, 36)}, index)))
        held += low[0] <= 0 <= high[0]
    assert held / 200 > 0.89


def test_pairing_cancels_the_luck_of_a_seed():
    luck = np.array([1.0, 5.0, 20.0, 80.0])
    mine = rows("mine", "spectral_angle", 0.9 * luck * np.array([1.01, 0.99, 1.0, 1.0]))
    found = pairs(mine, rows("theirs", "spectral_angle", luck), "mine", "spectral_angle")
    assert found.kind == "ratio"
    assert found.value == pytest.approx(0.9, abs=1e-3)
    assert found.low < 0.9 < found.high < 1
    assert found.verdict == "better"
    assert found.n == 4


@pytest.mark.parametrize(
    ("metric", "mine", "theirs", "verdict", "value"),
    [
        ("phase_agreement", [0.9, 0.91, 0.9], [0.8, 0.82, 0.8], "better", 0.0967),
        ("phase_agreement", [0.8, 0.82, 0.8], [0.9, 0.91, 0.9], "worse", -0.0967),
        ("coverage_90", [0.99, 0.98, 0.985], [0.9, 0.91, 0.9], "worse", 0.0817),
        ("held_out_deviance", [-0.1, 0.2, 0.0], [0.1, -0.2, 0.05], "alike", 0.05),
        ("spectral_angle", [2.0], [1.0], "alike", 2.0),
    ],
)
def test_the_verdict_follows_from_the_direction_of_the_metric(metric, mine, theirs, verdict, value):
    found = pairs(rows("a", metric, mine), rows("b", metric, theirs), "a", metric)
    assert found.verdict == verdict
    assert found.value == pytest.approx(value, abs=1e-3)
    assert found.low <= found.value <= found.high


def test_one_seed_has_no_interval_and_no_verdict():
    pair = pairs(rows("a", "deviance", [3.0]), rows("b", "deviance", [2.0]), "a", "deviance")
    assert (pair.verdict, pair.text()) == ("alike", "1.500")


def test_every_method_is_compared_where_both_have_scores():
    table = pd.concat(
        [
            rows("best", "deviance", [1.0, 1.1, 1.2]),
            rows("other", "deviance", [2.0, np.nan, 2.4]),
            rows("none", "deviance", [np.nan] * 3),
        ]
    )
    assert [(pair.method, pair.n) for pair in against(table, "best", ("deviance",))] == [("other", 2)]


def test_compare_says_what_changed_and_what_only_one_has(tmp_path):
    before = pd.concat([rows("a", "deviance", [1.0, 1.1, 1.05]), rows("b", "deviance", [2.0, 2.1, 2.2])])
    before = before.assign(code="old", phantom_digest="x", fit_seconds=1.0)
    after = before.assign(code="new", fit_seconds=1.05)
    after.loc[after["method"] == "b", "deviance"] *= 0.5
    after = after.iloc[:-1]
    after.iloc[-1, after.columns.get_loc("status")] = "failed"
    after.iloc[-1, after.columns.get_loc("message")] = "it broke"
    for name, table in (("before", before), ("after", after)):
        (tmp_path / f"{name}.csv").write_text(table.to_csv(index=False))
    sentences, changes = compare(tmp_path / "before.csv", tmp_path / "after.csv")
    assert sentences == [
        "5 cells in both, 1 only before, 0 only after",
        "code: another one in 5 cells",
        "truth: the same",
        "scores: other ones of b",
        "1 cells of b fail now: it broke",
    ]
    verdicts = changes.set_index(["method", "metric"])["verdict"].to_dict()
    assert verdicts["a", "deviance"] == "alike"
    assert verdicts["b", "deviance"] == "better"
    assert verdicts["a", "fit_seconds"] == "alike", "times of one machine differ by a tenth"
    (tmp_path / "else.csv").write_text(before.assign(phantom="other").to_csv(index=False))
    with pytest.raises(ValueError, match="have no cell in common; compare two runs of the same suite"):
        compare(tmp_path / "before.csv", tmp_path / "else.csv")


def test_exponents_are_those_that_made_the_costs():
    rng = np.random.default_rng(3)
    photons, pixels = np.meshgrid(10.0 ** np.arange(4, 8), 4.0 ** np.arange(5, 8))
    table = pd.DataFrame(
        {"photons": photons.ravel(), "pixels": pixels.ravel(), "channels": 900, "n_components": 3}
    )
    table.loc[0, "channels"] = 1000  # another phantom's axis is no growth
    noise = np.exp(rng.normal(0, 0.01, len(table)))
    table = table.assign(method="a", role="method", status="ok", peak_mib=np.nan)
    table["fit_seconds"] = 1e-7 * table["photons"] * table["pixels"] ** 0.5 * noise
    found = exponents(table).set_index("quantity")
    assert set(found.index) == {"photons", "pixels"}
    assert found.loc["photons", "exponent"] == pytest.approx(1, abs=0.02)
    assert found.loc["pixels", "exponent"] == pytest.approx(0.5, abs=0.02)
    assert (found["error"] < 0.02).all()
