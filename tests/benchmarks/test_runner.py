"""Runs: every cell once, failures as rows, any interruption resumed, the same seeds the same scores."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchmarks import provenance
from benchmarks.metric import METRICS
from benchmarks.published import read_results
from benchmarks.record import RecordFile
from benchmarks.runner import run

ROOT = Path(__file__).parents[2]
TIMINGS = [*(name for name, metric in METRICS.items() if metric.is_cost), "seconds", "harness_seconds"]
ROW = ["method", "dose", "seed"]


def scores(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=TIMINGS).reset_index(drop=True)


@pytest.fixture(scope="module")
def undisturbed(load_tiny, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """Run two methods on six trials, once, and return the folder and the table."""
    out = tmp_path_factory.mktemp("undisturbed")
    return out, run(load_tiny("stub_guess"), out, show_progress=False)


def test_every_cell_becomes_one_row_with_one_column_a_metric(undisturbed):
    out, table = undisturbed
    assert len(table) == 2 * 6
    assert not table.duplicated(ROW).any()
    assert (table["status"] == "ok").all()
    assert set(METRICS) <= set(table.columns)
    guesses, bounds = table[table["role"] == "method"], table[table["role"] == "bound"]
    assert guesses.columns[guesses.isna().any()].intersection(list(METRICS)).tolist() == ["line_map_error"]
    assert (bounds["coverage_90"] == 0).all(), "the mean spectrum has error bars of no width"
    assert (table["seconds"] > table["fit_seconds"]).all(), "the fit is a part of the cell"
    assert (table["harness_seconds"] >= 0).all()
    assert guesses["warnings"].str.contains("only a guess.", regex=False).all(), (
        "beside what unmix says of it"
    )
    assert json.loads(guesses["settings"].iloc[0]) == {"pause": 0.0}
    from_disk = read_results(out / "records.csv")
    assert list(from_disk.columns) == list(table.columns)
    assert len(from_disk) == len(table)
    kept = sorted(path.name for path in (out / "cells").iterdir())
    assert kept == sorted(
        ["nicr_film-truth.npz"]
        + [
            f"nicr_film-dose{dose}-seed{seed}-{method}-true.npz"
            for dose in (10, 40)
            for seed in (0, 1, 2)
            for method in ("mean_spectrum", "stub_guess")
        ]
    )


def test_the_same_seeds_give_the_same_scores_and_finished_cells_are_not_run_again(
    undisturbed, load_tiny, tmp_path
):
    _, first = undisturbed
    suite = load_tiny("stub_guess").only(methods=["stub_guess"])
    again = run(suite, tmp_path, workers=2, show_progress=False)
    guesses = first[first["method"] == "stub_guess"]
    pd.testing.assert_frame_equal(scores(again), scores(guesses), check_dtype=False)
    assert again["spectral_angle"].nunique() == 3, "seeds differ"
    lines = (tmp_path / "records.jsonl").read_bytes()
    pd.testing.assert_frame_equal(run(suite, tmp_path, show_progress=False), again)
    assert (tmp_path / "records.jsonl").read_bytes() == lines


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


def test_a_folder_keeps_to_one_suite_and_every_command(load_tiny, tmp_path, monkeypatch):
    suite = load_tiny("stub_guess").only(doses=["10"], seeds=["0"], methods=["mean_spectrum"])
    for command in ("one part", "another part", "one part"):
        monkeypatch.setattr(provenance, "command", lambda command=command: command)
        run(suite, tmp_path / "out", show_progress=False)
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert about["commands"] == ["one part", "another part"]
    (tmp_path / "out" / "run.json").write_text(json.dumps(about | {"suite": "main"}))
    with pytest.raises(ValueError, match=r"holds results of the suite main, not tiny; choose another --out"):
        run(suite, tmp_path / "out", show_progress=False)


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.02)


def start(path: Path, out: Path, *more: str) -> tuple[list[str], subprocess.Popen, list[psutil.Process]]:
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
        *more,
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Tests that a shell runs in the background would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    lines = out / "records.jsonl"
    wait_for(lambda: process.poll() is not None or (lines.is_file() and lines.read_bytes().count(b"\n") >= 2))
    return command, process, psutil.Process(process.pid).children(recursive=True)


def test_numbers_of_components_are_rows_of_their_own(load_tiny, tmp_path):
    suite = load_tiny("stub_guess", components='"true", "true-2", "true-3", "true+1", "found"').only(
        doses=["40"], seeds=["0"]
    )
    table = run(suite, tmp_path / "out", show_progress=False).set_index("components")
    guesses = table[table["method"] == "stub_guess"]["n_components"].to_dict()
    assert {**guesses, "found": 3} == {"true": 3, "true-2": 1, "true+1": 4, "found": 3}
    assert guesses["found"] >= 1
    assert list(table[table["method"] == "mean_spectrum"].index) == ["true"], "bounds know the number"


@pytest.mark.parametrize(
    ("method", "more", "sentence"),
    [
        (
            "stub_guess",
            "[limits]\nseconds = 5\n[method_settings.stub_guess]\npause = 90",
            "ended after 5 s, the limit",
        ),
        (
            "stub_hungry",
            "[limits]\nmib = 900\n[method_settings.stub_hungry]\nmib = 900",
            "over the limit of 900 MiB",
        ),
    ],
)
def test_a_cell_over_a_limit_is_ended_with_a_sentence(load_tiny, tmp_path, method, more, sentence):
    suite = load_tiny(method, more=f"\n{more}\n").only(doses=["10"], seeds=["0"], methods=[method])
    (row,) = run(suite, tmp_path / "out", show_progress=False).to_dict("records")
    assert row["status"] == "failed"
    assert sentence in row["message"]


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Start a dask scheduler and two workers; yield the address, and the processes in that order."""
    where = tmp_path / "scheduler.json"
    scheduler = ("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(where))
    worker = ("worker", "--scheduler-file", str(where), "--nthreads", "1", "--no-nanny")
    processes = []
    for kind, *options in (scheduler, *2 * [(*worker, "--preload", "benchmarks.cluster")]):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, "--no-dashboard"]
        processes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT))
        wait_for(lambda: where.is_file() and where.read_text() != "")
    yield json.loads(where.read_text())["address"], processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_scheduler_that_is_killed_ends_the_run_with_a_sentence(write_suite, tmp_path, cluster):
    address, (scheduler, *_) = cluster
    path = write_suite(tmp_path, "stub_guess", more="\n[method_settings.stub_guess]\npause = 0.5\n")
    _, process, _ = start(path, tmp_path / "out", "--scheduler", address)
    scheduler.kill()
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2, output
    assert output.strip().endswith("the same command continues where this one ended")
    assert "Traceback" not in output
    assert len(pd.read_csv(tmp_path / "out" / "records.csv")) >= 2, "what was recorded stays"


