"""PCA against a dense singular value decomposition, and ICA on sources whose answer is known."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.pca import principal_components


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(8)
    counts = rng.poisson(rng.gamma(0.5, 30.0, (50, 3)) @ rng.dirichlet(np.full(30, 0.3), 3))
    counts[7], counts[:, 11] = 0, 0
    return counts


def test_components_are_those_of_the_scaled_dense_matrix(counts):
    found = principal_components(bu.SpectrumImage(counts, np.arange(30.0)), 4)
    pixel, channel = counts.mean(axis=1), counts.mean(axis=0)
    root = np.sqrt(np.outer(pixel, channel) / counts.mean())
    scaled = np.divide(counts, root, out=np.zeros(counts.shape), where=root > 0)
    left, size, right = np.linalg.svd(scaled, full_matrices=False)
    expected = root * ((left[:, :4] * size[:4]) @ right[:4])
    np.testing.assert_allclose(found.abundances @ found.endmembers, expected, atol=1e-3 * expected.max())
    ratio = size[:4] ** 2 / (scaled**2).sum()
    np.testing.assert_allclose(found.explained_variance_ratio, ratio, rtol=1e-4)
    assert found.explained_variance_ratio.sum() < 1, "a truncated fit does not explain everything"


def test_all_components_give_the_counts_back(counts):
    image = bu.SpectrumImage(counts[:, :8], np.arange(8.0))
    found = principal_components(image, 8)
    np.testing.assert_allclose(found.abundances @ found.endmembers, counts[:, :8], atol=1e-3 * counts.max())


def test_empty_pixels_and_channels_stay_empty(counts):
    found = principal_components(bu.SpectrumImage(counts, np.arange(30.0)), 3)
    assert (found.abundances[7] == 0).all() and (found.endmembers[:, 11] == 0).all()


def test_ica_separates_spectra_of_disjoint_peaks():
    rng = np.random.default_rng(1)
    channel = np.arange(200)
    centres = (40, 100, 160)
    endmembers = np.stack([np.exp(-0.5 * ((channel - c) / 3) ** 2) for c in centres])
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    image = bu.SpectrumImage(rng.poisson(rng.dirichlet(np.ones(3), 400) * 2000 @ endmembers), channel + 1.0)
    result = bu.unmix(image, 3, "ica", seed=0)
    order = bu.match(endmembers, result.estimate.endmembers)
    assert np.diagonal(bu.spectral_angles(endmembers, result.estimate.endmembers[order])).max() < 3
    assert result.info["converged"] and result.info["starts_agreeing"] >= 6


def test_ica_leaves_the_expected_counts_of_pca(counts):
    image = bu.SpectrumImage(counts, np.arange(30.0))
    pca, ica = (bu.unmix(image, 3, method).estimate.expected() for method in ("pca", "ica"))
    np.testing.assert_allclose(ica, pca, atol=1e-6 * np.abs(pca).max())
