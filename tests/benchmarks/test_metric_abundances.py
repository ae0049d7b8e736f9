"""Known answers of the metrics of abundances, of their number, and of photons held out."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from bayesunmix import Factorization, Unmixing
from benchmarks.baselines.oracle_endmembers import oracle_endmembers
from benchmarks.metric import METRICS
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, Trial, acquire
from simulations.acquisition import Acquisition


@pytest.fixture(scope="module")
def trial() -> Trial:
    return acquire(PHANTOMS["nicr_film"](shape=(6, 20), n_channels=60, pixel_nm=12.0), 30, 0)


def score(name, trial, abundances, endmembers=None) -> float:
    endmembers = trial.truth.endmembers if endmembers is None else endmembers
    return METRICS[name].score(trial, align(trial.truth, Unmixing(Factorization(endmembers, abundances))))


def with_extra(trial, abundances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Abundances and endmembers of the truth and of one flat component more."""
    flat = np.full(trial.truth.endmembers.shape[1], 1 / trial.truth.endmembers.shape[1])
    return np.column_stack([trial.truth.abundances, abundances]), np.vstack([trial.truth.endmembers, flat])


def test_bias_is_that_of_the_means_relative_to_each(trial):
    truth = trial.truth.abundances
    assert score("abundance_bias", trial, truth * [1.3, 0.9, 1.1]) == pytest.approx((0.3 + 0.1 + 0.1) / 3)
    assert score("abundance_bias", trial, truth[:, :2], trial.truth.endmembers[:2]) == pytest.approx(1 / 3)
    where = trial.phantom.specimen
    extra = np.full(len(truth), 0.6 * truth[where].mean())
    assert score("abundance_bias", trial, *with_extra(trial, extra)) == pytest.approx(0.6 / 3)


def test_bias_is_blind_to_noise_that_averages_out(trial):
    truth, inside = trial.truth.abundances, np.flatnonzero(trial.phantom.specimen)
    shuffled = truth.copy()
    shuffled[inside] = truth[np.roll(inside, 7)]
    assert score("abundance_bias", trial, shuffled) == pytest.approx(0, abs=1e-12)
    assert score("abundance_rmse", trial, shuffled) > 0.5


def test_what_the_trial_holds_no_count_of_is_relative_to_the_mean(trial):
    """As a component that dead pixels hide altogether."""
    truth = trial.truth.abundances * [1, 1, 0]
    hidden = Trial(trial.image, Factorization(trial.truth.endmembers, truth), trial.phantom, 30.0)
    mean = truth[trial.phantom.specimen].mean()
    found = truth + np.array([0, 0, 0.3 * mean])
    assert score("abundance_bias", hidden, truth) == 0
    assert score("abundance_bias", hidden, found) == pytest.approx(0.3 / 3)


def test_fractions_do_not_know_the_dose_of_a_pixel(trial):
    truth = trial.truth.abundances
    brighter = truth * np.random.default_rng(0).uniform(0.1, 10, (len(truth), 1))
    assert score("fraction_error", trial, brighter) == pytest.approx(0, abs=1e-12)


def test_fraction_error_of_known_fractions(trial):
    where = trial.phantom.specimen
    truth = trial.truth.fractions[where]
    equal = np.ones_like(trial.truth.abundances)
    assert score("fraction_error", trial, equal) == pytest.approx(np.sqrt(((truth - 1 / 3) ** 2).mean()))
    for nothing in (0 * equal, -equal):
        assert score("fraction_error", trial, nothing) == pytest.approx(np.sqrt((truth**2).mean()))
    signed = np.where(np.arange(3) == 1, 2.0, [-1.0, 0, -5])
    only = np.broadcast_to([0.0, 1, 0], truth.shape)
    expected = np.sqrt(((truth - only) ** 2).mean())
    assert score("fraction_error", trial, np.tile(signed, (len(equal), 1))) == pytest.approx(expected)
    half = score("fraction_error", trial, *with_extra(trial, trial.truth.abundances.sum(axis=1)))
    expected = ((truth / 2) ** 2).sum() + truth.shape[0] * 0.5**2
    assert half == pytest.approx(np.sqrt(expected / truth.size)), "what is in excess is error in full"


def test_the_rank_is_hit_by_components_that_hold_a_count(trial):
    truth = trial.truth
    assert score("rank_hit", trial, -truth.abundances) == 1, "signed, as PCA"
    assert score("rank_hit", trial, truth.abundances[:, :2], truth.endmembers[:2]) == 0
    for total, hit in [(0.0, 1), (0.9, 1), (1.1, 0)]:
        extra = np.full(len(truth.abundances), total / len(truth.abundances))
        assert score("rank_hit", trial, *with_extra(trial, extra)) == hit


def test_the_mean_over_fresh_photons_is_the_deviance(trial):
    """An exact identity of the mean, for an estimate that is not made of these photons."""
    rough = trial.truth.abundances * [1.3, 0.8, 1.1] + 0.2
    scores = [score("held_out_deviance", dataclasses.replace(trial, seed=seed), rough) for seed in range(40)]
    expected = score("deviance", trial, rough)
    assert abs(np.mean(scores) - expected) < 4 * stats.sem(scores)
    assert stats.sem(scores) < 0.05 * expected
    assert len(set(scores)) == 40
    assert score("held_out_deviance", trial, rough) == scores[0], "the same in every run"


def test_fresh_photons_punish_a_fit_of_noise(trial):
    """Maximum likelihood is better than the truth on its own photons, and worse on others by about as much."""
    x = trial.image.counts.toarray()
    fitted = oracle_endmembers(trial, 3).estimate
    m, mu = trial.truth.expected(), np.maximum(fitted.expected(), 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = 2 * (np.where(x > 0, x * np.log(m / mu), 0) - m + mu).sum() / trial.phantom.specimen.sum()
    fresh = score("held_out_deviance", trial, fitted.abundances)
    assert own < -1
    assert fresh > 1


def test_dead_pixels_are_dead_in_the_second_exposure_too(trial):
    """Photons in a pixel that is known to see none would cost infinity."""
    dead = acquire(trial.phantom, 30, 0, Acquisition(dead_pixels=0.3, dead_time=0.01))
    assert (dead.truth.abundances[dead.phantom.specimen].sum(axis=1) == 0).any()
    assert abs(score("held_out_deviance", dead, dead.truth.abundances)) < 0.1


def test_without_a_seed_there_is_no_second_exposure(trial):
    unseeded = acquire(trial.phantom, 30, np.random.default_rng(0))
    assert np.isnan(score("held_out_deviance", unseeded, trial.truth.abundances))
