"""Ranking on tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.metric import METRICS
from benchmarks.reporting.ranking import RANKED, plus_minus, rank_text, ranking, scores_at, trials_compared


def made(scores: dict[str, list[float]], role="method") -> pd.DataFrame:
    """One phantom and dose, one column of `scores` per seed; "high" metrics are the negative of the score."""
    rows = []
    for method, values in scores.items():
        for seed, value in enumerate(values):
            row = {
                "phantom": "film",
                "dose": 5.0,
                "seed": seed,
                "method": method,
                "role": role,
                "components": "true",
            }
            row |= {"status": "ok" if np.isfinite(value) else "failed"}
            row |= {name: -value if METRICS[name].best == "high" else value for name in RANKED}
            rows.append(row)
    return pd.DataFrame(rows)


def test_the_best_in_every_trial_has_rank_one_without_error():
    ranks = ranking(made({"bad": [3, 4, 5], "good": [1, 2, 3]}))
    assert list(ranks.index) == ["good", "bad"]
    assert list(ranks["rank"]) == [1, 2]
    assert list(ranks["low"]) == list(ranks["high"]) == [1, 2]
    assert list(ranks["first"]) == [1, 0]


def test_the_error_is_that_of_the_seeds():
    ranks = ranking(made({"a": [1, 1, 2], "b": [2, 2, 1]}))
    assert ranks.loc["a", "rank"] == pytest.approx(4 / 3)
    assert ranks.loc["a", "low"] < 4 / 3 < ranks.loc["a", "high"]
    assert 0.5 < ranks.loc["a", "first"] < 1


def test_ties_share_a_rank_and_failures_come_last():
    ranks = ranking(made({"a": [1.0], "b": [1.0], "fails": [np.nan]}))
    assert list(ranks["rank"]) == [1.5, 1.5, 3]
    assert ranks.loc["fails", "failed"] == 1
    assert np.isnan(ranks[["low", "high"]]).all(axis=None)


def test_an_unfinished_method_is_compared_on_its_own_trials_and_so_are_the_others():
    whole = made({"good": [1, 2, 4], "bad": [2, 3, 3], "late": [9, 9, 1]})
    assert trials_compared(whole) == "all trials (3)"
    missing = (whole["method"] == "late") & (whole["seed"] < 2)
    seed_2_alone = {"late": 1, "bad": 2, "good": 3}
    for table in (whole[~missing], whole.assign(status=whole["status"].mask(missing, "skipped"))):
        assert ranking(table)["rank"].to_dict() == seed_2_alone
        assert trials_compared(table) == "the 1 of 3 trials that have all methods"
    failed = whole.assign(**{name: whole[name].mask(missing) for name in RANKED})
    assert ranking(failed)["rank"].to_dict() == {"good": 5 / 3, "bad": 2, "late": 7 / 3}, (
        "a failure is a trial"
    )


def test_methods_without_a_trial_in_common_have_no_rank():
    table = made({"a": [1, 1], "b": [2, 2]})
    ranks = ranking(table[(table["method"] == "a") == (table["seed"] == 0)])
    assert [rank_text(row) for _, row in ranks.iterrows()] == ["n/a", "n/a"]
    assert set(ranks["first"]) == {0}


def test_bounds_are_shown_last_and_not_ranked():
    table = pd.concat([made({"a": [1, 2]}), made({"oracle": [0, 0.1]}, role="bound")])
    assert list(ranking(table).index) == ["a"]
    shown = scores_at(table, "film", 5.0, ["spectral_angle"])
    assert list(shown) == ["a", "oracle"]
    assert shown["a"] == ["1.50 ± 0.50"]


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (1.2345, 0.04, "1.23 ± 0.04"),
        (123.4, 5, "123 ± 5"),
        (0.38712, 0.0003, "0.3871 ± 0.0003"),
        (0.01234, 0.001, "0.0123 ± 0.0010"),
        (0.0, 0.0, "0"),
        (2, np.nan, "2.00"),
        (np.nan, np.nan, "n/a"),
    ],
)
def test_numbers_read_well(mean, error, text):
    assert plus_minus(mean, error) == text
