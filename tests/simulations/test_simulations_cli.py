"""`python -m simulations`: what it writes can be read back, and a mistake is one sentence and status 2."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from simulations import PHANTOMS
from simulations.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command inside this process: (exit status, what it printed, what it complained about)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["simulations", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, *capsys.readouterr()

    return call


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "simulations", "list"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "nicr_film" in done.stdout


def test_list_names_every_phantom(run):
    status, printed, _ = run("list")
    assert status == 0
    assert all(name in printed for name in PHANTOMS)
    assert "64 x 64 x 900" in printed


def test_show_draws_a_picture(run, tmp_path):
    assert run("show", "nicr_film", "--out", tmp_path / "film.png")[0] == 0
    assert (tmp_path / "film.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["film.png"]


def test_write_keeps_image_and_truth_apart(run, tmp_path):
    assert run("write", "nicr_film", "--dose", 5, "--seed", 7, "--out", tmp_path / "film.npz")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"film.npz", "film.truth.npz"}
    trial = PHANTOMS["nicr_film"]().acquire(5, 7)
    image = bu.read(tmp_path / "film.npz")
    assert (image.counts != trial.image.counts).nnz == 0
    assert image.axes == trial.image.axes
    with np.load(tmp_path / "film.truth.npz", allow_pickle=False) as truth:
        np.testing.assert_array_equal(truth["endmembers"], trial.truth.endmembers)
        np.testing.assert_array_equal(truth["abundances"].reshape(-1, 3), trial.truth.abundances)
        assert truth["labels"].tolist() == ["Si", "Cr", "Ni"]
        assert str(truth["digest"]) == trial.phantom.digest()
        assert (float(truth["dose"]), int(truth["seed"])) == (5, 7)


def test_write_writes_the_same_bytes_again(run, tmp_path):
    for name in ("a", "b"):
        run("write", "nicr_film", "--dose", 5, "--out", tmp_path / f"{name}.npz")
    for kind in (".npz", ".truth.npz"):
        assert (tmp_path / f"a{kind}").read_bytes() == (tmp_path / f"b{kind}").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("write", "nicr_flim", "--dose", "5"), "did you mean 'nicr_film'?"),
        (("write", "nicr_film", "--dose", "-5"), "dose must be a positive, finite number"),
        (("write", "nicr_film", "--dose", "nan"), "dose must be a positive, finite number"),
        (("write", "nicr_film", "--dose", "5", "--seed", "-1"), "from 0 on (a seed), got -1"),
    ],
)
def test_a_mistake_is_one_sentence(run, tmp_path, arguments, sentence):
    done = run(*arguments, "--out", tmp_path / "x.npz")
    _assert_one_sentence(done, sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "name", "sentence"),
    [
        ("write", "nowhere/x.npz", "there is no folder"),
        ("write", "x.csv", "is written as .npz, got 'x.csv'"),
        ("show", "nowhere/x.png", "there is no folder"),
        ("show", "x.csv", "cannot draw 'x.csv': the formats are .png .svg .pdf"),
    ],
)
def test_an_unwritable_place_is_one_sentence(run, tmp_path, command, name, sentence):
    dose = ("--dose", "5")
    done = run(command, "nicr_film", *dose, "--out", tmp_path / name)
    _assert_one_sentence(done, sentence)
    assert list(tmp_path.iterdir()) == []


def _assert_one_sentence(done, sentence):
    status, _, complaint = done
    assert status == 2
    assert sentence in complaint
    assert complaint.count("\n") == 1
