"""Weights of photons: they undo the mixture exactly, and are least in variance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesunmix.validation.amounts.photon_weights import photon_weights


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_weights_undo_the_mixture(seed, n_spectra):
    rng = np.random.default_rng(seed)
    spectra = rng.dirichlet(np.full(12, 0.7), n_spectra)
    weights = photon_weights(spectra, rng.dirichlet(np.ones(12)))
    assert weights.values @ spectra.T == pytest.approx(np.eye(n_spectra), abs=1e-6 * weights.condition)


def test_no_other_unbiased_weights_vary_less():
    rng = np.random.default_rng(0)
    spectra, p = rng.dirichlet(np.ones(9), 3), rng.dirichlet(np.ones(9))
    best = photon_weights(spectra, p).values
    null = np.linalg.svd(spectra)[2][3:]  # whatever is added from here leaves G E^T as it is
    for change in rng.normal(size=(20, 3, len(null))) @ null * 0.1:
        assert (((best + change) ** 2) @ p >= (best**2) @ p - 1e-12).all()


def test_sums_over_pixels_are_unbiased_at_one_count_a_pixel():
    rng = np.random.default_rng(1)
    spectra = rng.dirichlet(np.ones(8), 2)
    abundances = rng.gamma(2, 0.5, (40_000, 2))
    counts = rng.poisson(abundances @ spectra)
    weights = photon_weights(spectra, spectra.mean(axis=0)).values
    found = (counts @ weights.T).sum(axis=0)
    sd = np.sqrt((counts @ (weights**2).T).sum(axis=0))
    assert (abs(found - abundances.sum(axis=0)) < 4 * sd).all()


def test_spectra_that_cannot_be_told_have_a_large_condition():
    alike = np.array([[0.5, 0.3, 0.2], [0.5, 0.3001, 0.1999]])
    assert photon_weights(alike, alike.mean(axis=0)).condition > 1e4