def test_a_worker_of_a_cluster_that_is_killed_hands_its_cell_to_the_next(write_suite, tmp_path, cluster):
    address, (_, worker, _) = cluster
    path = write_suite(tmp_path, "stub_guess", more="\n[method_settings.stub_guess]\npause = 0.5\n")
    _, process, _ = start(path, tmp_path / "out", "--scheduler", address)
    worker.kill()
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    table = pd.read_csv(tmp_path / "out" / "records.csv")
    assert list(table["status"]) == 6 * ["ok"]


def test_kills_lose_the_cells_in_flight_and_the_same_command_ends_like_an_undisturbed_run(
    undisturbed, write_suite, tmp_path
):
    slow = "\n[method_settings.stub_guess]\npause = 0.5\n"
    out = tmp_path / "killed"
    command, process, workers = start(write_suite(tmp_path, "stub_guess", more=slow), out, "--workers", "2")
    lines = out / "records.jsonl"
    started = sorted(workers, key=lambda worker: worker.create_time())
    started[-1].kill()  # the process of a cell
    wait_for(lambda: b"SIGKILL" in lines.read_bytes())
    for worker in started[:-1]:  # that of the other one, and the server that forks them
        worker.kill()
    wait_for(lambda: lines.read_bytes().count(b'"failed"') >= 2)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive, "workers end with the run"
    done = lines.read_bytes()
    whole_lines = done[: done.rfind(b"\n") + 1]
    assert b"the worker process was ended by SIGKILL" in whole_lines
    with open(lines, "ab") as file:
        file.write(done[:100])

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert lines.read_bytes().startswith(whole_lines), "what was recorded stays"
    continued = read_results(out / "records.csv")
    n_failed = whole_lines.count(b'"status": "failed"')
    assert lines.read_bytes().count(b"\n") == 6 + n_failed, "no finished cell is computed twice"
    whole = read_results(undisturbed[0] / "records.csv")
    guesses = whole[whole["method"] == "stub_guess"]
    # The identity of a cell holds its settings, and the hash of the code, which the fixture fixes in this process only.
    ours = ["cell", "code", "commit", "settings"]
    mine, theirs = (scores(table).drop(columns=ours) for table in (continued, guesses))
    pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)


def test_an_interrupted_run_says_so_and_leaves_its_table(write_suite, tmp_path):
    path = write_suite(tmp_path, "stub_guess", more="\n[method_settings.stub_guess]\npause = 1.0\n")
    _, process, workers = start(path, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    output = process.communicate()[0]
    assert process.returncode == 130, output
    assert output.strip().endswith("stopped; the same command continues where this one ended")
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    assert len(pd.read_csv(tmp_path / "out" / "records.csv")) >= 2
