"""The needle against the published one: numbers read off published figures, and the real count maps themselves.

The real maps are not part of the project: tests that need them look in ../shared/data and are skipped without it.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.subspace.pca import principal_components
from bayesunmix.spectra import RESPONSES
from simulations import PHANTOMS, acquire
from simulations.acquisition import Acquisition
from simulations.short_course import DOSE

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "nicr" / "nicr_from_figures.npz"
# Channel of each peak, and the counts of its map in the short course.
PEAKS = {"Si": (74, 3187), "Cr": (441, 3278), "Ni": (647, 2464)}


@pytest.fixture(scope="module")
def needle():
    return PHANTOMS["nicr_needle"](detector=RESPONSES["realistic"])


@pytest.fixture(scope="module")
def trial(needle):
    return acquire(needle, DOSE, 0, Acquisition(probe_nm=2.0))


@pytest.fixture(scope="module")
def series():
    """Twelve tilts of a full turn: the shares of variance do not depend on how many there are."""
    return acquire(PHANTOMS["nicr_needle"](12, step_deg=30, detector=RESPONSES["realistic"]), DOSE, 0)


@pytest.fixture(scope="module")
def components(series):
    occupied = np.flatnonzero(np.diff(series.image.counts.indptr))
    return principal_components(SpectrumImage(series.image.counts[occupied], series.image.energy_kev), 6)


@pytest.fixture(scope="module")
def real_maps():
    if not REAL.is_file():
        pytest.skip("the published count maps are not here (../shared/data)")
    with np.load(REAL) as archive:
        return np.array([archive[f"counts_talk_{element}"] for element in PEAKS], dtype=float)


def test_share_of_vacuum(needle):
    assert 1 - needle.specimen.mean() == pytest.approx(0.73, abs=0.03)


def test_median_counts_on_the_needle(trial, needle):
    counts = trial.image.total_map().ravel()[needle.specimen]
    assert np.median(counts) == pytest.approx(28, abs=3)


def test_counts_of_the_tilt(trial):
    assert trial.image.n_photons == pytest.approx(1.6e5, rel=0.05)


def test_share_of_entries_that_hold_a_count(trial):
    assert trial.image.counts.nnz / (124 * 165 * 900) == pytest.approx(0.0063, abs=0.0008)


@pytest.mark.parametrize(("element", "published"), [("Ni", 30), ("Cr", 33), ("Si", 23)])
def test_mean_counts_of_each_material(trial, needle, element, published):
    own = needle.truth.fractions[:, needle.labels.index(element)] > 0.9
    mean = trial.image.total_map().ravel()[own & needle.specimen].mean()
    assert mean == pytest.approx(published, rel=0.15)


@pytest.mark.parametrize(
    ("element", "energy_kev", "fwhm_ev"), [("Si", 1.740, 100), ("Cr", 5.410, 138), ("Ni", 7.470, 157)]
)
def test_peaks_of_the_recorded_sum_spectrum(series, element, energy_kev, fwhm_ev):
    # Recorded, not computed: half a million photons of each element.
    energy, counts = series.image.energy_kev, series.image.sum_spectrum()
    near = np.abs(energy - energy_kev) < 0.045
    quadratic = np.polynomial.Polynomial.fit(energy[near], np.log(counts[near]), 2)
    assert quadratic.deriv().roots()[0] == pytest.approx(energy_kev, abs=0.005)
    curvature = quadratic.deriv(2)(energy_kev)
    assert 1000 * 2.3548 / np.sqrt(-curvature) == pytest.approx(fwhm_ev, rel=0.08)


def test_tails_and_escape_peak_are_there_and_are_switches(needle):
    realistic = dict(zip(needle.labels, needle.truth.endmembers, strict=True))
    ideal_needle = PHANTOMS["nicr_needle"]()
    ideal = dict(zip(ideal_needle.labels, ideal_needle.truth.endmembers, strict=True))
    kev = needle.energy_kev
    for element, low, high in (("Cr", 4.7, 5.1), ("Ni", 6.7, 7.1)):
        tail = (kev > low) & (kev < high)
        assert realistic[element][tail].sum() > 2 * ideal[element][tail].sum()
    escape, beside = (kev > 3.6) & (kev < 3.74), (kev > 3.85) & (kev < 3.99)
    assert realistic["Cr"][escape].sum() > 1.3 * realistic["Cr"][beside].sum()
    assert realistic["Ni"][escape].sum() < 1.1 * realistic["Ni"][beside].sum()
    assert ideal["Cr"][escape].sum() < 1.1 * ideal["Cr"][beside].sum()


@pytest.mark.parametrize(
    ("element", "low", "high", "share"),
    [
        *[("Si", 1.5, 2.0, 0.919), ("Si", 2.1, 3.3, 0.015)],
        *[("Cr", 5.15, 5.65, 0.750), ("Cr", 5.75, 6.2, 0.108), ("Cr", 2.1, 3.3, 0.030)],
        *[("Ni", 7.2, 7.75, 0.721), ("Ni", 8.0, 8.5, 0.106), ("Ni", 2.1, 3.3, 0.038)],
    ],
)
def test_line_shares_of_each_endmember(needle, element, low, high, share):
    window = (needle.energy_kev >= low) & (needle.energy_kev < high)
    spectrum = needle.truth.endmembers[needle.labels.index(element)]
    assert spectrum[window].sum() == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("element", list(PEAKS))
def test_sums_of_the_peak_channel_maps(trial, element):
    channel, published = PEAKS[element]
    assert trial.truth.expected()[:, channel].sum() == pytest.approx(published, rel=0.10)


def test_scree(components):
    share = components.explained_variance_ratio
    np.testing.assert_allclose(share[:3], [0.0321, 0.0259, 0.0226], rtol=0.15)
    assert share[2] > 10 * share[3]


def test_signs_of_the_principal_components(components):
    channels = [PEAKS[element][0] for element in ("Si", "Cr", "Ni")]
    mean, second, third = (endmember[channels] for endmember in components.endmembers[:3])
    assert len(set(np.sign(mean))) == 1, "the first is the mean: all of one sign"
    second, third = second * np.sign(second[0]), third * np.sign(third[2])
    assert (np.sign(second) == [1, -1, -1]).all(), "+Si -Cr -Ni"
    assert third[2] > 0 > third[1], "+Ni -Cr"
    assert abs(third[0]) < 0.2 * third[2]


def test_the_real_maps_are_compatible_with_the_phantom(trial, needle, real_maps):
    """Pearson's chi-square per pixel, where a pixel expects a fifth of a count or more; 1 for Poisson counts."""
    expected = trial.truth.expected()[:, [PEAKS[element][0] for element in PEAKS]].T.reshape(3, 124, 165)
    aligned = _aligned(expected, real_maps)
    for real, mean in zip(real_maps, aligned, strict=True):
        enough = mean > 0.2
        assert enough.sum() > 1500
        chi_square = ((real - mean)[enough] ** 2 / mean[enough]).mean()
        assert chi_square < 1.15
    real, mean = real_maps.sum(axis=0), aligned.sum(axis=0)
    enough = mean > 0.2
    assert ((real - mean)[enough] ** 2 / mean[enough]).mean() < 1.15


