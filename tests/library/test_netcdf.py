"""Results in files: every bit comes back, other programs read them, and what is damaged is said in a sentence."""

import json

import h5py
import numpy as np
import pytest
import xarray

import bayesunmix as bu
from bayesunmix.data.image import Axis, Grid
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.io.netcdf import load_result


def result(shape=(3, 4), axes=None, kept=5, posterior=True, grid=True, labels=False, moments=False):
    rng = np.random.default_rng(0)
    n_pixels, k, c = int(np.prod(shape)), 2, 6
    estimate = bu.Factorization(rng.random((k, c)), rng.random((n_pixels, k)))
    drawn = None
    if posterior:
        drawn = bu.Posterior(
            rng.random((2, 10, k, c)).astype(np.float32),
            rng.random((2, kept, n_pixels, k)).astype(np.float32),
            {"log_likelihood": rng.random((2, 10)), "overlap": rng.random((2, 10)).astype(np.float32)},
            calibrated=False,
            partners=np.array([0, 2, 4, 7, 9]) if moments else None,
            **({n: rng.random((n_pixels, k)) for n in ("abundance_mean", "abundance_sd")} if moments else {}),
        )
    axes = axes or tuple(Axis(f"axis_{i}", 0.1 * (i + 1), "nm", i / 3) for i in range(len(shape)))
    return bu.Unmixing(
        estimate,
        drawn,
        {"method": "stub", "converged": True, "objective": [1.5, 0.1 + 0.2], "note": "größer"},
        rng.integers(-1, k, n_pixels) if labels else None,
        Grid(SpectralAxis(np.sort(rng.random(c))), (*shape, c), axes) if grid else None,
    )


def same(a, b):
    assert a.dtype == b.dtype and a.shape == b.shape
    assert a.tobytes() == b.tobytes()


CASES = {
    "usual": {},
    "every draw kept": {"kept": 10},
    "one line": {"shape": (7,)},
    "tilt series": {"shape": (2, 3, 4), "moments": True},
    "names that clash": {"axes": (Axis("draw", 1.0, "°"), Axis("", 2.0, ""))},
    "equal names": {"axes": (Axis("x"), Axis("x"))},
    "slashes": {"axes": (Axis("a/b"), Axis("x"))},
    "bare": {"posterior": False, "grid": False},
    "labels": {"posterior": False, "labels": True},
    "no grid": {"grid": False, "labels": True},
}


@pytest.mark.parametrize("case", CASES)
def test_every_bit_comes_back(tmp_path, case):
    saved = result(**CASES[case])
    bu.save_result(saved, tmp_path / "film.nc")
    loaded = bu.load_result(str(tmp_path / "film.nc"))
    assert loaded.info == saved.info
    for name in ("endmembers", "abundances"):
        same(getattr(loaded.estimate, name), getattr(saved.estimate, name))
    assert (loaded.posterior is None) == (saved.posterior is None)
    if saved.posterior is not None:
        for name in ("endmembers", "abundances", "abundance_mean", "abundance_sd", "partners"):
            one, other = getattr(loaded.posterior, name), getattr(saved.posterior, name)
            assert (one is None) == (other is None)
            if other is not None:
                same(one, other)
        assert loaded.posterior.calibrated is False
        assert list(loaded.posterior.statistics) == list(saved.posterior.statistics)
        for name, values in saved.posterior.statistics.items():
            same(loaded.posterior.statistics[name], values)
    assert (loaded.labels is None) == (saved.labels is None)
    if saved.labels is not None:
        same(loaded.labels, saved.labels)
    assert (loaded.grid is None) == (saved.grid is None)
    if saved.grid is not None:
        same(loaded.grid.energy_kev, saved.grid.energy_kev)
        assert loaded.grid.shape == saved.grid.shape and loaded.grid.axes == saved.grid.axes
    assert [path.name for path in tmp_path.iterdir()] == ["film.nc"]


