"""How many components: planted numbers are found, noise is not, and the evidence is what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import bayesunmix as bu
from bayesunmix.dimension import rank as ranking
from bayesunmix.dimension.pooling import groups_by_counts, sizes
from bayesunmix.dimension.scree import noise_threshold, scree
from bayesunmix.dimension.thinning import held_out
from bayesunmix.engine.subspace.biwhitening import biwhiten
from bayesunmix.plotting import plot_rank

seeds = st.integers(0, 2**32 - 1)


def planted(n_components, dose, rng, side=24, n_channels=60):
    """Materials of one line each over a shared continuum, in smooth patches that mix."""
    energy = np.arange(n_channels)
    lines = np.exp(-0.5 * ((energy - (6 + 12 * np.arange(n_components))[:, None]) / 2) ** 2) + 0.02
    y, x = np.indices((side, side)) / side
    waves = [np.cos(2 * np.pi * (k * x / 2 + (k % 2) * y) + k) for k in range(n_components)]
    shares = np.exp(3 * np.stack(waves, axis=-1))
    shares /= shares.sum(axis=-1, keepdims=True)
    mean = dose * shares @ (lines / lines.sum(axis=1, keepdims=True))
    return bu.SpectrumImage(rng.poisson(mean), 1 + 0.1 * energy)


def noise(dose, rng, side=24):
    """One material, whose brightness varies."""
    spectrum = np.exp(-np.arange(60) / 15)
    brightness = np.linspace(0.5, 1.5, side)[:, None, None] * np.ones((1, side, 1))
    return bu.SpectrumImage(
        rng.poisson(dose * brightness * spectrum / spectrum.sum()), 1 + 0.1 * np.arange(60)
    )


def test_a_product_of_margins_becomes_exactly_white():
    rows, columns = np.array([1, 4, 2, 0, 8]), np.array([3, 0, 1, 5])
    u, v = biwhiten(sparse.csr_array(np.outer(rows, columns)))
    white = u[:, None] ** 2 * np.outer(rows, columns) * v**2
    np.testing.assert_allclose(white[rows > 0][:, columns > 0], 1, rtol=1e-6)
    assert (u[rows == 0] == 0).all() and (v[columns == 0] == 0).all()


@given(seeds, st.floats(0.05, 20), st.integers(2, 30), st.integers(2, 30))
@settings(max_examples=50, deadline=None)
def test_estimated_variance_averages_one_in_every_occupied_row_and_column(seed, mean, n_rows, n_columns):
    counts = np.random.default_rng(seed).poisson(mean, (n_rows, n_columns))
    counts[0, 0] += 1
    u, v = biwhiten(sparse.csr_array(counts))
    rows, columns = counts.any(axis=1), counts.any(axis=0)
    counts = counts[rows][:, columns]
    margins = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    share = 1 / (1 + counts.mean())
    white = u[rows, None] ** 2 * ((1 - share) * counts + share * margins) * v[columns] ** 2
    np.testing.assert_allclose(white.mean(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(white.mean(axis=0), 1, atol=1e-5)


def test_true_variance_becomes_white_within_counting_error():
    rng = np.random.default_rng(0)
    mean = rng.gamma(2, 5, (150, 4)) @ rng.gamma(1, 1, (4, 80))
    counts = rng.poisson(mean)
    u, v = biwhiten(sparse.csr_array(counts))
    white = u[:, None] ** 2 * mean * v**2
    for axis in (0, 1):
        assert (abs(white.mean(axis=axis) - 1) < 4 / np.sqrt(counts.sum(axis=axis))).all()


def test_white_noise_passes_the_threshold_about_once_in_a_thousand_matrices():
    rng = np.random.default_rng(0)
    largest = np.array([np.linalg.svd(rng.normal(size=(60, 40)), compute_uv=False)[0] for _ in range(1000)])
    assert 0 <= (largest > noise_threshold(60, 40, 0)).sum() <= 4
    assert (largest > np.sqrt(60) + np.sqrt(40)).mean() > 0.05  # the edge alone would not do


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80).filter(any))
def test_channel_groups_are_neighbours_and_hold_one_percent(spectrum):
    spectrum = np.array(spectrum)
    groups = groups_by_counts(spectrum)
    assert groups[0] == 0 and set(np.diff(groups)) <= {0, 1}
    held = np.bincount(groups, weights=spectrum)
    assert (held >= spectrum.sum() / 100 * (1 - 1e-9)).all()


@given(seeds, st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_pooling_keeps_every_photon_at_every_size(seed, height, width):
    counts = np.random.default_rng(seed).poisson(1, (height, width, 5))
    counts[0, 0, 0] += 1
    image = bu.SpectrumImage(counts, np.arange(5.0))
    for matrix in sizes(image, 1, 100):
        blocks = image.rebin(tuple(min(matrix.block, side) for side in (height, width)))
        np.testing.assert_array_equal(matrix.counts.sum(axis=1), blocks.total_map().ravel())
        assert matrix.grid == blocks.navigation_shape


@given(seeds, st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_a_planted_number_is_found_by_both_criteria(seed, n_components):
    image = planted(n_components, 60, np.random.default_rng(seed))
    assert scree(image).n_components == n_components
    assert held_out(image, 8, np.random.default_rng(0)).n_components == n_components


@given(seeds, st.sampled_from([1, 5, 50, 500]))
@settings(max_examples=8, deadline=None)
def test_noise_alone_is_one_component(seed, dose):
    image = noise(dose, np.random.default_rng(seed))
    assert scree(image).n_components == 1
    assert held_out(image, 8, np.random.default_rng(0)).n_components == 1


def test_thirty_photons_of_one_line_in_one_place_are_one_component_more():
    rng = np.random.default_rng(3)
    image = noise(5, rng, side=48)
    counts = image.dense().astype(int)
    counts[8:10, 20:22, 50] += rng.poisson(9, (2, 2))
    found = held_out(bu.SpectrumImage(counts, image.energy_kev), 8, np.random.default_rng(0))
    assert found.n_components == 2 and found.gains.size == 2
    assert found.gains[0] > 2 * found.errors[0] and found.gains[1] <= 2 * found.errors[1]


def test_held_out_deviance_falls_by_twice_each_gain():
    found = held_out(planted(3, 60, np.random.default_rng(0)), 8, np.random.default_rng(0))
    assert found.deviance[0] == 0
    np.testing.assert_allclose(np.diff(found.deviance), -2 * found.gains)
    assert found.deviance.argmin() == 2


@pytest.mark.usefixtures("without_relevance")
def test_the_same_seed_gives_the_same_numbers_and_agreement_is_said():
    image = planted(3, 60, np.random.default_rng(0))
    first, again, other = (bu.rank(image, most=5, seed=seed) for seed in (1, 1, 2))
    assert first.summary() == again.summary() != other.summary()
    assert first.n_components == 3 and first.sentence.startswith("3 components: all criteria agree")
    assert repr(first) == f"<Rank 3: {first.sentence}>"


@pytest.mark.parametrize(
    ("above", "held", "relevant", "words"),
    [
        (3, 3, 3, "3 components: all criteria agree"),
        (3, 3, 5, "3 components, probably: 3 above the noise edge"),
        (2, 3, 2, "3 components, not certain"),
        (4, 3, 3, "4 components, not certain"),
        (1, 1, 1, "1 component: all criteria agree"),
        (12, 3, 3, "at least 12 components"),
    ],
)
def test_the_sentence_follows_the_criteria(monkeypatch, above, held, relevant, words):
    image = noise(5, np.random.default_rng(0))
    spectrum, photons = scree(image), held_out(image, 2, np.random.default_rng(0))
    changed = (
        type(spectrum)(**{**vars(spectrum), "n_components": above}),
        vars(photons) | {"n_components": held},
    )
    monkeypatch.setattr(ranking, "scree", lambda image: changed[0])
    monkeypatch.setattr(ranking, "held_out", lambda image, most, rng: type(photons)(**changed[1]))
    monkeypatch.setattr(ranking, "relevant_components", lambda image, most, seed: relevant)
    found = bu.rank(image)
    assert found.sentence.startswith(words) and found.n_components == max(above, held)
    figure = plot_rank(found)
    assert len(figure.axes) == 2


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize(
    "counts",
    [
        np.ones((1, 1, 1)),
        np.ones((1, 1, 50)),
        np.ones((5, 5, 1)),
        np.full((6, 6, 6), 7),
        np.eye(1, 400).reshape(4, 4, 25),
        np.eye(1, 50, 3).reshape(1, 1, 50).repeat(2, axis=1) * 40,
    ],
    ids=["one entry", "one pixel", "one channel", "constant", "one photon", "one line"],
)
def test_an_image_of_one_spectrum_is_one_component(counts):
    found = bu.rank(bu.SpectrumImage(counts.astype(int), 1.0 + np.arange(counts.shape[-1])))
    numbers = [*found.held_out.gains, *found.held_out.errors, *found.scree.singular_values]
    assert found.n_components == 1 and np.isfinite(numbers).all()


@given(seeds, st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), st.floats(0.01, 30))
@settings(max_examples=15, deadline=None)
def test_any_small_image_gets_a_number_within_its_size(seed, height, width, n_channels, mean):
    counts = np.random.default_rng(seed).poisson(mean, (height, width, n_channels))
    counts[0, 0, 0] += 1
    image = bu.SpectrumImage(counts, 1.0 + np.arange(n_channels))
    found = held_out(image, 4, np.random.default_rng(0))
    assert np.isfinite(found.gains).all() and np.isfinite(found.errors).all()
    for n in (scree(image).n_components, found.n_components):
        assert 1 <= n <= min(counts.any(axis=2).sum(), counts.any(axis=(0, 1)).sum())


def test_wrong_arguments_are_one_sentence():
    image = noise(5, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"image must be a SpectrumImage, got ndarray"):
        bu.rank(image.dense())
    with pytest.raises(ValueError, match=r"most must be a whole number of components, at least 1, got 0"):
        bu.rank(image, most=0)
    with pytest.raises(ValueError, match=r"seed must be a whole number"):
        bu.rank(image, seed=-1)
