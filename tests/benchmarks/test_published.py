"""Published results: small, with the command that made them, and a README that follows them."""

import json

import pandas as pd
import pytest

from benchmarks.metric import METRICS
from benchmarks.record import RecordFile, RunRecord
from benchmarks.reporting import published
from benchmarks.reporting.compare import read
from benchmarks.reporting.published import BEGIN, END, publish, write_readme


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "run.json").write_text(
        json.dumps({"command": "python -m benchmarks run tiny", "machine": "a machine"})
    )
    store = RecordFile(folder / "records.jsonl")
    for method, role, angle in (
        ("good", "method", 1.0),
        ("bad", "peer", 9.0),
        ("mean_spectrum", "bound", 50.0),
    ):
        for seed in range(3):
            metrics = dict.fromkeys(METRICS, 0.5) | {"spectral_angle": angle + 0.1 * seed}
            about = (f"{method}{seed}", "null", "abc", {}, 5.0, seed, method, role, {}, "true", 3)
            store.append(RunRecord(*about, status="ok", metrics=metrics, code="def"))
    return folder


def test_what_is_published_can_be_read_again_and_says_how_it_was_made(results, tmp_path):
    path = tmp_path / "main.csv"
    publish(results, path)
    assert path.read_text().startswith("# python -m benchmarks run tiny\n# a machine\n")
    again, before = read(path), read(results)
    assert set(again["phantom"]) == {"null"}, "a name, no missing value"
    pd.testing.assert_series_equal(
        again.groupby("method")["spectral_angle"].mean(), before.groupby("method")["spectral_angle"].mean()
    )


def test_the_readme_follows_the_published_results(results, tmp_path, monkeypatch):
    path, readme = tmp_path / "main.csv", tmp_path / "README.md"
    publish(results, path)
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(published, "README", readme)
    monkeypatch.setattr(published, "FILE", path)
    assert write_readme(check=True)
    assert "old" in readme.read_text(), "a check writes nothing"
    assert write_readme()
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [row.split("|")[1].strip() for row in rows] == ["`good`", "bad (peer)", "*mean_spectrum*"]
    assert "1.10" in rows[0]
    assert not write_readme(check=True)
    readme.write_text("no marks")
    with pytest.raises(ValueError, match=r"README\.md must hold the marks"):
        write_readme()
