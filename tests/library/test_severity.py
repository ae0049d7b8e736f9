"""What a misfit leaves of an interval: against simulated intervals, and as `check` says it."""

from dataclasses import replace

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.quantity import NEGLIGIBLE_SHARE
from bayesunmix.checks import severity
from bayesunmix.data.factorization import Factorization
from simulations import PHANTOMS, acquire
from tests import quick

Z = 1.6448536


def held(errors, reach=Z):
    return np.mean(np.abs(errors) < reach)


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.3, 2.0, 6.0])
def test_errors_that_leave_out_scatter_hold_as_many_truths_as_simulated_ones(ratio):
    errors = np.random.default_rng(0).normal(0, np.sqrt(ratio), 200_000)
    assert severity.coverage_of_scatter(ratio * 50, 50) == pytest.approx(held(errors), abs=0.004)


@pytest.mark.parametrize("bias", [0.0, 0.2, 0.5, 2.0, 9.0])
def test_shifted_intervals_hold_as_many_truths_as_simulated_ones(bias):
    errors = np.random.default_rng(0).normal(bias, 1, 200_000)
    assert severity.coverage_of_shift(0.003 * bias, 0.003) == pytest.approx(held(errors), abs=0.004)


def test_less_deviance_than_expected_and_no_error_are_no_exceptions():
    assert severity.coverage_of_scatter(20, 50) == pytest.approx(0.9)
    assert severity.coverage_of_shift(0, 0) == 0.9 and severity.coverage_of_shift(1e-9, 0) == 0
    assert severity.coverage_of_distance(0.01) == pytest.approx(0.88)
    assert severity.coverage_of_distance(0.7) == 0


def test_the_limit_is_that_of_verdicts():
    half = severity.coverage_of_shift(NEGLIGIBLE_SHARE, 1)
    assert half == pytest.approx(severity.LEAST, abs=0.01) and half > severity.LEAST
    assert severity.coverage_of_scatter(1.3, 1) > severity.LEAST > severity.coverage_of_scatter(1.32, 1)


def test_a_speck_spoils_its_part_of_the_map_only():
    assert severity.coverage_of_map(np.array([1e9]), np.array([50.0]), np.array([0.01])) == pytest.approx(
        0.9 - 0.9 * 0.01, abs=1e-3
    )
    spoilt = severity.coverage_of_map(np.full(2, 1e9), np.full(2, 50.0), np.full(2, 0.04))
    assert spoilt < severity.LEAST


def film(dose, seed=0):
    return acquire(PHANTOMS["nicr_film"]((32, 64)), dose, seed)


def drawn_about(trial, spectra, relative_error, seed=0):
    """Draws whose totals have that relative error."""
    rng = np.random.default_rng(seed)
    truth = trial.truth.abundances
    abundances = truth * rng.normal(1, relative_error, (1, 100, 1, 3))
    estimate = Factorization(spectra / spectra.sum(axis=1, keepdims=True), truth)
    posterior = bu.Posterior(np.broadcast_to(estimate.endmembers, (1, 100, *spectra.shape)), abundances)
    return bu.Unmixing(estimate, posterior, known=(True,) * 3)


def wrong_line(trial, by):
    spectra = trial.truth.endmembers.copy()
    line = (trial.image.energy_kev > 5.8) & (trial.image.energy_kev < 6.1)
    spectra[1, line] *= by
    return spectra


def test_the_same_misfit_matters_beside_small_errors_and_not_beside_large_ones():
    trial = film(60)
    spectra = wrong_line(trial, 1.1)
    for relative_error, severe in ((0.001, True), (0.3, False)):
        checks = bu.check(drawn_about(trial, spectra, relative_error), trial.image)
        assert checks.alarm and checks.severe is severe
        assert (checks.coverage < severity.LEAST) is severe
        assert "at 5.9" in checks.worst and checks.worst in checks.verdict
        assert ("not called calibrated" in checks.verdict) is severe
        assert ("small beside the errors" in repr(checks)) is not severe
        assert checks.summary()["severe"] is severe


def test_a_small_misfit_is_warned_of_and_leaves_intervals_calibrated():
    trial = film(60)
    told = drawn_about(trial, wrong_line(trial, 1.1), 0.3)

    class Method:
        def fit(self, image, n_components, key):
            return replace(told, info={"converged": True})

    found = bu.unmix(trial.image, 3, Method(), verdicts=False)
    assert found.posterior.calibrated and found.posterior.why_not_calibrated == ""
    (warning,) = [said for said in found.info["warnings"] if "contradict" in said]
    assert "too small to matter" in warning and "% of all counts" in warning


def test_a_speck_of_another_phase_is_named_and_does_not_spoil_the_map():
    """One superpixel of 128 holds an element that the components cannot make."""
    trial = film(200)
    counts = trial.image.dense().astype(int)
    line = np.abs(trial.image.energy_kev - 4.5) < 0.06
    steps = bu.check(bu.unmix(trial.image, 3, "nmf"), trial.image).region_of_pixel
    there = steps == steps[16, 32]
    counts[there] += np.random.default_rng(0).poisson(0.6, (there.sum(), line.size)) * line
    image = bu.SpectrumImage(counts, trial.image.energy_kev)
    checks = bu.check(bu.unmix(image, 3, "nmf"), image)
    assert checks.alarm
    by_region = severity.coverage_of_map(
        checks.regions.deviance[checks.regions.p_value <= checks.significant],
        checks.regions.expected[checks.regions.p_value <= checks.significant],
        np.full(int((checks.regions.p_value <= checks.significant).sum()), 1 / len(checks.regions.names)),
    )
    assert by_region > severity.LEAST
    assert any("superpixel" in sentence for sentence in checks.sentences)


def test_a_component_too_few_is_severe():
    image = film(20).image
    checks = bu.check(bu.unmix(image, 2, "nmf"), image)
    assert checks.severe and checks.coverage < 0.8 and "% of all counts do not fit at" in checks.worst


@pytest.mark.parametrize("method", ["bayes", pytest.param("bayes_gibbs", marks=pytest.mark.slow)])
def test_a_right_model_passes_its_own_check(method):
    found = quick.unmixed(method)
    assert bu.check(found, quick.film().image).verdict == ""
    assert not any("contradict" in said for said in found.info["warnings"])
    assert found.posterior.calibrated is found.info["converged"]


def test_what_intervals_include_is_a_part_of_the_error():
    trial = film(60)
    told = drawn_about(trial, trial.truth.endmembers, 0.001)
    counting = severity.smallest_error(told)
    shares = told.posterior.abundances.sum(axis=2)
    shares = shares / shares.sum(axis=-1, keepdims=True)
    assert counting == pytest.approx(shares.std(axis=(0, 1)).min())
    mixing = np.stack([np.eye(3), 0.94 * np.eye(3) + 0.02])
    ranged = replace(told, posterior=replace(told.posterior, rotations=mixing))
    totals = told.estimate.abundances.sum(axis=0)
    half = np.abs(totals @ np.linalg.inv(mixing[1]) - totals) / totals.sum() / 2
    assert severity.smallest_error(ranged) == pytest.approx(
        np.hypot(shares.std(axis=(0, 1)), half).min(), rel=1e-6
    )
    point = replace(told, posterior=None)
    assert severity.smallest_error(point) == pytest.approx(np.sqrt(totals.min()) / totals.sum())
