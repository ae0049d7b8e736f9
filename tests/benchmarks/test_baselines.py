"""Baselines: the oracle is the Poisson maximum; the mean spectrum is one spectrum for all."""

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.baseline import BASELINES
from benchmarks.metrics.coverage_90 import coverage_90
from benchmarks.metrics.crps import crps
from simulations import PHANTOMS, acquire


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](shape=(4, 16), n_channels=60, pixel_nm=16.0), 30, 0)


def test_the_oracle_reaches_the_likelihood_that_scipy_finds(trial):
    found = BASELINES["oracle_endmembers"](trial, 3).estimate
    endmembers, counts = trial.truth.endmembers, trial.image.counts.toarray()
    assert (found.endmembers == endmembers).all()
    used = np.flatnonzero(counts.sum(axis=1))[::5]
    for pixel in used:

        def loss(a, x=counts[pixel]):
            mu = a @ endmembers + 1e-300
            return a.sum() - x @ np.log(mu), 1 - endmembers @ (x / mu)

        best = minimize(loss, np.full(3, 5.0), jac=True, bounds=[(0, None)] * 3, method="L-BFGS-B")
        assert loss(found.abundances[pixel])[0] == pytest.approx(best.fun, abs=2e-3)


def test_the_oracle_keeps_every_photon_and_leaves_vacuum_empty(trial):
    found = BASELINES["oracle_endmembers"](trial, 3).estimate
    np.testing.assert_allclose(found.abundances.sum(axis=1), trial.image.total_map().ravel(), rtol=1e-9)


def test_the_mean_spectrum_is_the_same_for_every_component(trial):
    found = BASELINES["mean_spectrum"](trial, 3).estimate
    assert (found.endmembers == found.endmembers[0]).all()
    np.testing.assert_allclose(found.expected().sum(axis=0), trial.image.sum_spectrum())


def test_error_bars_reach_from_none_to_those_of_known_spectra(trial):
    none, oracle = (BASELINES[name](trial, 3) for name in ("mean_spectrum", "oracle_endmembers"))
    error = np.abs(none.estimate.abundances - trial.truth.abundances)[trial.phantom.specimen].sum()
    assert crps(trial, none) == pytest.approx(error / trial.truth.abundances.sum())
    assert coverage_90(trial, none) == 0
    assert crps(trial, oracle) < 0.2 * crps(trial, none)
    assert 0.85 < coverage_90(trial, oracle) < 0.95
