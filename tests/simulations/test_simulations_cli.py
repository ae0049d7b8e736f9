"""`python -m simulations`: what it writes can be read back, and a mistake is one sentence and status 2."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from simulations import PHANTOMS, acquire
from simulations.__main__ import main
from simulations.picture import contact_sheet

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
    trial = acquire(PHANTOMS["nicr_film"](), 5, 7)
    image = bu.read(tmp_path / "film.npz")
    assert (image.counts != trial.image.counts).nnz == 0
    assert image.axes == trial.image.axes
    with np.load(tmp_path / "film.truth.npz", allow_pickle=False) as truth:
        np.testing.assert_array_equal(truth["endmembers"], trial.truth.endmembers)
        np.testing.assert_array_equal(truth["abundances"].reshape(-1, 3), trial.truth.abundances)
        np.testing.assert_array_equal(truth["thickness_nm"].reshape(-1, 3), trial.phantom.thickness_nm)
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
        (("write", "nicr_flim", "--dose", "5"), "unknown phantom 'nicr_flim': did you mean"),
        (("write", "nicr_film", "--dose", "-5"), "dose must be a positive, finite number"),
        (("write", "nicr_film", "--dose", "nan"), "dose must be a positive, finite number"),
        (("write", "nicr_film", "--dose", "5", "--seed", "-1"), "from 0 on (a seed), got -1"),
        (("write", "nicr_needle", "--dose", "5", "--tilts", "0"), "tilts must be a whole number from 1 on"),
        (("write", "nicr_film", "--dose", "5", "--tilts", "3"), "nicr_film is no tilt series; leave --tilts"),
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
        ("write", "nowhere/x.hspy", "there is no folder"),
        ("write", "nowhere/x.h5", "there is no folder"),
        ("write", "x.csv", "cannot write 'x.csv': the formats are .npz .hspy .h5"),
        ("show", "nowhere/x.png", "there is no folder"),
        ("show", "x.csv", "cannot draw 'x.csv': the formats are .png .svg .pdf"),
    ],
)
def test_an_unwritable_place_is_one_sentence(run, tmp_path, command, name, sentence):
    dose = ("--dose", "5")
    done = run(command, "nicr_film", *dose, "--out", tmp_path / name)
    _assert_one_sentence(done, sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".npz", ".hspy", ".h5"])
@pytest.mark.parametrize("part", ["image", "truth"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(run, tmp_path, monkeypatch, suffix, part):
    from bayesunmix.io import h5, hspy
    from simulations import writing

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {
        ("image", ".npz"): (writing, "write"),
        ("image", ".hspy"): (hspy, "save"),
        ("image", ".h5"): (h5, "_append"),
    }.get((part, suffix), (np, "savez_compressed"))
    if (part, suffix) == ("truth", ".npz"):
        # The image of this format is written by the same NumPy function: let the first call through.
        write = np.savez_compressed
        calls = []
        monkeypatch.setattr(
            np, "savez_compressed", lambda *a, **k: full() if calls else calls.append(write(*a, **k))
        )
    else:
        monkeypatch.setattr(*target, full)
    (tmp_path / f"x{suffix}").write_bytes(b"older")
    done = run("write", "nicr_film", "--dose", 5, "--out", tmp_path / f"x{suffix}")
    _assert_one_sentence(done, "no room left on the disk while writing 'x.")
    assert "nothing was kept" in done[2]
    assert [path.name for path in tmp_path.iterdir()] == [f"x{suffix}"]
    assert (tmp_path / f"x{suffix}").read_bytes() == b"older"


def test_a_place_that_may_not_be_written_is_one_sentence(run, tmp_path, monkeypatch):
    from simulations import writing

    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writing, "write", forbidden)
    done = run("write", "nicr_film", "--dose", 5, "--out", tmp_path / "x.npz")
    _assert_one_sentence(done, "Permission denied; choose a folder of yours")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_the_file_is_one_sentence(run, tmp_path):
    (tmp_path / "x.npz").mkdir()
    done = run("write", "nicr_film", "--dose", 5, "--out", tmp_path / "x.npz")
    _assert_one_sentence(done, "is a folder; give the name of a file in it")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_all_formats_hold_the_same_counts(run, tmp_path):
    for suffix in (".npz", ".hspy", ".h5"):
        name = tmp_path / f"n{suffix}"
        assert (
            run("write", "nicr_needle", "--dose", 5, "--tilts", 2, "--preset", "realistic", "--out", name)[0]
            == 0
        )
    plain = bu.read(tmp_path / "n.npz")
    assert plain.shape == (2, 124, 165, 900)
    for other in (bu.read(tmp_path / "n.hspy"), bu.read(tmp_path / "n.h5", crop_below_kev=None)):
        assert (other.counts != plain.counts).nnz == 0
        assert other.axes == plain.axes
        np.testing.assert_allclose(other.energy_kev, plain.energy_kev, atol=1e-9)


def test_hyperspy_will_find_an_eds_signal(run, tmp_path):
    rsciio = pytest.importorskip("rsciio.hspy", reason="RosettaSciIO, the extra io, is not installed")
    run("write", "core_shell", "--dose", 5, "--out", tmp_path / "x.hspy")
    (signal,) = rsciio.file_reader(str(tmp_path / "x.hspy"))
    assert signal["metadata"]["Signal"]["signal_type"] == "EDS_TEM"
    assert signal["metadata"]["General"]["title"] == "core_shell"
    axes = [(axis["name"], axis["size"], axis["units"], axis["navigate"]) for axis in signal["axes"]]
    assert axes == [("y", 72, "nm", True), ("x", 72, "nm", True), ("Energy", 1000, "keV", False)]
    assert signal["data"].sum() == bu.read(tmp_path / "x.hspy", crop_below_kev=None).n_photons


@pytest.mark.parametrize("suffix", [".hspy", ".h5"])
def test_these_formats_write_the_same_bytes_again(run, tmp_path, suffix):
    for name in ("a", "b"):
        run("write", "null", "--dose", 5, "--out", tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_truth_of_a_series_is_all_there(run, tmp_path):
    run("write", "nicr_needle", "--dose", 28, "--tilts", 2, "--out", tmp_path / "n.npz")
    with np.load(tmp_path / "n.truth.npz", allow_pickle=False) as truth:
        assert truth["volume"].shape == (124, 124, 165)
        assert truth["abundances"].shape == truth["thickness_nm"].shape == (2, 124, 165, 3)
        assert truth["tilts_deg"].tolist() == [0, 5]
        families = dict(zip(truth["line_families"].tolist(), truth["line_shares"], strict=True))
        nickel = truth["abundances"] @ families["Ni_K"]
    needle = PHANTOMS["nicr_needle"](2)
    np.testing.assert_allclose(nickel, 28 * needle.line_intensities()["Ni_K"])


def test_a_preset_is_realistic(run, tmp_path):
    for preset in ("ideal", "realistic"):
        run("write", "nicr_film", "--dose", 20, "--preset", preset, "--out", tmp_path / f"{preset}.npz")
    spectra = [bu.read(tmp_path / f"{preset}.npz").sum_spectrum() for preset in ("ideal", "realistic")]
    tail = slice(370, 415)  # under Cr Ka
    assert spectra[1][tail].sum() > 1.5 * spectra[0][tail].sum()


def test_show_draws_a_series(run, tmp_path):
    assert run("show", "nicr_needle", "--tilts", 2, "--out", tmp_path / "series.png")[0] == 0
    assert (tmp_path / "series.png").read_bytes()[:4] == b"\x89PNG"


def test_the_contact_sheet_shows_every_phantom():
    figure = contact_sheet(dose=2)
    titles = [cell.get_suptitle() for cell in figure.subfigs]
    assert [title.split()[0] for title in titles if title] == list(PHANTOMS)


def test_contact_sheet_writes_a_picture(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    monkeypatch.setattr("simulations.picture.contact_sheet", lambda dose, seed: Figure())
    assert run("contact-sheet", "--out", tmp_path / "sheet.png")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_figures_draws_the_six_of_the_short_course(run, tmp_path):
    assert run("figures", "--tilts", 1, "--out", tmp_path / "six")[0] == 0
    assert {path.name for path in (tmp_path / "six").iterdir()} == {
        *("eds_spectrum.png", "eds_intensities_raw_vs_PCA.png", "scree_plot.png"),
        *("PCA.png", "BSS.png", "NMF.png"),
    }


def test_published_figures_that_are_not_there_are_one_sentence(run, tmp_path):
    done = run("figures", "--tilts", 1, "--out", tmp_path / "six", "--published", tmp_path / "not_here")
    _assert_one_sentence(done, "leave --published out to draw ours alone")
    assert list(tmp_path.iterdir()) == []


def test_figures_without_tilts_is_one_sentence(run, tmp_path):
    done = run("figures", "--tilts", 0, "--out", tmp_path / "six")
    _assert_one_sentence(done, "tilts must be a whole number from 1 on, got 0")
    assert list(tmp_path.iterdir()) == []


def _assert_one_sentence(done, sentence):
    status, _, complaint = done
    assert status == 2
    assert sentence in complaint
    assert complaint.count("\n") == 1
