"""Draws moved to where the truths of simulated images were: what is learned, and what moving keeps."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import norm

import bayesunmix as bu
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import recalibration, slab
from bayesunmix.engine.sampling.maps import Maps
from bayesunmix.engine.sampling.recalibration import (
    LEVELS,
    SHARES,
    learned_scores,
    measure_scores,
    normal_scores,
    recalibrate_in_place,
    simulated_image,
)
from simulations.phantom import PHANTOMS
from simulations.trial import acquire


def posterior(rng, truth, bias=0.0, width=1.0, n=100, error=0.1):
    """Maps whose mean errs by `error` in the logarithm, and whose draws say `width` times that, off by `bias` of it."""
    centre = np.log(truth) + rng.normal(0, error, truth.shape) - bias * error
    draws = np.exp(centre + width * error * rng.normal(size=(n, *truth.shape)))
    return Maps(
        draws.reshape(2, n // 2, *truth.shape),
        draws.mean(axis=0),
        draws.std(axis=0),
        np.arange(n // 2),
        False,
    )


def flat(maps):
    return maps.draws.reshape(-1, *maps.mean.shape)


def image_of(counts):
    return bu.SpectrumImage(counts, np.arange(1.0, counts.shape[-1] + 1))


def scores_of(image, fitted, draw):
    """What simulations from fitted maps (P, K) teach; every component has a channel of its own."""
    spectra = np.eye(fitted.shape[1], image.n_channels)
    maps = Maps(fitted[None, None], fitted, np.zeros_like(fitted), np.arange(1), False)
    starts = [np.repeat(np.arange(image.n_pixels)[:, None], fitted.shape[1], axis=1)]  # the numbers of pixels
    return measure_scores(image, spectra[None, None], maps, starts, random_key(0), draw)


def learn(rng, truth, *errors):
    """What is learned where draws of the simulated images err as `posterior` says."""
    return scores_of(
        image_of(np.round(truth).astype(int) + 1), truth, lambda *_, **__: posterior(rng, truth, *errors)
    )


def gamma_truth(rng, n=10_000):
    """Maps of two components; both are more than next to nothing in every pixel."""
    return np.maximum(rng.gamma(5, 4, (n, 2)), 4.0)


def little_of(maps):
    return maps < SHARES[0] * maps.sum(axis=1, keepdims=True)


def held(maps, truth, level):
    lower, upper = np.quantile(flat(maps), [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
    return ((lower <= truth) & (truth <= upper)).mean()


def test_normal_scores_are_those_of_the_rank_and_reach_beyond_the_draws():
    """Against the definition, for log-normal draws at the quantiles of a standard normal."""
    n = 99
    draws = np.exp(ndtri(np.arange(1, n + 1) / (n + 1)))[:, None, None] * np.ones((1, 1, 9))
    at = np.array([-2.9, -2.0, -1.0, -0.3, 0.0, 0.4, 1.1, 2.2, 2.8])
    np.testing.assert_allclose(normal_scores(draws, np.exp(at)[None])[0], at, atol=0.03)
    far = np.exp([[-40.0, 40.0] + [0.0] * 7])
    np.testing.assert_allclose(normal_scores(draws, far)[0, :2], [-3, 3])


def test_right_draws_stay_where_they_are():
    rng = np.random.default_rng(1)
    truth = gamma_truth(rng)
    maps = posterior(rng, truth)
    np.testing.assert_allclose(learn(rng, truth)[:, 1], np.tile(ndtri(LEVELS), (2, 1)), atol=0.15)
    before = maps.draws.copy()
    same = recalibrate_in_place(maps, np.tile(ndtri(LEVELS), (2, len(SHARES), 1)))
    np.testing.assert_allclose(maps.draws, before, rtol=1e-5)
    np.testing.assert_allclose(same.mean, maps.mean, rtol=1e-5)
    np.testing.assert_allclose(same.sd, maps.sd, rtol=1e-5)


@pytest.mark.parametrize(("bias", "width"), [(0.0, 2.0), (0.0, 0.7), (1.0, 1.0), (-0.5, 1.7)])
def test_what_is_learned_on_one_image_makes_intervals_of_another_right(bias, width):
    """Which they are not before; without bias, errors are as far off as spreads say afterwards."""
    rng = np.random.default_rng(2)
    seen, truth = gamma_truth(rng), gamma_truth(rng)
    scores = learn(rng, seen, bias, width)
    maps = posterior(rng, truth, bias, width)
    assert abs(held(maps, truth, 0.9) - 0.9) > 0.04
    maps = recalibrate_in_place(maps, scores)
    for level in (0.5, 0.9, 0.95):
        assert held(maps, truth, level) == pytest.approx(level, abs=0.02)
    assert np.median(maps.sd / maps.mean) == pytest.approx(0.1, rel=0.1)


def test_moving_keeps_the_order_of_draws_and_the_total_of_a_pixel():
    rng = np.random.default_rng(3)
    truth = np.concatenate([gamma_truth(rng, 400), rng.gamma(1, 0.1, (400, 1))], axis=1)
    maps = posterior(rng, truth)
    before = flat(maps).copy()
    moved = recalibrate_in_place(maps, np.tile(ndtri(LEVELS) + 1, (3, len(SHARES), 1)))
    np.testing.assert_array_equal(flat(moved).argsort(axis=0), before.argsort(axis=0))
    np.testing.assert_allclose(moved.mean.sum(axis=1), maps.mean.sum(axis=1), rtol=1e-9)
    little = little_of(maps.mean)
    # Means differ from those of the draws by one factor a pixel, which keeps its total.
    of_pixel = np.where(little, np.nan, moved.mean / flat(moved).mean(axis=0))
    np.testing.assert_allclose(np.nanmin(of_pixel, axis=1), np.nanmax(of_pixel, axis=1), rtol=1e-9)
    assert little[:, 2].mean() > 0.9
    np.testing.assert_array_equal(flat(moved)[:, little], before[:, little])
    assert np.all(moved.mean[little] <= maps.mean[little])
    # One score up: the middle is where a share of .84 of the draws was.
    middle, there = np.median(flat(moved), axis=0), np.quantile(before, ndtr(1.0), axis=0, method="weibull")
    np.testing.assert_allclose(middle[~little], there[~little], rtol=0.03)


def test_vacuum_and_few_truths_teach_nothing():
    rng = np.random.default_rng(5)
    truth = np.concatenate([gamma_truth(rng, 2000), np.full((8000, 2), 1e-3)])

    def draw(image, **_):
        maps = posterior(rng, truth)
        maps.draws[:, :, 2000:] *= (truth / maps.mean)[2000:]  # known without an error
        return maps

    image = image_of(np.ceil(truth).astype(int))
    np.testing.assert_allclose(scores_of(image, truth, draw)[:, 1], np.tile(ndtri(LEVELS), (2, 1)), atol=0.4)
    few = learned_scores(
        np.full((recalibration.FEWEST - 1, 1), 2.0), np.ones((recalibration.FEWEST - 1, 1), int)
    )
    np.testing.assert_allclose(few, np.tile(norm.ppf(LEVELS), (1, len(SHARES), 1)))


@pytest.mark.parametrize("shape", [(40, 3), (7, 11), (5, 4, 6), (1, 30)])
def test_many_photons_are_judged_by_a_slab(monkeypatch, shape):
    image = image_of(np.random.default_rng(3).poisson(5.0, (*shape, 8)))
    seen = []

    def draw(known, *, starts, key):
        seen.append((known, starts[0][:, 0]))
        return posterior(np.random.default_rng(0), np.ones((known.n_pixels, 2)))

    fitted = np.full((image.n_pixels, 2), 20.0)
    scores_of(image, fitted, draw)
    assert all(known.grid == image.grid and rows.size == image.n_pixels for known, rows in seen)
    monkeypatch.setattr(slab, "MOST_PHOTONS", image.n_photons // 3)
    seen.clear()
    scores_of(image, fitted, draw)
    for known, rows in seen:
        assert known.shape[1:] == image.shape[1:] and rows.size == known.n_pixels
        np.testing.assert_array_equal(rows, np.arange(rows[0], rows[0] + rows.size))
        assert image.counts[rows].sum() <= image.n_photons // 3 or known.shape[0] == 1
        assert rows[0] <= image.n_pixels // 2 <= rows[-1] + 1


def test_the_truth_of_a_simulated_image_has_zeros_and_the_same_totals():
    fitted = 1e4 * np.array([[9.0, 0.2, 1.0], [0.0, 0.0, 0.0], [0.3, 0.0, 0.0]])
    expected = 1e4 * np.array([[9.18, 0.0, 1.02], [0.0, 0.0, 0.0], [0.3, 0.0, 0.0]])
    many = 1e3 * np.linspace(1.0, 1.2, 40)[None]  # no component has 5 %, and the pixel is not emptied
    for maps, truth in ((fitted, expected), (many, None)):
        seen = []

        def draw(known, seen=seen, **_):
            seen.append(known.dense().astype(float))
            return posterior(np.random.default_rng(0), np.ones((known.n_pixels, known.n_channels)))

        scores_of(image_of(np.ceil(maps).astype(int)), maps, draw)
        for counts in seen:
            assert abs(counts.sum() - maps.sum()) < 5 * np.sqrt(maps.sum())
            assert truth is None or (np.abs(counts - truth) <= 5 * np.sqrt(truth)).all()


def test_simulated_counts_are_poisson_around_the_factorisation():
    trial = acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0), 20, 1)
    truth = trial.truth
    rng = np.random.default_rng(2)
    image = simulated_image(trial.image.grid, truth.endmembers, truth.abundances, rng)
    expected = truth.abundances.sum()
    assert abs(image.n_photons - expected) < 5 * np.sqrt(expected)
    assert image.grid.axes == trial.image.grid.axes
    spectrum = truth.abundances.sum(axis=0) @ truth.endmembers
    seen = spectrum > 20
    z = (image.sum_spectrum()[seen] - spectrum[seen]) / np.sqrt(spectrum[seen])
    assert abs(z.std() - 1) < 0.25 and abs(z.mean()) < 0.3
