"""The palette end to end: exact zeros, tilt series, vacuum, candidates, and the methods that draw under it."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS, is_mixture, is_recalibrated, weighs
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.choice import choose_prior
from bayesunmix.engine.sampling.maps import draw_maps
from bayesunmix.models.abundance_priors.palette import Palette, candidates
from benchmarks.scoring.coverage import coverage
from benchmarks.scoring.pairing import align
from tests.quick import SEED, SETTINGS, film, unmixed


def blocks(shape, n_channels=12, dose=30, seed=0):
    """Return an image of two pure halves with vacuum around them, its endmembers, and its maps."""
    rng = np.random.default_rng(seed)
    endmembers = rng.dirichlet(np.full(n_channels, 0.5), 2)
    where = np.indices(shape)
    specimen = ((where[-1] > 1) & (where[-1] < shape[-1] - 3)).ravel()
    first = (where[-2] < shape[-2] // 2).ravel() if len(shape) > 1 else (where[0] < shape[0] // 2)
    maps = dose * np.stack([specimen & first, 2 * (specimen & ~first)], axis=1)
    counts = rng.poisson(maps @ endmembers).reshape(*shape, n_channels)
    return bu.SpectrumImage(counts, np.arange(1, n_channels + 1) / 10), endmembers, maps


def drawn(image, endmembers, prior, n_maps=30, seed=0):
    known = np.broadcast_to(endmembers, (2, 1, *endmembers.shape))
    starts = [np.ones((image.n_pixels, len(endmembers)))] * 2
    key = random_key(seed)
    return draw_maps(
        image, known, starts, prior=prior, key=key, n_maps=n_maps, sweeps_per_map=None, most_mib=100
    )


def test_it_compares_compositions_and_is_not_recalibrated():
    prior = ABUNDANCE_PRIORS["palette"]()
    assert weighs(prior) and is_mixture(prior) and not is_recalibrated(prior)
    old = ABUNDANCE_PRIORS["multiscale"]()
    assert not weighs(old) and is_recalibrated(old)


@pytest.mark.parametrize("prior", [Palette(None), Palette(4.0, 0.4, True)], ids=["tree", "field that learns"])
@pytest.mark.parametrize("shape", [(24,), (12, 14), (3, 8, 10)])
def test_pure_regions_contain_exactly_nothing_else_whatever_the_shape(shape, prior):
    image, endmembers, maps = blocks(shape)
    found = drawn(image, endmembers, prior)
    specimen, absent = maps.sum(axis=1) > 0, maps == 0
    zero = (found.draws == 0).mean(axis=(0, 1))
    assert np.mean(zero[specimen[:, None] & absent]) > 0.95
    total, truth = found.mean.sum(axis=1), maps.sum(axis=1)
    assert total[~specimen].max() < 0.2 * truth.max()
    for k in range(2):
        region = truth * (maps[:, k] > 0) > 0
        error = total[region].sum() / truth[region].sum() - 1
        assert abs(error) < 5 / np.sqrt(truth[region].sum())


def test_couplings_share_compiled_code_and_still_differ():
    image, endmembers, _ = blocks((10, 12), dose=3)
    weak, strong = (drawn(image, endmembers, Palette(*c)).mean for c in ((0.5, 0.0), (20.0, 0.0)))
    assert Palette(0.5, 0.0) == Palette(20.0, 0.0) and (weak != strong).any()


def test_photons_that_are_kept_apart_choose_among_the_candidates():
    image, endmembers, maps = blocks((16, 16), dose=8)
    priors = {"jeffreys": ABUNDANCE_PRIORS["jeffreys"](), **candidates()}
    known = np.broadcast_to(endmembers, (2, 1, *endmembers.shape))
    draw = partial(draw_maps, endmembers=known, n_maps=20, sweeps_per_map=None, most_mib=64)
    starts = [np.ones((image.n_pixels, len(endmembers)))] * 2
    found = choose_prior(image, known, starts, priors, random_key(1), draw)
    assert set(found.scores) == set(priors) and "jeffreys" not in found.weights
    near = drawn(image, endmembers, priors[next(iter(found.weights))]).mean
    assert (
        np.abs(near - maps).mean() < np.abs(drawn(image, endmembers, priors["jeffreys"]).mean - maps).mean()
    )


def test_bayes_draws_under_it_from_end_to_end():
    result = bu.unmix(film().image, 3, "bayes", seed=SEED, **SETTINGS["bayes"], abundance_prior="palette")
    assert result.info["recalibration"] is None
    draws = np.asarray(result.posterior.abundances)
    assert (draws == 0).mean() > 0.4 and np.isfinite(draws).all()
    trial = film()
    error, of_chosen, alone = (
        np.sqrt(((align(trial.truth, r).estimate.abundances - trial.truth.abundances) ** 2).mean())
        for r in (result, unmixed("bayes"), unmixed("nmf"))
    )
    assert of_chosen < error < 0.65 * alone
    assert 0.75 < coverage(trial, align(trial.truth, result), 0.9) <= 1


def test_bayes_gibbs_draws_endmembers_and_compositions_together():
    image, endmembers, maps = blocks((8, 10), dose=60)
    result = bu.unmix(image, 2, "bayes_gibbs", n_warmup=60, n_draws=40, abundance_prior="palette")
    order = bu.match(endmembers, result.estimate.endmembers)
    error = np.abs(result.estimate.abundances[:, order] - maps).sum() / maps.sum()
    assert error < 0.25
    assert jnp.isfinite(jnp.asarray(result.info["objective"])).all()


@pytest.mark.parametrize(("shape", "n_components"), [((1,), 2), ((1, 1), 1), ((2, 3), 8), ((5,), 5)])
@pytest.mark.parametrize("contrast", [None, 9.0])
def test_tiny_images_of_one_to_eight_components_have_maps(shape, n_components, contrast):
    rng = np.random.default_rng(1)
    endmembers = rng.dirichlet(np.ones(20), n_components)
    counts = rng.poisson(200 * endmembers[np.arange(np.prod(shape)) % n_components]).reshape(*shape, 20)
    image = bu.SpectrumImage(counts, np.arange(1, 21) / 10)
    maps = drawn(image, endmembers, Palette(contrast), n_maps=12)
    assert np.isfinite(maps.draws).all() and (maps.draws >= 0).all()
    totals = counts.reshape(-1, 20).sum(axis=1)
    assert np.abs(maps.mean.sum(axis=1) - totals).max() < 5 * np.sqrt(totals.max())
