"""Corners are corners, and pixels get the composition of their surroundings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse
from scipy.special import softmax

import bayesunmix as bu
from bayesunmix.engine.device.events import occupied
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.subspace.corners import corner_start, find_corners, likeliest_shares
from simulations import PHANTOMS, acquire


def slowly(points, counts):
    """Distances by least squares, one point at a time."""
    found = []
    for _ in range(points.shape[1]):
        certainty = []
        for point, n in zip(points, counts, strict=True):
            if not found:
                offset = point - (counts @ points) / counts.sum()
            else:
                spans = np.array([corner - found[0] for corner in found[1:]]).reshape(-1, len(point)).T
                offset = point - found[0]
                offset = offset - spans @ np.linalg.lstsq(spans, offset, rcond=None)[0]
            certainty.append(n * offset @ offset)
        farthest = points[int(np.argmax(certainty))]
        alike = np.argsort([np.linalg.norm(point - farthest) for point in points])[:3]
        found.append((counts[alike] @ points[alike]) / counts[alike].sum())
    return np.array(found)


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_corners_are_those_of_the_slow_way(n, seed):
    rng = np.random.default_rng(seed)
    points, counts = rng.normal(size=(30, n)), rng.uniform(1, 100, 30)
    np.testing.assert_allclose(find_corners(points, counts), slowly(points, counts), atol=1e-8)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_corners_of_mixtures_are_what_was_mixed(n, seed):
    rng = np.random.default_rng(seed)
    pure = rng.normal(size=(n, n))
    points = np.concatenate([rng.dirichlet(np.ones(n), 60) @ pure, *[pure] * 3])
    found = find_corners(points, np.full(len(points), 50.0))
    nearest = np.linalg.norm(found[:, None] - pure, axis=-1)
    assert sorted(nearest.argmin(axis=1)) == list(range(n))
    np.testing.assert_allclose(nearest.min(axis=1), 0, atol=1e-9)


def start(image, n_components, seed=0):
    return corner_start(image, occupied(image), n_components, random_key(seed), 0.5)


def test_grains_are_found_and_pixels_get_the_composition_of_their_surroundings():
    trial = acquire(PHANTOMS["nicr_film"](), 20, 0)
    abundances, endmembers = start(trial.image, 3)
    assert abundances.min() >= 0 and endmembers.min() > 0
    np.testing.assert_allclose(endmembers.sum(axis=1), 1, rtol=1e-5)
    angles = bu.spectral_angles(trial.truth.endmembers, endmembers)
    assert sorted(angles.argmin(axis=1)) == [0, 1, 2] and angles.min(axis=1).max() < 15
    maps = occupied(trial.image).restore(abundances, trial.image.n_pixels)
    np.testing.assert_allclose(maps.sum(axis=1), trial.image.total_map().ravel(), rtol=1e-4, atol=1e-3)
    apart = np.linalg.norm(maps[:, angles.argmin(axis=1)] - trial.truth.abundances)
    assert apart < 0.7 * np.linalg.norm(trial.truth.abundances)


def test_compositions_are_the_likeliest():
    """Against a general optimiser."""
    rng = np.random.default_rng(5)
    endmembers = rng.dirichlet(np.ones(12), 3)
    counts = rng.poisson(400 * rng.dirichlet(np.ones(3), 4) @ endmembers)
    found = likeliest_shares(sparse.csr_array(counts), endmembers)
    for row, shares in zip(counts, found.T, strict=True):
        best = optimize.minimize(
            lambda logs, row=row: -row @ np.log(softmax(logs) @ endmembers), np.zeros(3), tol=1e-12
        )
        assert -row @ np.log(shares @ endmembers) < best.fun + 0.01


def test_one_seed_one_start_and_halves_differ():
    image = acquire(PHANTOMS["nicr_film"](), 10, 0).image
    for one, other, third in zip(start(image, 3), start(image, 3), start(image, 3, seed=1), strict=True):
        np.testing.assert_array_equal(one, other)
        assert not np.array_equal(one, third)


@pytest.mark.parametrize("counts", [np.eye(2, 5, dtype=int), np.ones((1, 3), int), np.full((9, 4), 7)])
def test_more_components_than_the_counts_have(counts):
    image = bu.SpectrumImage(counts, np.arange(1, counts.shape[1] + 1), counts.shape)
    abundances, endmembers = start(image, 4)
    assert np.isfinite(abundances).all() and np.isfinite(endmembers).all()
    assert endmembers.shape == (4, counts.shape[1]) and (endmembers > 0).all()
