"""A series streamed to disk is the series acquired in memory, and a full disk leaves nothing behind."""

import errno
from pathlib import Path

import h5py
import numpy as np
import pytest

from bayesunmix.io import h5
from simulations import PHANTOMS, acquire, photons
from simulations.acquisition import Acquisition
from simulations.store import write_series


@pytest.fixture(scope="module")
def film():
    return PHANTOMS["nicr_film"]((16, 64), n_channels=90)


@pytest.mark.parametrize("acquisition", [None, Acquisition(frames=3, keep_frames=True, dead_time=0.002)])
def test_the_streamed_series_is_the_acquired_one(film, tmp_path, monkeypatch, acquisition):
    monkeypatch.setattr(photons, "_BLOCK", 1000)
    trial = acquire(film, 20, 3, acquisition)
    truth = write_series(film, 20, 3, tmp_path / "film.h5", acquisition)
    image = h5.load(tmp_path / "film.h5")
    assert (image.counts != trial.image.counts).nnz == 0
    assert (image.shape, image.axes) == (trial.image.shape, trial.image.axes)
    np.testing.assert_array_equal(image.energy_kev, film.energy_kev)
    np.testing.assert_array_equal(truth.abundances, trial.truth.abundances)
    assert [path.name for path in tmp_path.iterdir()] == ["film.h5"]


def test_a_part_is_read_alone(film, tmp_path):
    write_series(film, 20, 3, tmp_path / "film.h5")
    part = h5.load(tmp_path / "film.h5", slice(5, 7))
    assert part.axes[0].offset == 5 * part.axes[0].scale  # it knows where in the whole it lies
    assert part.shape == (2, 64, 90)
    np.testing.assert_array_equal(part.dense(), acquire(film, 20, 3).image.dense()[5:7])


def test_same_seed_same_bytes(film, tmp_path):
    for name in ("a.h5", "b.h5"):
        write_series(film, 20, 3, tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("room", [100, 3000])
def test_a_full_disk_leaves_nothing_and_keeps_the_old_file(film, tmp_path, monkeypatch, room):
    monkeypatch.setattr(photons, "_BLOCK", 1000)
    old = tmp_path / "film.h5"
    old.write_bytes(b"old")
    open_path = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, mode="r", *rest: _SmallDisk(open_path(self, mode, *rest), room)
    )
    with pytest.raises(OSError, match=r"no room left on the disk while writing 'film\.h5', nothing was kept"):
        write_series(film, 20, 3, old)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["film.h5"]
    assert old.read_bytes() == b"old"


def test_bad_input_is_one_sentence(film, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_series(film, 20, 3, tmp_path / "nowhere" / "film.h5")
    with pytest.raises(ValueError, match="dose must be a positive"):
        write_series(film, -1, 3, tmp_path / "film.h5")
    with pytest.raises(ValueError, match="no photon was drawn"):
        write_series(film, 1e-12, 3, tmp_path / "film.h5")
    assert list(tmp_path.iterdir()) == []
    write_series(film, 20, 3, tmp_path / "film.h5")
    for part in (slice(3, 3), slice(0, 4, 2), slice(90, 99)):
        with pytest.raises(ValueError, match="part must be a slice of at least one of 16 and without steps"):
            h5.load(tmp_path / "film.h5", part)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("text")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileNotFoundError, match="there is no file"):
        h5.load(tmp_path / "missing.h5")
    for name in ("text.h5", "other.h5"):
        with pytest.raises(ValueError, match="not a spectrum image"):
            h5.load(tmp_path / name)


class _SmallDisk:
    """A file on a disk with room for so many bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        if self._file.tell() + len(data) > self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def truncate(self, size):
        if size > self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.truncate(size)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()
