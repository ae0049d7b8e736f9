"""Runs: every cell once, failures as rows, any interruption resumed, the same seeds the same scores."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchmarks.metric import METRICS
from benchmarks.record import RecordFile
from benchmarks.runner import run

ROOT = Path(__file__).parents[2]
TIMINGS = ["fit_seconds", "compile_seconds", "peak_mib"]
ROW = ["method", "dose", "seed"]


def scores(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=TIMINGS).reset_index(drop=True)


def test_every_cell_becomes_one_row_with_one_column_a_metric(load_tiny, tmp_path):
    out = tmp_path / "out"
    table = run(load_tiny("stub_guess"), out, show_progress=False)
    assert len(table) == 2 * 6
    assert not table.duplicated(ROW).any()
    assert (table["status"] == "ok").all()
    assert set(METRICS) <= set(table.columns)
    guesses, bounds = table[table["role"] == "method"], table[table["role"] == "bound"]
    assert guesses[list(METRICS)].notna().all(axis=None)
    assert bounds[["coverage_90", "crps"]].isna().all(axis=None), "a bound has no posterior"
    assert set(guesses["warnings"]) == {"only a guess."}
    assert json.loads(guesses["settings"].iloc[0]) == {"pause": 0.0}
    from_disk = pd.read_csv(out / "records.csv", keep_default_na=False, na_values=[""])
    assert list(from_disk.columns) == list(table.columns)
    assert len(from_disk) == len(table)
    kept = sorted(path.name for path in (out / "cells").iterdir())
    assert kept == sorted(
        ["nicr_film-truth.npz"]
        + [f"nicr_film-dose{d}-seed0-{m}.npz" for d in (10, 40) for m in ("mean_spectrum", "stub_guess")]
    ), "one seed is kept for the pictures"


def test_the_same_seeds_give_the_same_scores_and_finished_cells_are_not_run_again(load_tiny, tmp_path):
    suite = load_tiny("stub_guess").only(doses=["10"], methods=["stub_guess"])
    first, other = (run(suite, tmp_path / name, show_progress=False) for name in ("a", "b"))
    pd.testing.assert_frame_equal(scores(first), scores(other))
    assert first["spectral_angle"].nunique() == 3, "seeds differ"
    lines = (tmp_path / "a" / "records.jsonl").read_bytes()
    again = run(suite, tmp_path / "a", show_progress=False)
    assert (tmp_path / "a" / "records.jsonl").read_bytes() == lines
    pd.testing.assert_frame_equal(again, first)


def test_other_settings_are_other_cells_and_replace_the_row(load_tiny, tmp_path):
    only = {"doses": ["10"], "seeds": ["0"], "methods": ["stub_guess"]}
    run(load_tiny("stub_guess").only(**only), tmp_path / "out", show_progress=False)
    changed = load_tiny("stub_guess", more="\n[method_settings.stub_guess]\npause = 0.01\n").only(**only)
    table = run(changed, tmp_path / "out", show_progress=False)
    assert len(RecordFile(tmp_path / "out" / "records.jsonl").read()) == 2
    assert [json.loads(s) for s in table["settings"]] == [{"pause": 0.01}]


def test_a_method_that_raises_is_a_row_with_a_sentence_and_is_tried_again(load_tiny, tmp_path):
    suite = load_tiny("stub_raises", "stub_guess").only(
        doses=["10"], seeds=["0"], methods=["stub_raises", "stub_guess"]
    )
    for attempts in (1, 2):
        table = run(suite, tmp_path / "out", show_progress=False).set_index("method")
        assert table.loc["stub_raises", "status"] == "failed"
        assert table.loc["stub_raises", "message"] == "RuntimeError: the stub refuses to work"
        assert table.loc["stub_guess", "status"] == "ok"
        assert len(table) == 2
        records = RecordFile(tmp_path / "out" / "records.jsonl").read()
        assert [r.method for r in records].count("stub_raises") == attempts
        assert [r.method for r in records].count("stub_guess") == 1


def test_a_worker_that_dies_costs_its_cell_only(load_tiny, tmp_path):
    methods = ["stub_dies", "stub_guess"]
    table = run(load_tiny(*methods).only(methods=methods), tmp_path / "out", show_progress=False)
    assert len(table) == 2 * 6
    failed = table[table["status"] == "failed"]
    assert set(zip(failed["method"], failed["dose"], failed["seed"], strict=True)) == {
        ("stub_dies", 10.0, 1),
        ("stub_dies", 40.0, 1),
    }
    assert set(failed["message"]) == {"the worker process ended with exit status 3 in this cell"}


def test_a_folder_keeps_to_one_suite(load_tiny, tmp_path):
    suite = load_tiny("stub_guess").only(doses=["10"], seeds=["0"], methods=["mean_spectrum"])
    run(suite, tmp_path / "out", show_progress=False)
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    (tmp_path / "out" / "run.json").write_text(json.dumps(about | {"suite": "main"}))
    with pytest.raises(ValueError, match=r"holds results of the suite main, not tiny; choose another --out"):
        run(suite, tmp_path / "out", show_progress=False)


def start(path: Path, out: Path) -> tuple[list[str], subprocess.Popen, list[psutil.Process]]:
    """Start a run and return when two cells are recorded: its command, itself, its workers."""
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "run",
        str(path),
        "--out",
        str(out),
        "--only",
        "method=stub_guess",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = out / "records.jsonl"
    while process.poll() is None and not (lines.is_file() and lines.read_bytes().count(b"\n") >= 2):
        time.sleep(0.02)
    return command, process, psutil.Process(process.pid).children(recursive=True)


def test_a_killed_run_is_continued_by_the_same_command(load_tiny, write_suite, tmp_path):
    slow = "\n[method_settings.stub_guess]\npause = 0.3\n"
    out = tmp_path / "killed"
    command, process, workers = start(write_suite(tmp_path, "stub_guess", more=slow), out)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive, "workers end with the run"
    lines = out / "records.jsonl"
    done = lines.read_bytes()
    assert 2 <= done.count(b"\n") < 6
    with open(lines, "ab") as file:
        file.write(done[:100])

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert lines.read_bytes().startswith(done), "what was recorded stays"
    assert lines.read_bytes().count(b"\n") == 6, "no cell is recorded twice"
    continued = pd.read_csv(out / "records.csv")
    whole = tmp_path / "whole"
    run(load_tiny("stub_guess", more=slow).only(methods=["stub_guess"]), whole, show_progress=False)
    # The identity of a cell holds the hash of the code, which the fixture fixes in this process only.
    ours = ["cell", "code", "commit"]
    pd.testing.assert_frame_equal(
        scores(continued).drop(columns=ours), scores(pd.read_csv(whole / "records.csv")).drop(columns=ours)
    )


def test_an_interrupted_run_says_so_and_leaves_its_table(write_suite, tmp_path):
    path = write_suite(tmp_path, "stub_guess", more="\n[method_settings.stub_guess]\npause = 0.3\n")
    _, process, workers = start(path, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    output = process.communicate()[0]
    assert process.returncode == 130, output
    assert output.strip().endswith("stopped; the same command continues where this one ended")
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    assert len(pd.read_csv(tmp_path / "out" / "records.csv")) >= 2
