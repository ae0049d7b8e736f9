"""What depends on materials and thickness: absorption on the way out, and the HAADF image."""

from dataclasses import replace

import numpy as np
import pytest

from bayesunmix.spectra import attenuation
from simulations import acquire
from simulations.acquisition import Acquisition
from simulations.haadf import contrast
from tests.simulations.series import ENERGY


def test_absorption_takes_photons_as_the_law_says(series):
    takeoff = 20.0
    rng = np.random.default_rng(4)
    trials = [acquire(series, 400, rng, Acquisition(takeoff_deg=takeoff)) for _ in range(10)]
    counts = sum(trial.image.counts.toarray().astype(float) for trial in trials)
    mass = 1e-7 * series.thickness_nm * [2.33, 8.91]
    chi = mass @ np.array([attenuation(el, ENERGY) for el in ("Si", "Ni")]) / np.sin(np.radians(takeoff))
    escape = np.where(chi > 0, -np.expm1(-chi) / np.where(chi > 0, chi, 1), 1)
    expected = 4000 * series.truth.expected() * escape
    assert 0.3 < escape[:, 25][series.specimen].min() < 0.9, "there is something to see at Si Ka"
    large = expected > 5
    chi2 = ((counts - expected)[large] ** 2 / expected[large]).mean()
    assert chi2 == pytest.approx(1, abs=5 * np.sqrt(2 / large.sum()))
    # The nearest linear truth has the right counts of each pixel and of each channel.
    truth = trials[0].truth
    np.testing.assert_allclose(10 * truth.abundances.sum(axis=1), expected.sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(10 * truth.expected().sum(axis=0), expected.sum(axis=0), rtol=1e-9)


def test_absorption_breaks_linear_mixing(series):
    def rank_two_residual(acquisition):
        trial = acquire(series, 1e5, 0, acquisition)
        spectra = trial.image.counts.toarray()[series.specimen]
        values = np.linalg.svd(spectra / np.sqrt(spectra.mean(axis=0) + 1), compute_uv=False)
        return values[2] / values[0]

    assert rank_two_residual(Acquisition(takeoff_deg=15.0)) > 3 * rank_two_residual(Acquisition())


def test_absorption_and_dead_time_together_keep_the_mean(series):
    rng = np.random.default_rng(4)
    both = Acquisition(takeoff_deg=20.0, dead_time=0.002, frames=2, keep_frames=True)
    trials = [acquire(series, 100, rng, both) for _ in range(20)]
    photons = sum(trial.image.n_photons for trial in trials)
    expected = sum(trial.truth.abundances.sum() for trial in trials)
    assert photons == pytest.approx(expected, abs=5 * np.sqrt(expected))


def test_haadf_is_thickness_times_z_to_the_1_7(series):
    signal = contrast(series)
    per_nm = np.array([2.33 * 14**1.7 / 28.085, 8.91 * 28**1.7 / 58.693])
    expected = series.thickness_nm @ per_nm
    np.testing.assert_allclose(signal.ravel() / signal.max(), expected / expected.max(), rtol=1e-3)
    assert signal.ravel()[series.specimen].mean() == pytest.approx(1)
    trial = acquire(series, 20, 0, Acquisition(haadf_electrons=500))
    assert trial.haadf.shape == (4, 8, 14)
    bright = signal > 0.2
    chi2 = ((trial.haadf - 500 * signal)[bright] ** 2 / (500 * signal[bright])).mean()
    assert chi2 == pytest.approx(1, abs=5 * np.sqrt(2 / bright.sum()))
    assert (trial.haadf[signal == 0] == 0).all()
    assert (trial.image.counts != acquire(series, 20, 0).image.counts).nnz == 0, (
        "it does not touch the counts"
    )


def test_haadf_sees_the_same_probe_and_drift(series):
    settings_ = Acquisition(haadf_electrons=1e7, probe_nm=6, drift_nm=(4, 0), frames=3)
    seen = acquire(series, 20, 0, settings_).haadf / 1e7
    sharp = acquire(series, 20, 0, replace(settings_, probe_nm=0, frames=1)).haadf / 1e7
    assert seen.sum() == pytest.approx(sharp.sum(), rel=0.01)
    assert seen.max() < 0.9 * sharp.max()
