"""Line intensities and denoised spectra: against known shares, obvious loops, and phantoms."""

from functools import cache

import numpy as np
import pytest

import bayesunmix as bu
from simulations import PHANTOMS, acquire

FAMILIES = ["Si_K", "Cr_K", "Ni_K"]


@cache
def film(dose=20.0):
    """A small film, and a posterior: endmembers as 1e5 photons of each leave them, abundances about the truth."""
    phantom = PHANTOMS["nicr_film"](shape=(16, 32), pixel_nm=8.0)
    trial = acquire(phantom, dose, 0)
    rng = np.random.default_rng(0)
    spectra = rng.gamma(0.5 + 1e5 * trial.truth.endmembers, size=(2, 20, *trial.truth.endmembers.shape))
    spectra /= spectra.sum(axis=-1, keepdims=True)
    # Normal, with truth and draws about one centre: an interval of these covers as it says.
    centre = trial.truth.abundances + np.sqrt(trial.truth.abundances) * rng.normal(
        size=trial.truth.abundances.shape
    )
    draws = centre + np.sqrt(trial.truth.abundances) * rng.normal(size=(2, 20, *centre.shape))
    posterior = bu.Posterior(spectra.astype(np.float32), draws.astype(np.float32))
    estimate = bu.Factorization(trial.truth.endmembers, trial.truth.abundances)
    return trial, bu.Unmixing(estimate, posterior, grid=trial.image.grid)


def test_net_counts_are_those_of_the_phantom():
    trial, result = film()
    maps = bu.line_intensities(result, trial.image, FAMILIES)
    assert list(maps) == FAMILIES
    for k, name in enumerate(FAMILIES):
        true = trial.truth.abundances @ trial.phantom.line_shares[name]
        found = maps[name]
        assert found.mean.shape == trial.image.navigation_shape
        expected = (result.posterior.mean().abundances @ trial.phantom.line_shares[name]).reshape(16, 32)
        mine = (trial.truth.fractions[:, k] > 0.05).reshape(16, 32)
        assert found.mean[mine].sum() == pytest.approx(expected[mine].sum(), rel=0.02)
        inside = (found.lower.ravel() <= true) & (true <= found.upper.ravel())
        assert inside[mine.ravel()].mean() == pytest.approx(0.9, abs=0.05)
        # A line in another phase is nothing but noise.
        pure = (trial.truth.fractions[:, k - 1] > 0.99).reshape(16, 32)
        assert np.abs(found.mean[pure]).sum() < 0.01 * maps[FAMILIES[k - 1]].mean[pure].sum()


def test_lines_need_not_be_asked_for_together():
    trial, result = film()
    alone = bu.line_intensities(result, trial.image, ["Cr_K"])["Cr_K"]
    together = bu.line_intensities(result, trial.image, FAMILIES)["Cr_K"]
    np.testing.assert_allclose(alone.mean, together.mean)
    told = bu.line_intensities(result, trial.image, ["Cr_K"], elements=["Ni", "Si"])["Cr_K"]
    np.testing.assert_allclose(told.mean, together.mean, atol=0.05)


def test_permuting_components_changes_no_map():
    trial, result = film()
    one = bu.line_intensities(result, trial.image, ["Ni_K"])["Ni_K"]
    other = bu.line_intensities(result.reorder(np.array([2, 0, 1])), trial.image, ["Ni_K"])["Ni_K"]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_spectrum_of_a_pixel_is_that_of_paired_draws():
    trial, result = film()
    found = bu.denoised(result, trial.image, (3, 20), interval=0.8)
    every = [
        a[3 * 32 + 20].astype(float) @ e.astype(float)
        for chain_a, chain_e in zip(result.posterior.abundances, result.posterior.endmembers, strict=True)
        for a, e in zip(chain_a, chain_e, strict=True)
    ]
    np.testing.assert_allclose(found.mean, np.mean(every, axis=0))
    np.testing.assert_allclose(found.lower, np.quantile(every, 0.1, axis=0, method="weibull"))
    np.testing.assert_allclose(found.upper, np.quantile(every, 0.9, axis=0, method="weibull"))


def test_the_spectrum_of_a_region_sums_to_its_counts_and_holds_the_truth():
    trial, result = film()
    mask = np.zeros((16, 32), bool)
    mask[4:12, 8:24] = True
    found = bu.denoised(result, trial.image, mask)
    n_counts = trial.image.counts[mask.ravel()].sum()
    assert found.mean.sum() == pytest.approx(n_counts, rel=3 / np.sqrt(n_counts))
    true = trial.truth.abundances[mask.ravel()].sum(axis=0) @ trial.truth.endmembers
    inside = (found.lower <= true) & (true <= found.upper)
    big = true > 5
    assert inside[big].mean() > 0.6  # one total decides many channels: they stand or fall together
    assert np.abs(found.mean / true - 1)[big].max() < 0.15


def test_wrong_arguments_are_one_sentence():
    trial, result = film()
    bare = bu.Unmixing(result.estimate)
    with pytest.raises(
        ValueError, match="map of line intensities with intervals needs a result with a posterior"
    ):
        bu.line_intensities(bare, trial.image, ["Ni_K"])
    with pytest.raises(TypeError, match="lines must be a sequence of families, got 'Ni_K'"):
        bu.line_intensities(result, trial.image, "Ni_K")
    with pytest.raises(ValueError, match="lines must be families on the energy axis, got 'Ni_M'; there are"):
        bu.line_intensities(result, trial.image, ["Ni_M"])
    with pytest.raises(ValueError, match="denoised spectrum needs a result with a posterior"):
        bu.denoised(bare, trial.image, (1, 2))
    for pixel in ((1, 99), (1,), (1.5, 2), 3):
        with pytest.raises(ValueError, match=r"a pixel must be 2 whole numbers inside \(16, 32\)"):
            bu.denoised(result, trial.image, pixel)
    with pytest.raises(TypeError, match="image must be a SpectrumImage, got NoneType"):
        bu.denoised(result, None, np.ones((16, 32), bool))
