"""Records: durable lines, a torn tail forgiven, a broken line named; the table's newest row counts."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.record import RecordFile, RunRecord, write_text
from benchmarks.table import table


def record(seed=0, **more) -> RunRecord:
    settings = {"n_draws": 100, "prior": "gamma"}
    return RunRecord(
        f"cell{seed}", "film", "abc", {"gain": 1.0}, 5.0, seed, "nmf", "method", settings, "true", 3, **more
    )


def test_records_come_back_as_they_went_in(tmp_path):
    file = RecordFile(tmp_path / "records.jsonl")
    assert file.read() == []
    written = [
        record(0, status="ok", metrics={"deviance": 1.25}, converged=True),
        record(1, message="no “luck”"),
    ]
    for one in written:
        file.append(one)
    assert file.read() == written


@given(cut=st.integers(min_value=1))
def test_a_torn_last_line_is_dropped_wherever_it_is_torn(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "records.jsonl"
    file = RecordFile(path)
    for seed in range(3):
        file.append(record(seed, message="ü" * 20))
    whole = path.read_bytes()
    last = len(whole) - (whole.rstrip(b"\n").rfind(b"\n") + 1)
    path.write_bytes(whole[: len(whole) - 1 - cut % last])
    assert [r.seed for r in file.read()] == [0, 1]
    file.append(record(7))
    assert [r.seed for r in file.read()] == [0, 1, 7]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    line = json.dumps(dataclasses.asdict(record()))
    path.write_text(f"{line}\nnot a record\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2 of .*records\.jsonl is not a record; remove that line"):
        RecordFile(path).read()


def test_the_newest_record_of_a_row_counts(tmp_path):
    failed, better = record(message="failed"), record(status="ok", metrics={"deviance": 3.0})
    result = table([failed, record(1), better])
    assert list(result["seed"]) == [0, 1]
    assert result["status"][0] == "ok"
    assert result["deviance"][0] == 3.0
    assert result["crps"].isna().all()


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "after \ud800")
    assert path.read_text() == "before"
