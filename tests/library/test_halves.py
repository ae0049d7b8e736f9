"""Two independent halves of the photons."""

import numpy as np
import pytest

import bayesunmix as bu


@pytest.fixture(scope="module")
def image():
    return bu.SpectrumImage(np.random.default_rng(1).poisson(3.0, (40, 50, 6)), np.arange(1.0, 7.0))


def test_halves_add_up_and_are_independent(image):
    a, b = bu.split(image)
    np.testing.assert_array_equal(a.dense() + b.dense(), image.dense())
    x, y = (half.dense().ravel().astype(float) for half in (a, b))
    for half in (x, y):  # Poisson counts of half the mean
        assert abs(half.mean() - 1.5) < 0.05 and abs(half.var() / half.mean() - 1) < 0.06
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.04  # of 12 000 entries: 4.4 standard deviations


def test_the_seed_decides(image):
    first, again, other = (bu.split(image, seed)[0].dense() for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_seed_is_a_whole_number(image, seed):
    with pytest.raises(ValueError, match="seed must be a whole number, at least 0"):
        bu.split(image, seed)
