"""Results stand after a move that changes no digit, and only then."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.published import read_about, write_rows
from benchmarks.standing import differing, let_stand


def rows(code: str, nmf: float = 1.25, **methods: float) -> pd.DataFrame:
    """One cell a method, with a score, a score that none of them has, and a cost that differs in every run."""
    return pd.DataFrame(
        {"phantom": "film", "dose": 5.0, "seed": 0, "method": name, "components": "true", "status": "ok"}
        | {"code": f"{code}-{name}", "commit": code, "deviance": score, "crps": np.nan}
        | {"fit_seconds": np.random.default_rng().random()}
        for name, score in {"nmf": nmf, **methods}.items()
    )


@pytest.fixture
def keep(tmp_path):
    def write(name: str, table: pd.DataFrame):
        write_rows(tmp_path / f"{name}.csv", table, {"commands": [f"made {name}"]})
        return tmp_path / f"{name}.csv"

    return write


def test_equal_scores_let_published_rows_stand_and_say_how_old_they_are(keep):
    published = keep("published", rows("ancient", nmf=1.25, bayes=2.0, espm=7.0))
    before, after = keep("before", rows("old", bayes=2.5)), keep("after", rows("new", bayes=2.5))
    found = let_stand([published], [before], [after])
    assert found["off"].tolist() == [0, 0]
    about = read_about(published)
    assert about["commands"] == ["made published"], "what made the rows stays"
    stands = about["stands"]
    assert (stands["commit_before"], stands["commit_after"]) == ("old", "new")
    assert stands["not_run_again"] == ["espm"]
    assert stands["methods"]["nmf"] == {
        "made_under": ["ancient-nmf"],
        "before": "old-nmf",
        "after": "new-nmf",
        "cells": 1,
        "published_rows": {"compared": 1, "largest_relative_difference": 0.0, "of": ""},
    }
    assert stands["methods"]["bayes"]["published_rows"] == {
        "compared": 1,
        "largest_relative_difference": 0.2,
        "of": "deviance",
    }


def test_one_digit_is_enough_to_refuse(keep):
    published = keep("published", rows("ancient"))
    before, after = keep("before", rows("old")), keep("after", rows("new", nmf=1.250001))
    with pytest.raises(
        ValueError, match="scores of nmf are not the same after the change; publish them anew"
    ):
        let_stand([published], [before], [after])
    assert "stands" not in read_about(published)


def test_a_score_that_is_lost_is_a_difference():
    found = differing(rows("old"), rows("new", nmf=np.nan))
    assert found.loc["nmf", "off"] == np.inf and found.loc["nmf", "score"] == "deviance"


def test_results_without_a_common_cell_show_nothing(keep):
    published, other = keep("published", rows("a")), keep("other", rows("b").assign(seed=1))
    with pytest.raises(ValueError, match="have no finished cell in common; run the same suites"):
        let_stand([published], [published], [other])
