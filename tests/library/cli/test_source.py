"""RESULT and IMAGE: found again, compared with what was unmixed, and prepared as for the fit."""

import hashlib
import shutil

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.cli.asked import asking
from tests.library.bruker_files import write_bcf


@pytest.fixture
def moved(film, tmp_path):
    """Return a copy of the folder, with the file that was unmixed beside it, away from where it was."""
    shutil.copytree(film, tmp_path / "there" / "film")
    shutil.copy(film.parent / "film.npz", tmp_path / "there" / "film.npz")
    return tmp_path / "there" / "film"


def test_the_result_records_where_it_came_from(film):
    home = film.parent
    assert bu.load_result(film / "result.nc").info["input"] == {
        "name": "film.npz",
        "path": "film.npz",
        "path_from_result": "../film.npz",
        "sha256": hashlib.sha256((home / "film.npz").read_bytes()).hexdigest(),
        "crop_below_kev": 1.5,
        "mask": "mask.npy",
        "mask_sha256": hashlib.sha256((home / "mask.npy").read_bytes()).hexdigest(),
    }


def test_the_image_is_prepared_as_for_the_fit(film, prepared):
    _, image = prepared
    for result in (film, film / "result.nc"):
        with asking(result, None) as asked:
            np.testing.assert_array_equal(asked.image.dense(), image.dense())
            np.testing.assert_array_equal(asked.image.energy_kev, image.energy_kev)
            np.testing.assert_array_equal(asked.image.mask, image.mask)
            assert asked.image.axes == image.axes


def test_the_image_is_found_from_another_folder_and_after_a_move(moved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with asking(moved, None) as asked:
        assert asked.image_file.samefile(tmp_path / "there" / "film.npz")
    (tmp_path / "there" / "film.npz").rename(tmp_path / "there" / "renamed.npz")
    with asking(moved, tmp_path / "there" / "renamed.npz") as asked:
        assert asked.image.n_pixels == 320
    shutil.move(tmp_path / "there" / "renamed.npz", tmp_path / "film.npz")
    with asking(moved, None) as asked:
        assert asked.image_file.samefile(tmp_path / "film.npz"), "as it was given, from here"


def test_a_missing_or_another_image_is_one_sentence(run, moved, file, tmp_path):
    def refused(said, *words):
        status, out, err = run("check", *words)
        assert (status, out) == (2, "")
        assert err.startswith("bayesunmix: ") and err.count("\n") == 1, err
        assert said in err

    refused("is not the file that was unmixed, 'film.npz'", moved, file)
    refused("there is no file", moved, tmp_path / "nothing.npz")
    refused("got the folder", moved, tmp_path)
    bu.write(
        bu.read(moved.parent / "film.npz").thin(0.5, np.random.default_rng(0))[0], moved.parent / "film.npz"
    )
    refused("has changed since it was unmixed", moved)
    (moved.parent / "film.npz").unlink()
    refused("the file that was unmixed, 'film.npz', is no longer at", moved)
    refused("holds no result.nc", moved.parent)
    refused("there is no result", moved.parent / "nothing")
    refused("RESULT must be a .nc file", file, moved)
    (moved / "result.nc").write_bytes(b"damaged")
    refused("'result.nc' is not a result", moved)


def test_a_result_saved_in_python_needs_its_image_by_name(run, prepared, film, file, tmp_path):
    result, image = prepared
    info = {name: value for name, value in result.info.items() if name != "input"}
    bare = bu.Unmixing(result.estimate, result.posterior, info, grid=result.grid, names=result.names)
    bu.save_result(bare, tmp_path / "bare.nc")
    status, _, err = run("fractions", tmp_path / "bare.nc")
    assert status == 2 and "does not say which file was unmixed" in err
    status, _, err = run("fractions", tmp_path / "bare.nc", file)
    assert status == 2
    assert "the result is of 8 x 40 pixels and 425 channels (1.50 to 9.98 keV)" in err
    assert "'map.npz' holds 3 x 4 pixels and 30 channels" in err
    with asking(tmp_path / "bare.nc", film.parent / "film.npz") as asked:
        np.testing.assert_array_equal(asked.image.dense(), image.dense())


def test_one_of_several_spectrum_images_is_chosen_and_found_again(run, tmp_path):
    maps = [np.random.default_rng(seed).poisson(0.5, (5, 6, 300)) for seed in (0, 1)]
    path = write_bcf(tmp_path / "stack.bcf", maps, detectors=1)
    asked = ("--components", 2, "--method", "nmf", "--no-crop", "--quiet", "--report")
    assert run("unmix", path, "--out", tmp_path / "second", "--dataset", 1, *asked)[0] == 0
    result = bu.load_result(tmp_path / "second" / "result.nc")
    assert result.info["input"]["dataset"] == 1
    with asking(tmp_path / "second", None) as found:
        np.testing.assert_array_equal(found.image.dense(), maps[1])
    assert "dataset=1" in (tmp_path / "second" / "report.html").read_text()
    status, _, error = run("unmix", path, "--out", tmp_path / "third", "--dataset", 2, *asked)
    assert status == 2 and "dataset must be the number of a spectrum image" in error
    assert not (tmp_path / "third").exists()