def test_real_counts_lie_where_the_phantom_has_material(trial, real_maps):
    expected = (
        trial.truth.expected()[:, [PEAKS[element][0] for element in PEAKS]].sum(axis=1).reshape(124, 165)
    )
    outside = expected < 0.02
    assert outside.mean() > 0.68
    assert real_maps.sum(axis=0)[outside].sum() < 0.005 * real_maps.sum()


def test_the_phantom_needs_no_alignment(trial, real_maps):
    expected = trial.truth.expected()[:, [PEAKS[element][0] for element in PEAKS]].T.reshape(3, 124, 165)
    assert np.abs(_shift(expected, real_maps)).max() <= 0.25


def test_a_draw_from_the_phantom_is_as_far_from_it_as_the_real_maps(trial, real_maps):
    """The deviance of the real maps is one that draws of the phantom reach, but for 2 % of model error."""
    expected = trial.truth.expected()[:, [PEAKS[element][0] for element in PEAKS]].T.reshape(3, 124, 165)
    enough = expected > 0.2
    mean = expected[enough]
    rng = np.random.default_rng(0)
    drawn = [((rng.poisson(mean) - mean) ** 2 / mean).mean() for _ in range(200)]
    real = ((real_maps[enough] - mean) ** 2 / mean).mean()
    assert real - np.mean(drawn) < 0.06
    assert np.mean(drawn) == pytest.approx(1, abs=0.01)


def _shift(expected, real):
    """Rigid shift (y, x) in pixels of the phantom's maps that fits the real ones best, by Poisson likelihood."""
    steps = np.arange(-1, 1.01, 0.25)
    likelihoods = {
        (dy, dx): _log_likelihood(ndimage.shift(expected, (0, dy, dx), order=1), real)
        for dy in steps
        for dx in steps
    }
    return max(likelihoods, key=likelihoods.get)


def _aligned(expected, real):
    return ndimage.shift(expected, (0, *_shift(expected, real)), order=1)


def _log_likelihood(mean, real):
    # Stray counts in the vacuum, a hundredth of all, must not decide.
    mean = mean + 0.001
    return (real * np.log(mean) - mean).sum()
