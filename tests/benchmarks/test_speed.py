"""The measurement measures: right photons, a file on disk, memory of its own process, and a table that is kept."""

import pandas as pd
import pytest

from benchmarks.published import read_about
from benchmarks.speed import SPEEDS, Speed, measure_speeds
from benchmarks.speeds.simulations import simulations


def test_a_small_series_in_memory_and_ten_times_it_on_disk():
    memory, disk = simulations(tilts=2, photons=2e4)
    assert abs(memory.photons - 2e4) < 5 * 2e4**0.5
    assert abs(disk.photons - 2e5) < 5 * 2e5**0.5
    assert "MiB" in disk.remark and "MiB" not in memory.remark, "only one of them has a file"
    assert min(memory.peak_mib, disk.peak_mib) > 20
    assert min(memory.seconds, disk.seconds) > 0


def test_measuring_again_replaces_the_rows_of_the_subject_and_no_others(tmp_path, monkeypatch):
    measured = {
        "a": [Speed("one tilt", "nmf", 400, 1.5)],
        "b": [Speed("one tilt", "pca", 400, 0.5, remark="x")],
    }
    for name, rows in measured.items():
        monkeypatch.setitem(SPEEDS._members, name, lambda rows=rows: iter(rows))
    out = tmp_path / "speed.csv"
    for subject in ("a", "b", "a"):
        assert list(measure_speeds(subject, out)) == measured[subject]
        measured["a"] = [Speed("one tilt", "nmf", 400, 2.5)]
        monkeypatch.setitem(SPEEDS._members, "a", lambda: iter(measured["a"]))
    table = pd.read_csv(out)
    assert list(zip(table["subject"], table["method"], table["seconds"], strict=True)) == [
        ("b", "pca", 0.5),
        ("a", "nmf", 2.5),
    ]
    assert read_about(out)["commits"] and read_about(out)["machines"]
    with pytest.raises(ValueError, match="unknown subject of a speed benchmark"):
        list(measure_speeds("c", None))
