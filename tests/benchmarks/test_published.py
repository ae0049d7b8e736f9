"""Published results: a plain table, beside it what made it, and a README that follows them."""

import json

import pandas as pd
import pytest

from benchmarks.metric import METRICS
from benchmarks.published import RESULTS, publish, read_about, read_results, read_rows
from benchmarks.record import RecordFile, RunRecord
from benchmarks.reporting.best_peers import compared_with_peers
from benchmarks.reporting.readme_table import BEGIN, END, SHOWN, write_readme

ROLES = {"bayes": "method", "good": "peer", "bad": "peer", "mean_spectrum": "bound"}
ERRORS = {"bayes": 0.2, "good": 0.5, "bad": 0.9, "mean_spectrum": 1.5}


def save_results(folder, phantom="null", dose=5.0):
    folder.mkdir(exist_ok=True)
    about = {"commands": ["python -m benchmarks run tiny"], "machines": ["a machine"]}
    (folder / "run.json").write_text(json.dumps(about))
    store = RecordFile(folder / "records.jsonl")
    for method, error in ERRORS.items():
        for seed in range(3):
            metrics = dict.fromkeys(METRICS, 0.5) | {"abundance_rmse": error + 0.1 * seed}
            row = (f"{method}{seed}", phantom, "abc", {}, dose, seed, method, ROLES[method], {}, "true", 3)
            store.append(RunRecord(*row, status="ok", metrics=metrics, code="def"))
    return folder


def test_what_is_published_opens_plainly_and_says_beside_it_how_it_was_made(tmp_path):
    folder, path = save_results(tmp_path / "results"), tmp_path / "main.csv"
    publish(folder, path)
    assert len(pd.read_csv(path)) == 12
    assert read_about(path) == {"commands": ["python -m benchmarks run tiny"], "machines": ["a machine"]}
    again, before = read_rows(path), read_results(folder)
    assert set(again["phantom"]) == {"null"}, "a name, no missing value"
    assert set(again["components"]) == {"true"}
    pd.testing.assert_series_equal(
        again.groupby("method")["abundance_rmse"].mean(), before.groupby("method")["abundance_rmse"].mean()
    )


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.csv")), ids=lambda path: path.stem)
def test_every_published_file_opens_plainly_and_has_its_making_beside_it(path):
    plain, ours = pd.read_csv(path), read_rows(path)
    assert list(plain.columns) == list(ours.columns) and len(plain) == len(ours) > 0
    assert not plain.columns[0].startswith("#")
    about = read_about(path)
    assert about["commands"] and all(line.startswith("python -m benchmarks ") for line in about["commands"])
    assert about["commits"] and about["dates"]


def test_the_best_peer_is_the_one_with_the_smallest_error(tmp_path):
    ((phantom, dose, cells),) = compared_with_peers(read_results(save_results(tmp_path / "results", "film")))
    assert (phantom, dose) == ("film", 5.0)
    assert cells == ["`film`", "5", "0.300", "0.600 (good)", "0.500", "0.500 (bad)", "0.50", "3, 3"]


def test_the_readme_follows_the_published_results(tmp_path):
    readme = tmp_path / "README.md"
    for file in {file for file, *_ in SHOWN}:
        folder = tmp_path / file
        for shown, phantom, dose in SHOWN:
            if shown == file:
                save_results(folder, phantom, float(dose))
        publish(folder, tmp_path / f"{file}.csv")
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert write_readme(True, readme, tmp_path)
    assert "old" in readme.read_text(), "a check writes nothing"
    assert write_readme(False, readme, tmp_path)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(SHOWN) == 6
    assert all("| 0.300 | 0.600 (good) |" in row for row in rows)
    assert not write_readme(True, readme, tmp_path)
    readme.write_text("no marks")
    with pytest.raises(ValueError, match=r"README\.md must hold the marks"):
        write_readme(False, readme, tmp_path)


def test_a_trial_that_the_readme_shows_and_nobody_published_is_named(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}{END}")
    folder = save_results(tmp_path / "results", "nicr_film", 5.0)
    for file in ("main", "peers"):
        publish(folder, tmp_path / f"{file}.csv")
    with pytest.raises(
        ValueError, match=r"no row of bayes and of a peer for nicr_film at dose 20, overlapping_64"
    ):
        write_readme(False, readme, tmp_path)
