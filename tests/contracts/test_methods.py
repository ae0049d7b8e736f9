"""What every registered method must do, whoever wrote it: a new file in methods/ is tested by being there."""

import dataclasses
import json

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.method import METHODS, Method, finds_n_components
from tests.quick import N_COMPONENTS, SEED, SETTINGS, every_method, film, unmixed

SIGNED = {"pca", "ica"}
LEAST_SQUARES = {"ica", "nmf_frobenius", "pca", "vendor_mcr"}
FINDS = {name for name in METHODS if finds_n_components(METHODS[name]())}
#: Of a result, and no part of it: they differ from run to run.
MEASURED = {"fit_seconds", "compile_seconds", "peak_mib"}


@pytest.fixture(scope="module")
def trial():
    return film()


@pytest.fixture(scope="module", params=every_method())
def outcome(request):
    return request.param, SETTINGS.get(request.param, {}), unmixed(request.param)


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
    assert n_components == N_COMPONENTS or name in FINDS
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
    assert info["method"] == name and info["seed"] == SEED
    assert settings.items() <= info["settings"].items()
    assert isinstance(info["converged"], bool)
    assert all(isinstance(sentence, str) for sentence in info["warnings"])
    json.dumps(info, allow_nan=False)


def test_same_seed_same_bytes(outcome, trial):
    name, settings, result = outcome
    again = bu.unmix(trial.image, N_COMPONENTS, name, seed=SEED, **settings)
    np.testing.assert_array_equal(again.estimate.endmembers, result.estimate.endmembers)
    np.testing.assert_array_equal(again.estimate.abundances, result.estimate.abundances)
    if result.posterior is not None:
        np.testing.assert_array_equal(again.posterior.endmembers, result.posterior.endmembers)
        np.testing.assert_array_equal(again.posterior.abundances, result.posterior.abundances)
    said, said_again = (
        json.dumps({key: value for key, value in r.info.items() if key not in MEASURED})
        for r in (result, again)
    )
    assert said == said_again


def test_every_component_has_a_name_and_it_is_said_whether_it_was_given_or_is_unique(outcome):
    _, _, result = outcome
    n_components = result.estimate.n_components
    assert len(set(result.names)) == n_components and all(isinstance(name, str) for name in result.names)
    for said in (result.known, result.unique):
        assert len(said) == n_components and all(type(answer) is bool for answer in said)


def test_the_largest_component_comes_first_unless_the_order_has_a_meaning(outcome):
    name, _, result = outcome
    shares = np.abs(result.estimate.abundances).sum(axis=0)
    if name == "pca" or any(result.known) or result.names[0] not in ("component 0", "free_0"):
        return  # by variance; as the user named them
    assert (np.diff(shares) <= 0).all()
    if result.posterior is not None:
        drawn = result.posterior.mean()
        order = bu.match(result.estimate.endmembers, drawn.endmembers)
        np.testing.assert_array_equal(order, np.arange(len(shares)))
        np.testing.assert_allclose(drawn.abundances.sum(axis=0), shares, rtol=0.1)


def test_whatever_has_a_posterior_has_a_verdict_for_each_component(outcome):
    _, _, result = outcome
    if result.posterior is None:
        assert "fractions" not in result.info
        return
    fractions = result.info["fractions"]
    assert tuple(fractions) == result.names
    assert sum(share["mean"] for share in fractions.values()) == pytest.approx(1, abs=0.01)
    for share in fractions.values():
        assert 0 <= share["lower"] <= share["mean"] <= share["upper"] <= 1
        assert share["counting_sd"] > 0 and share["endmember_sd"] >= 0
        assert share["identified"] in ("yes", "range-only", "no")
        assert all(result.known) or share["feasible_half_width"] >= 0


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
    assert (loaded.names, loaded.known, loaded.unique) == (result.names, result.known, result.unique)
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
    np.testing.assert_array_equal(trial.image.dense(), film.__wrapped__().image.dense())


@pytest.mark.parametrize("name", list(METHODS))
def test_settings_must_be_positive(name):
    numeric = [f.name for f in dataclasses.fields(METHODS[name]) if type(f.default) in (int, float)]
    for field in numeric:
        with pytest.raises(ValueError, match=f"{field}.*greater than 0.*-1"):
            METHODS[name](**{field: -1})


def test_fit_takes_only_image_components_and_key():
    for name in METHODS:
        fit = METHODS[name].fit
        assert fit.__code__.co_varnames[: fit.__code__.co_argcount] == (
            "self",
            "image",
            "n_components",
            "key",
        )
