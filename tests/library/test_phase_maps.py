"""Phase maps: probabilities that are shares of draws, labels only above the level, vacuum left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.analysis.phase_maps import NONE, UNDECIDED
from bayesunmix.data.image import Axis, Grid
from bayesunmix.data.spectral_axis import SpectralAxis


def result(abundances, shape=None, n_channels=4):
    """A result with these (chain, draw, P, K) draws of the abundances."""
    endmembers = np.full((abundances.shape[3], n_channels), 1 / n_channels)
    draws = np.broadcast_to(endmembers, (*abundances.shape[:2], *endmembers.shape))
    axes = tuple(Axis(f"axis_{i}") for i in range(len(shape or ())))
    grid = (
        None
        if shape is None
        else Grid(SpectralAxis(np.arange(1.0, n_channels + 1)), (*shape, n_channels), axes)
    )
    estimate = bu.Factorization(endmembers, abundances.mean((0, 1)))
    return bu.Unmixing(estimate, bu.Posterior(draws, abundances), grid=grid)


def phase_map(result, **options):
    """Of a result on the image that it claims to be of."""
    n_pixels, n_channels = len(result.estimate.abundances), result.estimate.endmembers.shape[1]
    shape = (n_pixels, n_channels) if result.grid is None else result.grid.shape
    return bu.phase_map(
        result, bu.SpectrumImage(np.ones(shape, int), np.arange(1.0, n_channels + 1)), **options
    )


def random_draws(seed, n_pixels=24, n_components=3):
    rng = np.random.default_rng(seed)
    return rng.gamma(rng.uniform(0.5, 20, (n_pixels, n_components)), size=(2, 25, n_pixels, n_components))


@given(st.integers(0, 50), st.floats(0.51, 0.99), st.integers(1, 4))
@settings(max_examples=20)
def test_probabilities_are_shares_of_draws_and_labels_follow(seed, level, n_components):
    draws = random_draws(seed, n_components=n_components)
    found = phase_map(result(draws, (2, 3, 4)), at_least=level, specimen=np.ones((2, 3, 4), bool))
    assert found.labels.shape == (2, 3, 4) and found.probability.shape == (2, 3, 4, n_components)
    np.testing.assert_allclose(found.probability.sum(axis=-1), 1)
    for p, (label, probability) in enumerate(
        zip(found.labels.ravel(), found.probability.reshape(24, -1), strict=True)
    ):
        wins = [int(np.argmax(draw[p])) for chain in draws for draw in chain]
        assert probability == pytest.approx([wins.count(k) / 50 for k in range(n_components)])
        best = int(np.argmax(probability))
        assert label == (best if probability[best] >= level else UNDECIDED)
    assert found.undecided == np.mean(found.labels == UNDECIDED)


def test_blocks_change_nothing(monkeypatch):
    whole = phase_map(result(random_draws(0)))
    monkeypatch.setattr("bayesunmix.data.draws.VALUES_PER_BLOCK", 50 * 3 * 5)
    parts = phase_map(result(random_draws(0)))
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_array_equal(whole.probability, parts.probability)


@given(st.permutations(range(3)))
@settings(max_examples=5)
def test_permuting_components_renumbers_the_map(order):
    one = result(random_draws(1), (4, 6))
    found, moved = phase_map(one), phase_map(one.reorder(np.array(order)))
    np.testing.assert_array_equal(moved.probability, found.probability[..., order])
    of_old = np.where(moved.labels >= 0, np.array(order)[moved.labels], moved.labels)
    np.testing.assert_array_equal(of_old, found.labels)


def test_vacuum_has_no_phase_but_an_empty_pixel_of_the_specimen_has():
    draws = np.ones((1, 30, 100, 2)) * [9.0, 1.0]
    draws = draws.reshape(1, 30, 10, 10, 2)
    draws[..., 6:, :] = 0.05
    draws[..., 4, 4, :] = 0.0
    found = phase_map(result(draws.reshape(1, 30, 100, 2), (10, 10)))
    assert (found.labels[:, 7:] == NONE).all() and (found.labels[:, :6] == 0).all()
    assert found.undecided == 0
    nowhere = phase_map(result(np.zeros((1, 3, 9, 2)), (3, 3)))
    assert (nowhere.labels == NONE).all() and nowhere.undecided == 0


def test_wrong_arguments_are_one_sentence():
    one = result(random_draws(0), (4, 6))
    with pytest.raises(ValueError, match="needs a result with a posterior"):
        phase_map(bu.Unmixing(one.estimate))
    with pytest.raises(ValueError, match=r"at_least must be above 0.5, .* got 0.4"):
        phase_map(one, at_least=0.4)
    with pytest.raises(ValueError, match="at_least must lie between 0 and 1, got 1"):
        phase_map(one, at_least=1)
    with pytest.raises(ValueError, match=r"mask must be bool of shape \(4, 6\)"):
        phase_map(one, specimen=np.ones(24, bool))
    with pytest.raises(TypeError, match="pass the result first and the image second"):
        bu.phase_map(bu.SpectrumImage(np.ones((2, 2), int), [1.0, 2.0]), one)
