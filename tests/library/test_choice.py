"""The choice of a prior by photons that were kept apart: clear differences decide, and noise does not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.events import weighted_sums
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import slab
from bayesunmix.engine.sampling.choice import Choice, choose_prior, chosen, together
from bayesunmix.engine.sampling.gibbs import place_photons
from bayesunmix.engine.sampling.maps import Maps, draw_maps
from simulations import PHANTOMS, acquire


def maps_of(mean, sd=0.0, n=3):
    draws = np.broadcast_to(mean, (1, n, *mean.shape)).astype(np.float32)
    return Maps(draws, mean, np.full(mean.shape, sd), np.arange(n), False)


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](), 10, 0)


def choice(trial, means, seed=0):
    """Choose between priors which give these maps, as fractions of a pixel's counts."""
    seen = []

    def draw(image, *, starts, key, prior, whole):
        seen.append((image.n_photons, starts[0].sum()))
        return maps_of(prior(image))

    truth = trial.truth
    start = [np.ones(truth.abundances.shape)]
    found = choose_prior(trial.image, truth.endmembers[None, None], start, means, random_key(seed), draw)
    return found, seen


def test_the_prior_that_predicts_unseen_photons_is_chosen(trial):
    truth = trial.truth.abundances

    def true(image):
        return truth * image.n_photons / truth.sum()

    def even(image):
        return np.broadcast_to(true(image).mean(axis=0), truth.shape)

    found, seen = choice(trial, {"even": even, "true": true})
    assert found.weights == {"true": 1} and found.scores["true"] == 0 > found.scores["even"]
    assert all(abs(n / trial.image.n_photons - 0.85) < 0.01 for n, _ in seen)
    assert seen[0][1] == pytest.approx(0.85 * truth.size)


def test_a_copy_of_the_counts_predicts_worse_than_a_smooth_map(trial):
    def copied(image):
        owner = trial.truth.endmembers / trial.truth.endmembers.sum(axis=0).clip(1e-12)
        return np.asarray(image.counts @ owner.T)

    def true(image):
        return trial.truth.abundances * image.n_photons / trial.truth.abundances.sum()

    assert choice(trial, {"copied": copied, "true": true})[0].weights == {"true": 1}


def test_noise_does_not_decide():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 5, 64)
    of_second = []
    for _ in range(60):
        found = chosen({"a": base, "b": base + rng.normal(0, 1, 64)}, np.random.default_rng(2))
        of_second.append(found.weights.get("b", 0.0))
        assert min(-less for less in found.scores.values()) == 0
        assert sum(found.weights.values()) == pytest.approx(1)
    assert np.mean(of_second) == pytest.approx(0.5, abs=0.15)
    assert np.std(of_second) > 0.2, "what is likely to be the best has more weight"
    assert chosen({"a": base, "b": base + 1.0}, np.random.default_rng(2)).weights == {"b": 1}
    assert chosen({"a": base, "b": base}, np.random.default_rng(2)).weights == {"a": 0.5, "b": 0.5}
    assert chosen({"a": base[:1], "b": base[:1] + 1.0}, np.random.default_rng(2)).weights == {
        "a": 0.5,
        "b": 0.5,
    }, "one block tells nothing"


def test_a_weight_is_the_chance_to_be_the_best():
    rng = np.random.default_rng(1)
    better = 0.1 + rng.normal(0, 1, 64)
    z = better.sum() / np.sqrt(64 * better.var())
    weights = chosen({"a": np.zeros(64), "b": better}, np.random.default_rng(2)).weights
    assert weights["b"] == pytest.approx(ndtr(z), abs=0.04)


def test_one_prior_or_hardly_a_photon_leaves_nothing_to_choose(trial):
    assert choice(trial, {"only": None})[0] == Choice({"only": 1.0}, {"only": 0.0}, {"only": 0.0})


def test_draws_of_several_priors_are_a_mixture():
    one, other = maps_of(np.zeros((4, 2)), 1.0), maps_of(np.full((4, 2), 2.0), 1.0, 4)
    both = together([one, other], [0.5, 0.5])
    assert both.draws.shape == (1, 7, 4, 2) and both.partners.tolist() == [0, 1, 2, 0, 1, 2, 3]
    np.testing.assert_allclose(both.mean, 1)
    np.testing.assert_allclose(both.sd, np.sqrt(2))  # within each, and between both
    np.testing.assert_allclose(together([one, other], [0.9, 0.1]).mean, 0.2)


def test_of_many_photons_a_slab_decides(trial, monkeypatch):
    monkeypatch.setattr(slab, "MOST_PHOTONS", trial.image.n_photons // 4)

    def even(image):
        return np.full((image.n_pixels, trial.truth.n_components), image.n_photons / image.n_pixels / 3)

    _, seen = choice(trial, {"a": even, "b": even})
    assert seen[0][0] < 0.85 * trial.image.n_photons / 3


def test_priors_that_exist_are_told_apart_in_an_even_film(trial):

    truth = trial.truth
    known = np.broadcast_to(truth.endmembers, (1, 1, *truth.endmembers.shape))
    start = [np.full(truth.abundances.shape, truth.abundances.mean())]
    draw = partial(draw_maps, endmembers=known, n_maps=10, sweeps_per_map=None, most_mib=64)
    priors = {name: ABUNDANCE_PRIORS[name]() for name in ("jeffreys", "multiscale")}
    found = choose_prior(trial.image, known, start, priors, random_key(0), draw)
    assert found is not None and list(found.weights) == ["multiscale"]


def test_a_part_of_the_photons_shares_the_arrays_of_the_whole(trial):
    image = trial.image
    seen, _ = image.thin(0.6, np.random.default_rng(0))
    whole, part, alone = place_photons(image), place_photons(seen, image), place_photons(seen)
    assert jax.tree.map(np.shape, alone) != jax.tree.map(np.shape, whole)
    assert jax.tree.map(np.shape, part) == jax.tree.map(np.shape, whole)
    table = jnp.asarray(np.random.default_rng(1).normal(size=(2, image.n_channels)), jnp.float32)
    n = image.n_pixels
    np.testing.assert_allclose(
        weighted_sums(part.photons, table, n), weighted_sums(alone.photons, table, n), rtol=1e-5, atol=1e-4
    )
