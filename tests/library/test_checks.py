"""The checks: their parts against slow obvious references, silence on right models, alarms that name what is wrong."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats

import bayesunmix as bu
from bayesunmix.checks.deviance import cells, leverage
from bayesunmix.checks.held_out import distance_from_uniform, held_out_counts, predictive_pit
from bayesunmix.checks.pooled import pool
from bayesunmix.checks.residuals import Shapes, skewed_tails, sum_residual
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from bayesunmix.plotting import plot_checks
from bayesunmix.spectra import Detector
from simulations import PHANTOMS, acquire
from simulations.acquisition import Acquisition

SHAPE = (32, 64)


def film(detector=None):
    return PHANTOMS["nicr_film"](SHAPE, detector=detector)


def known(image, spectra):
    """A result with given spectra; the check fits abundances itself."""
    share = np.full(len(spectra), 1 / len(spectra))
    return Unmixing(Factorization(spectra, np.outer(image.total_map().ravel(), share)))


@pytest.fixture(scope="module")
def truth():
    return film().truth.endmembers


def random_model(seed, regions=6, components=3, channels=20, counts=40.0):
    rng = np.random.default_rng(seed)
    endmembers = rng.dirichlet(np.ones(channels), components) + 0.01
    abundances = rng.gamma(2.0, counts, (regions, components))
    return rng, abundances, endmembers


def whitened_tangent(abundances, endmembers, with_endmembers):
    """Columns: the change of every cell, in standard deviations, with each parameter."""
    expected = abundances @ endmembers
    (n_regions, n_components), n_channels = abundances.shape, endmembers.shape[1]
    columns = []
    for r in range(n_regions):
        for k in range(n_components):
            change = np.zeros_like(expected)
            change[r] = endmembers[k]
            columns.append((change / np.sqrt(expected)).ravel())
    for k in range(n_components * with_endmembers):
        for c in range(n_channels):
            change = np.zeros_like(expected)
            change[:, c] = abundances[:, k]
            columns.append((change / np.sqrt(expected)).ravel())
    return np.array(columns).T


@pytest.mark.parametrize("rate", [0.02, 0.4, 1.0, 3.7, 40.0, 290.0, 310.0, 5000.0])
def test_the_moments_of_the_deviance_are_those_of_drawn_counts(rate):
    draws = np.random.default_rng(1).poisson(rate, (1, 400_000)).astype(float)
    found = cells(draws, np.full_like(draws, rate), np.zeros_like(draws))
    mean, variance = found.mean[0, 0], found.variance[0, 0]
    assert abs(found.deviance.mean() - mean) < 4 * np.sqrt(variance / draws.size)
    assert found.deviance.var() == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_leverage_is_the_diagonal_of_the_dense_projection(seed):
    _, abundances, endmembers = random_model(seed)
    expected = abundances @ endmembers
    basis = np.linalg.svd(whitened_tangent(abundances, endmembers, False), full_matrices=False)[0]
    of_abundances = leverage(abundances, endmembers, expected, is_free=False)
    np.testing.assert_allclose(of_abundances, (basis**2).sum(axis=1).reshape(expected.shape), rtol=1e-6)
    n_free = np.linalg.matrix_rank(whitened_tangent(abundances, endmembers, True))
    assert leverage(abundances, endmembers, expected, is_free=True).sum() == pytest.approx(n_free, rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_a_residual_and_its_covariance_are_those_of_the_dense_projection(seed):
    rng, abundances, endmembers = random_model(seed)
    expected = abundances @ endmembers
    counts = rng.poisson(expected).astype(float)
    basis = np.linalg.svd(whitened_tangent(abundances, endmembers, False), full_matrices=False)[0]
    left = np.eye(expected.size) - basis @ basis.T
    add_up = np.tile(np.eye(expected.shape[1]), len(expected))  # (C, R C)
    scale = add_up * np.sqrt(expected.ravel())
    residual = sum_residual(counts, expected, endmembers)
    white = ((counts - expected) / np.sqrt(expected)).ravel()
    np.testing.assert_allclose(residual.counts - residual.expected, scale @ left @ white, atol=1e-8)
    # The scatter is that of the counts expected after the step.
    moved = residual.expected - expected.sum(axis=0)
    covariance = scale @ left @ scale.T + np.diag(moved)
    np.testing.assert_allclose(residual.sd, np.sqrt(np.diagonal(covariance)), rtol=1e-6)
    weights = rng.normal(size=(4, expected.shape[1]))
    tests = Shapes(residual, weights, np.zeros(4, bool))
    np.testing.assert_allclose(tests.covariance, weights @ covariance @ weights.T, atol=1e-8)
    tests.take(0)
    assert tests.sd[0] == pytest.approx(0, abs=1e-5)
    assert tests.p_values()[0] == pytest.approx(1, abs=0.01)


def test_tails_have_the_skewness_asked_for():
    z = np.linspace(-2, 5, 30)
    for skewness in (-0.8, 0.0, 0.3, 1.5):
        upper, lower = skewed_tails(z, np.full(z.size, skewness))
        np.testing.assert_allclose(upper, stats.pearson3.sf(z, skewness), atol=1e-9)
        np.testing.assert_allclose(lower, stats.pearson3.cdf(z, skewness), atol=1e-9)


def test_pit_is_uniform_for_the_distribution_it_assumes():
    rng = np.random.default_rng(3)
    mean, excess = rng.gamma(0.7, 4.0, (200, 50)) + 0.01, np.full((200, 50), 0.3)
    counts = rng.poisson(mean * rng.gamma(mean / excess, excess / mean))
    values = predictive_pit(counts, mean, excess, rng).ravel()
    test = stats.kstest(values, "uniform")
    assert test.pvalue > 0.01
    assert distance_from_uniform(values) == pytest.approx(test.statistic)
    as_poisson = predictive_pit(counts, mean, np.zeros_like(mean), rng).ravel()
    assert stats.kstest(as_poisson, "uniform").pvalue < 1e-3


@pytest.mark.parametrize("dose", [5, 20, 100])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_model_is_left_alone(truth, dose, seed):
    image = acquire(film(), dose, seed).image
    found = bu.check(known(image, truth), image, seed=seed)
    assert not found.alarm
    assert found.sentences == ["Nothing contradicts the model."]
    assert found.fitted_again == "abundances"
    excess = (found.regions.deviance - found.regions.expected).sum() / np.sqrt((found.regions.sd**2).sum())
    assert abs(excess) < 3.5


def test_p_values_of_a_right_model_are_uniform_or_larger(truth):
    """Thirty images: each kind of test alone rejects about as often as it says."""
    windows, faults, held_out = [], [], []
    for seed in range(30):
        image = acquire(film(), 20, 100 + seed).image
        found = bu.check(known(image, truth), image, seed=seed)
        windows.append(found.windows.p_value[::7])
        faults.append([fault.p_value for fault in found.faults.values()])
        held_out.append(found.held_out.p_value)
    for p_values in (np.concatenate(windows), np.ravel(faults)):
        assert 0.02 < (p_values < 0.05).mean() < 0.09
    assert stats.binomtest(int((np.array(held_out) < 0.1).sum()), 30, 0.1).pvalue > 0.01


@pytest.mark.parametrize("false_alarms", [0.001, 0.01, 0.3, 0.9])
@pytest.mark.parametrize("is_right", [True, False])
def test_the_rule_for_alarms_is_that_of_benjamini_and_hochberg(truth, false_alarms, is_right):
    image = acquire(film(), 20, 0).image
    spectra = truth if is_right else 0.97 * truth + 0.03 * truth[::-1]
    found = bu.check(known(image, spectra), image, false_alarms=false_alarms)
    faults = [fault.p_value for fault in found.faults.values()]
    parts = (found.channels.p_value, found.regions.p_value, found.windows.p_value, faults)
    p_values = np.concatenate([*parts, [found.held_out.p_value]])
    off = stats.false_discovery_control(p_values) <= false_alarms
    assert found.alarm == off.any()
    np.testing.assert_array_equal(p_values <= found.significant, off)


def test_endmembers_fitted_to_the_counts_are_recognised_and_left_alone():
    image = acquire(film(), 20, 0).image
    found = bu.check(bu.unmix(image, 3, "nmf", seed=0), image)
    assert not found.alarm
    assert found.fitted_again == "abundances and endmembers"
    assert found.windows is None and not found.faults


def test_a_component_too_few_alarms_by_channels_regions_and_held_out_photons():
    image = acquire(film(), 20, 0).image
    found = bu.check(bu.unmix(image, 2, "nmf", seed=0), image)
    assert found.alarm
    assert found.channels.p_value.min() < 1e-9 and found.regions.p_value.min() < 1e-9
    assert found.held_out.p_value < 1e-9
    assert "a component too few?" in found.sentences[0]
    assert any(sentence.startswith("superpixel (y ") for sentence in found.sentences)


def test_a_shift_is_measured(truth):
    image = acquire(film(), 20, 0, Acquisition(offset_kev=0.003)).image
    found = bu.check(known(image, truth), image)
    assert found.alarm
    assert "eV higher than the model's" in found.sentences[0]
    shift = found.faults["shift"]
    assert abs(shift.amplitude - 0.003) < 3 * shift.sd + 0.0003


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        (Detector(escape=True), "an escape peak of Cr"),
        (Detector(tail_share=0.08), "tails of the peaks"),
        (Detector(pile_up=0.05), "pile-up"),
    ],
)
def test_a_fault_of_the_detector_is_named(truth, detector, words):
    image = acquire(film(detector), 60, 0).image
    found = bu.check(known(image, truth), image)
    assert found.alarm
    assert words in found.sentences[0]


def test_a_wrong_line_ratio_is_found_at_the_line(truth):
    image, wrong = acquire(film(), 60, 0).image, truth.copy()
    line = (image.energy_kev > 5.8) & (image.energy_kev < 6.1)
    wrong[1, line] *= 1.2
    found = bu.check(known(image, wrong / wrong.sum(axis=1, keepdims=True)), image)
    assert found.alarm
    assert found.sentences[0].startswith("5.9") and "fewer counts" in found.sentences[0]
    assert "another intensity of" in found.sentences[0]


def test_an_element_that_the_model_lacks_is_named_and_so_are_its_regions(truth):
    trial = acquire(film(), 20, 0)
    found = bu.check(known(trial.image, truth[:2]), trial.image)
    assert "Ni, which the model lacks?" in found.sentences[0]
    nickel = trial.truth.abundances[:, 2].reshape(SHAPE)
    worst = int(np.argmax(found.regions.deviance))
    assert nickel[found.region_of_pixel == worst].mean() > 2 * nickel.mean()


def test_labels_are_the_regions_and_negative_ones_are_left_out(truth):
    trial = acquire(film(), 20, 0)
    labels = trial.truth.abundances.argmax(axis=1).reshape(SHAPE) + 10
    labels[trial.image.total_map() == 0] = -1
    found = bu.check(known(trial.image, truth), trial.image, labels=labels)
    assert found.regions.names == ("region 10", "region 11", "region 12")
    assert not found.alarm
    assert (found.region_of_pixel[labels < 0] == -1).all()
    only_silicon = np.where(labels == 10, 10, -1)
    without = bu.check(known(trial.image, truth[:2]), trial.image, labels=only_silicon)
    assert without.counts.sum() == trial.image.total_map()[labels == 10].sum()


def test_a_posterior_is_checked_by_its_mean(truth):
    image = acquire(film(), 20, 0).image
    result = known(image, truth)
    draws = np.stack([truth * 0.9, truth * 1.1])[None]
    abundances = np.repeat(result.estimate.abundances[None, None], 2, axis=1)
    wrong = Factorization(truth[:, ::-1], result.estimate.abundances)
    found = bu.check(Unmixing(wrong, bu.Posterior(draws, abundances)), image)
    assert not found.alarm


def test_the_same_seed_holds_out_the_same_photons(truth):
    image = acquire(film(), 20, 0).image
    pooled = pool(image, known(image, truth), None)
    first, again, other = (held_out_counts(pooled, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (first.histogram == again.histogram).all() and first.p_value == again.p_value
    assert (first.histogram != other.histogram).any()
    assert first.histogram.sum() == other.histogram.sum()


@pytest.mark.parametrize("shape", [(120,), (3, 8, 16), (7, 9)])
def test_images_of_any_shape_are_checked_and_drawn(shape):
    rng = np.random.default_rng(0)
    spectra = rng.dirichlet(np.full(40, 2.0), 2)
    energy = np.sort(rng.uniform(0.05, 9, 40))  # uneven, so that nothing can pile up
    image = bu.SpectrumImage(rng.poisson(rng.gamma(2, 10, (*shape, 2)) @ spectra), energy)
    found = bu.check(known(image, spectra), image)
    assert not found.alarm and "pile-up" not in found.faults
    assert found.region_of_pixel.shape == shape
    plot_checks(found).canvas.draw()


def test_an_impossible_photon_is_an_alarm_not_an_error():
    spectra = np.array([[1.0, 1, 0, 0, 0, 1]]) / 3
    counts = np.random.default_rng(0).poisson(10, (8, 8, 6)) * (spectra[0] > 0)
    counts[0, 0, 3] = 2
    image = bu.SpectrumImage(counts, np.linspace(1, 2, 6))
    assert bu.check(known(image, spectra), image).alarm


def test_the_summary_is_json_and_the_picture_is_drawn(truth):
    image = acquire(film(Detector(escape=True)), 60, 0).image
    for result in (known(image, truth), bu.unmix(image, 2, "nmf", seed=0)):
        found = bu.check(result, image)
        read = json.loads(json.dumps(found.summary()))
        assert read["alarm"] is True and read["sentences"] == found.sentences
        assert len(plot_checks(found).axes) == 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.alarm = False


def test_what_cannot_be_checked_is_refused(truth):
    image = acquire(film(), 5, 0).image
    good = known(image, truth)
    with pytest.raises(TypeError, match="SpectrumImage"):
        bu.check(good, np.zeros((3, 3, 3)))
    with pytest.raises(ValueError, match="pass the image that was unmixed"):
        bu.check(good, image.crop(2))
    with pytest.raises(ValueError, match="use another method, for example 'bayes'"):
        bu.check(bu.unmix(image, 2, "pca"), image)
    with pytest.raises(ValueError, match="false_alarms"):
        bu.check(good, image, false_alarms=1.0)
    with pytest.raises(ValueError, match="integer map"):
        bu.check(good, image, labels=np.zeros(SHAPE))
    with pytest.raises(ValueError, match="at least one region"):
        bu.check(good, image, labels=np.full(SHAPE, -1))
    few = bu.SpectrumImage(np.ones((2, 3, 4), int), np.arange(1, 5))
    with pytest.raises(ValueError, match="at least 50 counts"):
        bu.check(known(few, np.ones((1, 4)) / 4), few)
