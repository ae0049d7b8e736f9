"""What every registered method must do, whoever wrote it: a new file in methods/ is tested by being there."""

import dataclasses
import json

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.method import METHODS, Method, finds_n_components
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

SIGNED = {"pca", "ica"}
LEAST_SQUARES = {"ica", "nmf_frobenius", "pca", "vendor_mcr"}
FINDS = {name for name in METHODS if finds_n_components(METHODS[name]())}
QUICK = {
    "bayes": {"n_warmup": 40, "n_draws": 40, "n_maps": 40},
    "bayes_gibbs": {"n_warmup": 30, "n_draws": 40},
    "bayes_cavi": {"n_draws": 30},
    "bayes_nuts": {"n_warmup": 30, "n_draws": 30},
    "bootstrap": {"n_replicates": 20},
    "fisher_conditional": {"n_draws": 40},
    "fisher_joint": {"n_draws": 40},
}


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0, n_channels=300), 20, 1)


@pytest.fixture(scope="module", params=list(METHODS))
def outcome(request, trial):
    settings = QUICK.get(request.param, {})
    return request.param, settings, bu.unmix(trial.image, 3, request.param, seed=4, **settings)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_method_is_a_frozen_dataclass_registered_under_its_file_name(name):
    cls = METHODS[name]
    assert cls.__module__ == f"bayesunmix.methods.{name}"
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
    assert isinstance(cls(), Method)
    assert cls.__doc__ and all(field.name in cls.__doc__ for field in dataclasses.fields(cls))


def test_result_is_canonical_and_finite(outcome, trial):
    name, _, result = outcome
    endmembers, abundances = result.estimate.endmembers, result.estimate.abundances
    n_components = result.estimate.n_components
    assert n_components == 3 or name in FINDS
    assert result.info["n_components"] == n_components
    assert endmembers.shape == (n_components, trial.image.n_channels)
    assert abundances.shape == (trial.image.n_pixels, n_components)
    assert np.isfinite(endmembers).all() and np.isfinite(abundances).all()
    np.testing.assert_allclose(np.abs(endmembers).sum(axis=1), 1, rtol=1e-6)
    assert (endmembers.sum(axis=1) >= 0).all()
    assert result.estimate.is_nonnegative == (name not in SIGNED)


def test_info_tells_the_whole_story_and_is_json(outcome):
    name, settings, result = outcome
    info = result.info
    expected = {
        "converged",
        "iterations",
        "objective",
        "objective_name",
        "warnings",
        "method",
        "settings",
        "seed",
    }
    assert expected | {"fit_seconds", "compile_seconds", "peak_mib", "device", "versions"} <= set(info)
    assert info["method"] == name and info["seed"] == 4
    assert settings.items() <= info["settings"].items()
    assert isinstance(info["converged"], bool)
    assert all(isinstance(sentence, str) for sentence in info["warnings"])
    json.dumps(info, allow_nan=False)


def test_same_seed_same_bytes(outcome, trial):
    name, settings, result = outcome
    again = bu.unmix(trial.image, 3, name, seed=4, **settings)
    np.testing.assert_array_equal(again.estimate.endmembers, result.estimate.endmembers)
    np.testing.assert_array_equal(again.estimate.abundances, result.estimate.abundances)


def test_posterior_is_in_the_same_scale_and_holds_the_estimate(outcome):
    _, _, result = outcome
    if result.posterior is None:
        return
    np.testing.assert_allclose(result.posterior.endmembers.sum(axis=-1), 1, rtol=1e-4)
    mean = result.posterior.mean()
    scale = result.estimate.abundances.mean()
    assert np.abs(mean.abundances - result.estimate.abundances).mean() < 0.1 * scale
    lower, upper = result.posterior.interval(0.9)
    inside = (lower.abundances <= mean.abundances) & (mean.abundances <= upper.abundances)
    assert inside.mean() > 0.95


def test_a_result_comes_back_from_its_file(outcome, tmp_path):
    _, _, result = outcome
    bu.save_result(result, tmp_path / "result.nc")
    loaded = bu.load_result(tmp_path / "result.nc")
    assert loaded.info == json.loads(json.dumps(result.info))
    assert loaded.names == result.names
    np.testing.assert_array_equal(loaded.estimate.abundances, result.estimate.abundances)
    np.testing.assert_array_equal(loaded.grid.energy_kev, result.grid.energy_kev)
    assert loaded.grid[1:] == result.grid[1:]
    if result.labels is not None:
        np.testing.assert_array_equal(loaded.labels, result.labels)
    if result.posterior is not None:
        np.testing.assert_array_equal(loaded.posterior.abundances, result.posterior.abundances)
        np.testing.assert_array_equal(loaded.posterior.endmembers, result.posterior.endmembers)


def test_labels_give_a_pixel_to_one_component_or_none(outcome, trial):
    _, _, result = outcome
    if result.labels is None:
        return
    labels, abundances = result.labels, result.estimate.abundances
    assert labels.shape == (trial.image.n_pixels,) and labels.dtype.kind == "i"
    assert labels.min() >= -1 and labels.max() < result.estimate.n_components
    elsewhere = labels[:, None] != np.arange(result.estimate.n_components)
    assert not abundances[elsewhere].any()
    counts = np.where(labels < 0, 0, trial.image.total_map().ravel())
    np.testing.assert_allclose(abundances.sum(axis=1), counts)


@pytest.mark.parametrize("name", sorted(FINDS))
def test_a_method_that_finds_the_number_of_components_is_asked_for_none(name, trial):
    assert bu.unmix(trial.image, method=name).estimate.n_components >= 1


def test_nonnegative_methods_conserve_counts(outcome, trial):
    name, _, result = outcome
    if name in SIGNED | LEAST_SQUARES or result.labels is not None:
        return  # least squares does not promise it, and unassigned pixels have none
    assert result.estimate.abundances.sum() == pytest.approx(trial.image.n_photons, rel=0.02)


def test_method_leaves_the_image_alone(outcome, trial):
    assert (
        trial.image.n_photons
        == acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0), 20, 1).image.n_photons
    )


@pytest.mark.parametrize("name", sorted(set(METHODS) - LEAST_SQUARES - {"elements"}))
def test_one_component_is_the_sum_spectrum(name, trial):
    result = bu.unmix(trial.image, 1, name, **QUICK.get(name, {}))
    spectrum = trial.image.sum_spectrum()[None]
    assert bu.spectral_angles(spectrum, result.estimate.endmembers)[0, 0] < 3


@pytest.mark.parametrize("name", list(METHODS))
def test_settings_must_be_positive(name):
    numeric = [f.name for f in dataclasses.fields(METHODS[name]) if type(f.default) in (int, float)]
    for field in numeric:
        with pytest.raises(ValueError, match=f"{field}.*greater than 0.*-1"):
            METHODS[name](**{field: -1})


def test_fit_takes_only_image_components_and_key(trial):
    for name in METHODS:
        method = METHODS[name](**QUICK.get(name, {}))
        fit = type(method).fit
        assert fit.__code__.co_varnames[: fit.__code__.co_argcount] == (
            "self",
            "image",
            "n_components",
            "key",
        )
