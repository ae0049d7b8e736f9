"""The child process that reads: whatever ends or blocks it becomes one sentence, and the next file is read."""

import logging

import pytest

from bayesunmix.io import child
from tests.library import faulty_readers


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "map.bcf"
    file.write_bytes(b"x" * 100)
    return file


def read(name, path):
    return list(child.parts(getattr(faulty_readers, name), path))


def test_parts_come_in_order_and_the_child_waits_for_more(path):
    assert read("two", path) == [1, 2]
    (waiting,) = child._waiting
    assert read("two", path) == [1, 2]
    assert child._waiting == [waiting]


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("crashes", ValueError, r"'map\.bcf'.*SIGSEGV.*copy it again"),
        ("ends", ValueError, r"'map\.bcf'.*ended without a word"),
        ("raises", ValueError, r"'map\.bcf'.*damaged.*said: unexpected tag\); copy it again"),
        ("leaves", ValueError, r"'map\.bcf'.*said: enough"),
        ("asks_for_too_much", MemoryError, r"'map\.bcf' asks for more memory"),
        ("refuses", ValueError, r"^no map in it \(RosettaSciIO says: it was pruned\)$"),
        (
            "lacks_a_package",
            ModuleNotFoundError,
            r"reading \.bcf files needs a_package_that_nobody_has.*pip install",
        ),
    ],
)
def test_a_failure_is_one_sentence_and_the_next_file_is_read(path, name, kind, said):
    with pytest.raises(kind, match=said) as caught:
        read(name, path)
    assert "\n" not in str(caught.value)
    assert read("two", path) == [1, 2]


def test_silence_ends_the_child(path, monkeypatch):
    monkeypatch.setattr(child, "_SILENCE_S", 0.5)
    with pytest.raises(ValueError, match=r"'map\.bcf'.*took much longer"):
        read("hangs", path)
    monkeypatch.undo()
    assert read("two", path) == [1, 2]


def test_parts_without_end_are_ended(path, monkeypatch):
    monkeypatch.setattr(child, "_WHOLE_S", 1.0)
    with pytest.raises(ValueError, match=r"'map\.bcf'.*took much longer"):
        read("never_ends", path)


def test_a_reader_that_is_left_is_ended(path):
    before = list(child._waiting)
    parts = child.parts(faulty_readers.hangs, path)
    assert next(parts) == 1
    parts.close()
    assert len(child._waiting) <= len(before)
    assert read("two", path) == [1, 2]


def test_a_child_that_waited_for_too_long_is_replaced(path):
    read("two", path)
    process = child._waiting[-1]._process
    process.kill()
    process.wait()
    assert read("two", path) == [1, 2]


def test_what_is_noted_and_warned_of_reaches_the_user_once(path, caplog):
    with caplog.at_level(logging.WARNING, "bayesunmix"):
        assert read("warns", path) == [1]
    assert sorted(record.getMessage() for record in caplog.records) == [
        "RosettaSciIO says of map.bcf: a frame is missing",
        "RosettaSciIO says of map.bcf: an odd header",
        "added up",
    ]


def test_two_files_at_the_same_time(path):
    parts = child.parts(faulty_readers.two, path)
    assert next(parts) == 1
    assert read("two", path) == [1, 2]
    assert list(parts) == [2]
