"""Vendor-style baselines: hard labels where phases are plain, none where nothing fits, maps that stay positive."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.methods._phase_clusters import sum_neighbours, window_side

CHANNELS = 60
RNG = np.random.default_rng(0)
SPECTRA = np.array([np.exp(-0.5 * ((np.arange(CHANNELS) - c) / 2.0) ** 2) + 0.01 for c in (10, 25, 40)])
SPECTRA /= SPECTRA.sum(axis=1, keepdims=True)
# Three stripes and a strip of vacuum.
PHASE = np.repeat([0, 1, 2, -1], 8)[None].repeat(24, axis=0)


def stripes(dose: float, seed: int = 0) -> bu.SpectrumImage:
    mean = np.where(PHASE[..., None] < 0, 0, dose * SPECTRA[PHASE])
    return bu.SpectrumImage(np.random.default_rng(seed).poisson(mean), 1 + 0.1 * np.arange(CHANNELS))


def in_order(result: bu.Unmixing) -> bu.Unmixing:
    return result.reorder(bu.match(SPECTRA, result.estimate.endmembers))


@pytest.mark.parametrize("name", ["vendor_cluster", "vendor_library"])
@pytest.mark.parametrize("n_components", [3, None])
def test_plain_phases_are_found_and_vacuum_is_left_out(name, n_components):
    image = stripes(40)
    result = bu.unmix(image, n_components, name)
    assert result.estimate.n_components == 3
    result = in_order(result)
    inside = np.zeros_like(PHASE, bool)
    inside[:, [2, 3, 4, 5, 10, 11, 12, 13, 18, 19, 20, 21]] = True
    labels = result.labels.reshape(PHASE.shape)
    assert (labels == PHASE)[inside].mean() > 0.98
    assert (labels[:, 27:] == -1).all()
    assert np.diagonal(bu.spectral_angles(SPECTRA, result.estimate.endmembers)).max() < 12
    shares = bu.unmix(image, n_components, name).info["area_fractions"]
    assert sum(shares) == pytest.approx((result.labels >= 0).mean())


def test_no_more_phases_than_there_are_unless_asked_and_never_more_than_asked():
    for asked in (1, 2):
        assert bu.unmix(stripes(40), asked, "vendor_cluster").estimate.n_components == asked
    one = bu.SpectrumImage(RNG.poisson(30 * SPECTRA[0], (12, 12, CHANNELS)), 1 + 0.1 * np.arange(CHANNELS))
    assert bu.unmix(one, method="vendor_cluster").estimate.n_components == 1


def test_a_library_of_two_leaves_the_third_phase_unassigned():
    result = bu.unmix(stripes(60), method="vendor_library", library=SPECTRA[:2] * 7)
    np.testing.assert_allclose(result.estimate.endmembers, SPECTRA[:2])
    labels = result.labels.reshape(PHASE.shape)
    assert (labels[:, 2:6] == 0).mean() > 0.95
    assert (labels[:, 10:14] == 1).mean() > 0.95
    assert (labels[:, 18:22] == -1).mean() > 0.95


@pytest.mark.parametrize(
    ("library", "sentence"),
    [
        (np.ones((2, 7)), "must have the 60 channels of the image, got 7; crop and rebin both"),
        (-np.ones((2, 60)), r"must be \(M, C\) spectra without negative values"),
        (np.ones(60), r"got an array of shape \(60,\)"),
    ],
)
def test_a_library_must_be_spectra_of_the_image(library, sentence):
    with pytest.raises(ValueError, match=sentence):
        bu.unmix(stripes(5), method="vendor_library", library=library)


def test_mcr_finds_plain_phases_and_stays_positive():
    result = in_order(bu.unmix(stripes(40), 3, "vendor_mcr"))
    assert result.estimate.is_nonnegative and result.info["converged"]
    assert np.diagonal(bu.spectral_angles(SPECTRA, result.estimate.endmembers)).max() < 5
    there = PHASE.ravel() >= 0
    assert (result.estimate.abundances.argmax(axis=1) == PHASE.ravel())[there].mean() > 0.98
    total = result.estimate.abundances.sum(axis=1)
    assert np.corrcoef(total, stripes(40).total_map().ravel())[0, 1] > 0.98


def test_specks_join_their_neighbours():
    noisy = stripes(2, seed=2)
    coarse, fine = (
        bu.unmix(noisy, 3, "vendor_cluster", window_counts=2.0, smallest_region=n).labels.reshape(PHASE.shape)
        for n in (9, 1)
    )

    def edges(labels):
        return (np.diff(labels, axis=0) != 0).sum() + (np.diff(labels, axis=1) != 0).sum()

    assert edges(coarse) < edges(fine)


def test_windows_hold_what_they_promise_and_tilts_are_no_neighbours():
    image = bu.SpectrumImage(np.ones((3, 6, 7, 4), int), np.arange(1.0, 5))
    assert window_side(image, 4) == 1
    assert window_side(image, 5) == 3
    values = np.zeros((3 * 6 * 7, 1))
    values[3 * 7 + 3] = 1.0
    summed = sum_neighbours(values, image, 3).reshape(3, 6, 7)
    np.testing.assert_allclose(summed[0, 2:5, 2:5], 1)
    assert summed.sum() == pytest.approx(9)
    line = bu.SpectrumImage(np.ones((5, 4), int), np.arange(1.0, 5))
    np.testing.assert_allclose(sum_neighbours(np.ones((5, 1)), line, 3)[:, 0], [2, 3, 3, 3, 2])
