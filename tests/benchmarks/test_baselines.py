"""Baselines: the oracle is the Poisson maximum; the mean spectrum is one spectrum for all."""

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.baseline import BASELINES
from simulations import PHANTOMS


@pytest.fixture(scope="module")
def trial():
    return PHANTOMS["nicr_film"](shape=(4, 16), n_channels=60, pixel_nm=16.0).acquire(30, 0)


def test_the_oracle_reaches_the_likelihood_that_scipy_finds(trial):
    found = BASELINES["oracle_endmembers"](trial, 3)
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
    found = BASELINES["oracle_endmembers"](trial, 3)
    np.testing.assert_allclose(found.abundances.sum(axis=1), trial.image.total_map().ravel(), rtol=1e-9)


def test_the_mean_spectrum_is_the_same_for_every_component(trial):
    found = BASELINES["mean_spectrum"](trial, 3)
    assert (found.endmembers == found.endmembers[0]).all()
    np.testing.assert_allclose(found.expected().sum(axis=0), trial.image.sum_spectrum())
