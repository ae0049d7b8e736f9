"""A claim is the number that its rows give, and says its name where they give none."""

import pandas as pd
import pytest

from benchmarks.published import RESULTS
from paper.claims import Claim, evaluate, read_claims
from paper.evidence import Results

ROWS = pd.DataFrame(
    {
        "phantom": ["film", "film", "film", "needle"],
        "dose": [5, 5, 20, 5],
        "seed": [0, 1, 0, 0],
        "error": [0.2, 0.4, 0.1, 0.6],
        "holds": ["True", "False", "True", "False"],
        "word": ["a", "b", "b", None],
    }
)


def value(**keys):
    return Claim("x", file="some.csv", **keys).value(ROWS)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"column": "error"}, 0.325),
        ({"column": "error", "where": {"phantom": "film"}, "aggregate": "max"}, 0.4),
        ({"column": "error", "where": {"phantom": ["film", "needle"], "dose": 5}, "aggregate": "min"}, 0.2),
        ({"column": "error", "where": {"dose": {"at_least": 20}}}, 0.1),
        ({"column": "error", "where": {"dose": {"below": 20}, "phantom": {"no": "needle"}}}, 0.3),
        ({"column": "error", "over": ("phantom", "dose"), "aggregate": "max"}, 0.6),
        (
            {"column": "error", "over": ("phantom",), "where": {"phantom": "film"}, "aggregate": "min"},
            0.7 / 3,
        ),
        ({"column": "holds"}, 0.5),
        ({"column": "holds", "aggregate": "sum"}, 2),
        ({"column": "holds", "where": {"holds": False}, "aggregate": "count"}, 2),
        ({"column": "word", "aggregate": "count"}, 3),
        ({"column": "word", "aggregate": "kinds"}, 2),
        ({"column": "error", "aggregate": "median", "scale": 100}, 30),
    ],
)
def test_a_claim_is_what_its_rows_give(keys, expected):
    assert value(**keys) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"column": "error", "where": {"phantom": "null"}},
            'claim "x" has no number: no row of some.csv has phantom = null',
        ),
        ({"column": "errors"}, 'claim "x" has no number: some.csv has no column errors'),
        (
            {"column": "error", "where": {"prior": "a"}},
            'claim "x" has no number: some.csv has no column prior',
        ),
        ({"column": "word"}, 'claim "x" has no number: column word of some.csv holds words'),
    ],
)
def test_a_claim_without_a_number_says_its_name(keys, sentence):
    with pytest.raises(ValueError, match="has no number") as caught:
        value(**keys)
    assert str(caught.value) == sentence


def test_an_empty_cell_is_no_number():
    claim = Claim("x", file="some.csv", column="error")
    with pytest.raises(
        ValueError, match=r'claim "x" has no number: column error of some\.csv is empty there'
    ):
        claim.value(ROWS.assign(error=float("nan")))


@pytest.mark.parametrize(
    ("keys", "number", "text"),
    [
        ({"digits": 2}, 0.875, "0.88"),
        ({"unit": "%"}, 14.6, "15\u202f%"),
        ({}, 1_000_000, "1\u202f000\u202f000"),
        ({"digits": 1}, -0.26, "\u22120.3"),
        ({"digits": 1}, -0.01, "0.0"),
        ({}, 5000, "5000"),
    ],
)
def test_numbers_are_written_as_they_are_printed(keys, number, text):
    assert Claim("x", file="some.csv", **keys).text(number) == text


def test_settings_are_read_from_the_code():
    number = "bayesunmix.methods.bayes:Bayes.n_chains"
    several = "bayesunmix.models.abundance_priors.palette:COUPLINGS"
    claims = [Claim("chains", setting=number), Claim("couplings", setting=several, aggregate="count")]
    assert evaluate(claims, lambda name: ROWS) == {"chains": "2", "couplings": "5"}
    with pytest.raises(
        ValueError, match=r'claim "lost" has no number: the code has no bayesunmix\.methods\.bayes:LOST'
    ):
        evaluate([Claim("lost", setting="bayesunmix.methods.bayes:LOST")], lambda name: ROWS)


def test_a_missing_file_or_table_is_named(tmp_path):
    for keys in ({"file": "main.csv"}, {"table": "nothing"}):
        with pytest.raises(ValueError, match='claim "lost" has no number'):
            evaluate([Claim("lost", column="x", **keys)], Results(tmp_path).rows_of)


def test_claims_name_one_source_and_known_keys(tmp_path):
    with pytest.raises(ValueError, match='claim "x" must name one source'):
        Claim("x", column="error")
    with pytest.raises(ValueError, match='claim "x" must name one source'):
        Claim("x", file="a.csv", table="cells")
    with pytest.raises(ValueError, match='aggregate of claim "x" must be one of'):
        Claim("x", file="a.csv", aggregate="mode")
    (tmp_path / "claims.toml").write_text('[x]\nfile = "a.csv"\ncolums = "error"\n', encoding="utf-8")
    with pytest.raises(ValueError, match='claim "x" has unknown keys colums'):
        read_claims(tmp_path / "claims.toml")


def test_the_best_peer_is_the_one_with_the_smallest_error():
    results = Results(RESULTS)
    for row in results.cells.itertuples():
        rows = results.finished(row.suite)
        cell = rows[(rows["phantom"] == row.phantom) & (rows["dose"] == row.dose)]
        errors = cell[cell["role"] == "peer"].groupby("method")["abundance_rmse"].mean()
        assert row.peer_error == errors[row.peer] == errors.min()
        assert row.error == pytest.approx(cell.loc[cell["method"] == "bayes", "abundance_rmse"].mean())
        assert row.ratio == pytest.approx(row.peer_error / row.error)
