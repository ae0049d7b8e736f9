"""The per-pixel Poisson fit: it ends at the constrained maximum, whatever the overlaps, and its errors are honest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import bayesunmix as bu
from bayesunmix.engine.fits import poisson_fit
from bayesunmix.engine.fits.poisson_fit import fit_abundances, standard_errors


def spectra(rng, n_components, n_channels=40) -> np.ndarray:
    """Peaks at random places that overlap, on a common floor."""
    centres, width = rng.uniform(0, n_channels, (n_components, 1)), rng.uniform(1.5, 8, (n_components, 1))
    peaks = np.exp(-0.5 * ((np.arange(n_channels) - centres) / width) ** 2) + 1e-3
    return peaks / peaks.sum(axis=1, keepdims=True)


def image_of(counts) -> bu.SpectrumImage:
    return bu.SpectrumImage(counts, 1.0 + np.arange(counts.shape[-1]))


def minus_log_likelihood(a, x, endmembers):
    mu = np.maximum(a @ endmembers, 1e-300)
    return a @ endmembers.sum(axis=1) - x @ np.log(mu)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.sampled_from([1, 4]), dose=st.sampled_from([1, 10, 300, 30_000]))
def test_no_pixel_can_be_improved(seed, k, dose):
    """At the maximum the gradient vanishes for abundances above zero and is not negative at zero."""
    rng = np.random.default_rng(seed)
    endmembers = spectra(rng, k)
    truth = rng.gamma(0.3, size=(6, k)) * dose
    counts = rng.poisson(truth @ endmembers)
    counts[0, 0] += 1
    found = fit_abundances(image_of(counts), endmembers)
    assert found.dtype == np.float64 and (found >= 0).all()
    for x, a in zip(counts, found, strict=True):
        best = minus_log_likelihood(a, x, endmembers)
        for start in (a + 0.1, np.full(k, x.sum() / k + 1e-3)):
            other = minimize(minus_log_likelihood, start, (x, endmembers), bounds=[(0, None)] * k)
            assert best <= other.fun + 1e-3 + 1e-6 * x.sum()


def test_one_endmember_takes_all_counts_and_units_follow_the_endmembers():
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (3, 4, 20))
    counts[0, 0] = 0
    flat = np.full((1, 20), 1 / 20)
    np.testing.assert_allclose(fit_abundances(image_of(counts), flat)[:, 0], counts.sum(2).ravel(), rtol=1e-5)
    np.testing.assert_allclose(
        fit_abundances(image_of(counts), 4 * flat)[:, 0], counts.sum(2).ravel() / 4, rtol=1e-5
    )


def test_permuted_endmembers_and_pixels_permute_the_answer():
    rng = np.random.default_rng(1)
    endmembers = spectra(rng, 4)
    counts = rng.poisson(rng.gamma(0.5, size=(50, 4)) * 40 @ endmembers)
    counts[:, 0] += 1
    pixels, order = rng.permutation(50), rng.permutation(4)
    found = fit_abundances(image_of(counts), endmembers)
    again = fit_abundances(image_of(counts[pixels]), endmembers[order])
    np.testing.assert_allclose(again, found[pixels][:, order], atol=0.05)


def test_blocks_change_nothing_and_channels_that_nothing_explains_are_left_out(monkeypatch):
    rng = np.random.default_rng(2)
    endmembers = spectra(rng, 3)
    endmembers[:, 30:] = 0
    counts = rng.poisson(rng.gamma(1.0, size=(37, 3)) * 30 @ endmembers)
    counts[:, 35] = 7
    whole = fit_abundances(image_of(counts), endmembers)
    without = np.where(np.arange(40) < 30, counts, 0)
    without[0, 0] += without.sum() == 0
    np.testing.assert_allclose(whole, fit_abundances(image_of(without), endmembers), atol=1e-2)
    monkeypatch.setattr(poisson_fit, "DENSE_ENTRIES", 40 * 5)
    np.testing.assert_allclose(fit_abundances(image_of(counts), endmembers), whole, atol=1e-2)


def test_standard_errors_are_the_scatter_of_repeated_fits():
    rng = np.random.default_rng(3)
    endmembers = spectra(np.random.default_rng(5), 3)
    truth = np.array([120.0, 60.0, 90.0])
    counts = rng.poisson(np.tile(truth @ endmembers, (4000, 1)))
    found = fit_abundances(image_of(counts), endmembers)
    sums = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    sd = standard_errors(endmembers, found, sums)
    scatter = (found @ sums.T).std(axis=0)
    np.testing.assert_allclose(np.median(sd, axis=0), scatter, rtol=0.05)
    assert scatter[3] == pytest.approx(np.sqrt(truth.sum()), rel=0.05)
    np.testing.assert_allclose(standard_errors(endmembers, found), sd[:, :3], rtol=1e-6)


def test_an_estimate_of_nothing_has_an_error_too():
    endmembers = spectra(np.random.default_rng(0), 2)
    sd = standard_errors(endmembers, np.array([[0.0, 0], [50, 20]]))
    assert (sd > 0).all() and np.isfinite(sd).all()
    assert (sd[0] < sd[1]).all()


@pytest.mark.parametrize(
    "endmembers", [np.ones((2, 7)), -np.ones((2, 6)), np.zeros((1, 6)), np.full((1, 6), np.nan), np.ones(6)]
)
def test_endmembers_must_be_spectra_of_the_image(endmembers):
    image = image_of(np.ones((2, 6), int))
    with pytest.raises(ValueError, match=r"endmembers must be \(K, 6\) spectra .*, got an array of shape"):
        fit_abundances(image, endmembers)
