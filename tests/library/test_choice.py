"""Held-out photons choose the maps that are nearest to the truth."""

import jax
import numpy as np
import pytest
from scipy import sparse, stats

import bayesunmix as bu
from bayesunmix.engine.composition.choice import FLOOR, HELD_OUT, choose, pixel_scores
from bayesunmix.engine.device.threefry import random_key


def specimen(shape=(12, 14), n_channels=20, dose=40, masked=False, seed=0):
    rng = np.random.default_rng(seed)
    endmembers = rng.dirichlet(np.ones(n_channels), 2)
    maps = dose * rng.dirichlet(np.ones(2), int(np.prod(shape)))
    counts = rng.poisson(maps @ endmembers).reshape(*shape, n_channels)
    mask = np.ones(shape, bool)
    mask[:, :3] = not masked
    return bu.SpectrumImage(counts, np.arange(1, n_channels + 1) / 10, mask=mask), endmembers, maps


@pytest.mark.parametrize("masked", [False, True])
def test_a_score_is_the_poisson_log_likelihood_with_a_floor(masked):
    image, endmembers, maps = specimen(masked=masked)
    fitted, held_out = image.thin(0.85, np.random.default_rng(1))
    maps = maps * image.takes_part[:, None]
    found = pixel_scores(held_out, fitted, maps, endmembers)
    ratio = held_out.n_photons / fitted.n_photons
    mean = np.asarray(fitted.counts.sum(axis=0)).ravel() + 0.5
    floor = FLOOR * held_out.n_photons / image.takes_part.sum() * mean / mean.sum()
    rate = (1 - FLOOR) * ratio * maps @ endmembers + floor
    counts = held_out.counts.toarray()
    expected = stats.poisson.logpmf(counts, rate) - stats.poisson.logpmf(counts, 1) - 1
    np.testing.assert_allclose(found, expected.sum(axis=1) * image.takes_part, rtol=1e-6, atol=1e-6)


def test_the_truth_is_chosen_and_every_candidate_sees_the_same_photons():
    image, endmembers, maps = specimen(dose=100)
    seen = []

    def candidate(error):
        def draw(fitted, key):
            seen.append((fitted.counts.sum(), jax.random.key_data(key).tolist()))
            shares = maps / maps.sum(axis=1, keepdims=True)
            wrong = (1 - error) * shares + error * shares[:, ::-1]
            return (1 - HELD_OUT) * 100 * wrong

        return draw

    draws = {"far": candidate(0.3), "true": candidate(0.0), "near": candidate(0.05)}
    found = choose(image, endmembers, draws, random_key(0))
    assert found.name == "true" and found.scores["true"] == 0 and found.standard_errors["true"] == 0
    assert found.scores["far"] < found.scores["near"] < 0
    assert found.scores["far"] < -3 * found.standard_errors["far"]
    assert len(set(map(str, seen))) == 1


def test_a_photon_in_vacuum_does_not_decide():
    counts = np.zeros((6, 5, 4), int)
    counts[:3] = 50
    image = bu.SpectrumImage(counts, np.arange(1, 5) / 10)
    stray = sparse.lil_array(image.counts.shape, dtype=np.uint32)
    stray[:15] = image.counts[:15]
    stray[29, 2] = 1
    held_out = bu.SpectrumImage(stray.toarray().reshape(counts.shape), image.energy_kev)
    maps = np.repeat([[200.0], [0.0]], 15, axis=0)
    with_stray = pixel_scores(held_out, image, maps, np.full((1, 4), 0.25))
    # It costs the logarithm of the floor in this channel, and not what a rate of nothing would cost.
    floor = FLOOR * held_out.n_photons / 30 / 4
    np.testing.assert_allclose(with_stray[29], np.log(floor) - 4 * floor, rtol=1e-6)
    assert with_stray[29] > -10