def test_xarray_and_arviz_read_it_without_us(tmp_path):
    import arviz_stats

    saved = result(axes=(Axis("y", 4.0, "nm"), Axis("x", 4.0, "nm")))
    bu.save_result(saved, tmp_path / "film.nc")
    with xarray.open_datatree(tmp_path / "film.nc", engine="h5netcdf") as tree:
        assert tree["abundances"].dims == ("y", "x", "component")
        assert tree["energy_kev"].attrs["units"] == "keV"
        assert json.loads(tree.attrs["info"])["method"] == "stub"
        np.testing.assert_array_equal(tree["posterior/endmembers"], saved.posterior.endmembers)
        assert tree["posterior_abundances/abundances"].dims == ("chain", "draw", "y", "x", "component")
        table = arviz_stats.summary(tree, var_names="endmembers", round_to="none")
    np.testing.assert_allclose(table["mean"], saved.posterior.mean().endmembers.ravel(), rtol=1e-5)


def test_what_json_has_not_becomes_none(tmp_path):
    odd = bu.Unmixing(
        result().estimate, info={"r_hat": float("nan"), "settings": {"shape": (1, np.int64(2))}}
    )
    bu.save_result(odd, tmp_path / "odd.nc")
    assert bu.load_result(tmp_path / "odd.nc").info == {"r_hat": None, "settings": {"shape": [1, 2]}}


def test_a_damaged_file_is_one_sentence(tmp_path):
    bu.save_result(result(), tmp_path / "good.nc")
    whole = (tmp_path / "good.nc").read_bytes()
    (tmp_path / "half.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.nc").write_text("not a netCDF file")
    (tmp_path / "empty.nc").write_bytes(b"")
    xarray.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    xarray.Dataset(attrs={"format": "bayesunmix result 1"}).to_netcdf(
        tmp_path / "hollow.nc", engine="h5netcdf"
    )
    for name in ("half", "text", "empty", "other", "hollow"):
        with pytest.raises(
            ValueError, match=rf"'{name}.nc' is not a result that bayesunmix.save_result wrote, or it is"
        ) as e:
            load_result(tmp_path / f"{name}.nc")
        assert "\n" not in str(e.value)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_result(tmp_path / "missing.nc")


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"a result is written as .nc, got 'film.h5'"):
        bu.save_result(result(), tmp_path / "film.h5")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        bu.save_result(result(), tmp_path / "nowhere" / "film.nc")
    (tmp_path / "film.nc").write_text("precious")

    def breaks(self, path, **more):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.DataTree, "to_netcdf", breaks)
    with pytest.raises(OSError, match=r"no room left on the disk while writing 'film.nc', nothing was kept"):
        bu.save_result(result(), tmp_path / "film.nc")
    assert (tmp_path / "film.nc").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["film.nc"]


@pytest.mark.parametrize(
    "names",
    [
        ("energy_kev", "x"),
        ("axis_1", "component"),
        ("axis_1", "draw"),
        (".", ".."),
        ("mask", "labels"),
        ("x", "x"),
        ("µ (m)", "y y"),
    ],
)
def test_any_name_of_an_axis(tmp_path, names):
    counts = np.random.default_rng(0).poisson(2, (4, 5, 12))
    image = bu.SpectrumImage(counts, np.arange(1.0, 13), axes=[bu.Axis(name, 2.0, "nm") for name in names])
    result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    bu.save_result(result, tmp_path / "it.nc")
    loaded = bu.load_result(tmp_path / "it.nc")
    assert loaded.grid.axes == image.axes
    np.testing.assert_array_equal(loaded.posterior.abundances, result.posterior.abundances)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("info", "[]"), ("info", '{"settings": "x"}'), ("info", '{"input": {"name": "a", "pbth": "b"}}')],
)
def test_a_result_that_does_not_say_how_it_was_made_is_refused(tmp_path, attribute, value):
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(2, (4, 5, 12)), np.arange(1.0, 13))
    bu.save_result(bu.unmix(image, 2, "pca"), tmp_path / "it.nc")
    with h5py.File(tmp_path / "it.nc", "a") as file:
        file.attrs[attribute] = value
    with pytest.raises(ValueError, match=r"'it\.nc' is not a result.*how the fit was made"):
        bu.load_result(tmp_path / "it.nc")


def test_spectra_that_are_not_finite_are_refused(tmp_path):
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(2, (4, 5, 12)), np.arange(1.0, 13))
    bu.save_result(bu.unmix(image, 2, "fisher_conditional", verdicts=False), tmp_path / "it.nc")
    with h5py.File(tmp_path / "it.nc", "a") as file:
        file["posterior/endmembers"][0, 3, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"'it\.nc' is not a result.*not finite"):
        bu.load_result(tmp_path / "it.nc")
