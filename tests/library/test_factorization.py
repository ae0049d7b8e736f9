"""The factorisation: fixing the scale changes nothing that is expected of the data."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesunmix import Factorization

positive = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
signed = st.one_of(positive, st.floats(-1e3, -1e-3))


@st.composite
def factorizations(draw, values):
    k, c, p = (draw(st.integers(1, 4)) for _ in range(3))
    return Factorization(
        draw(hnp.arrays(float, (k, c), elements=values)), draw(hnp.arrays(float, (p, k), elements=values))
    )


@given(factorizations(signed))
def test_canonical_keeps_the_expected_counts(found):
    fixed = found.canonical()
    tolerance = 1e-12 * (np.abs(found.abundances) @ np.abs(found.endmembers)).max()
    np.testing.assert_allclose(fixed.expected(), found.expected(), rtol=0, atol=tolerance)
    np.testing.assert_allclose(np.abs(fixed.endmembers).sum(axis=1), 1)
    assert (fixed.endmembers.sum(axis=1) > -1e-12).all()


@given(factorizations(signed))
def test_canonical_twice_is_canonical_once(found):
    sums, sizes = found.endmembers.sum(axis=1), np.abs(found.endmembers).sum(axis=1)
    assume((np.abs(sums) >= 1e-9 * sizes).all())  # a sum that cancels has its sign from rounding
    once = found.canonical()
    twice = once.canonical()
    np.testing.assert_allclose(twice.endmembers, once.endmembers, rtol=1e-12)
    np.testing.assert_allclose(twice.abundances, once.abundances, rtol=1e-12)


@given(factorizations(positive), st.floats(1e-3, 1e3))
def test_canonical_forgets_the_scale_and_stays_nonnegative(found, scale):
    other = Factorization(found.endmembers * scale, found.abundances / scale).canonical()
    fixed = found.canonical()
    assert fixed.is_nonnegative
    np.testing.assert_allclose(other.endmembers, fixed.endmembers)
    np.testing.assert_allclose(other.abundances, fixed.abundances)


def test_canonical_of_known_components():
    found = Factorization([[1, 3], [0, 0], [-3, 1]], [[2, 5, 1], [0, 7, -1]]).canonical()
    np.testing.assert_allclose(found.endmembers, [[0.25, 0.75], [0.5, 0.5], [0.75, -0.25]])
    np.testing.assert_allclose(found.abundances, [[8, 0, -4], [0, 0, 4]])
    assert not found.is_nonnegative
    assert Factorization([[0.0, 1]], [[2.0]]).is_nonnegative
    assert not Factorization([[0, 1]], [[-2]]).is_nonnegative


@given(factorizations(positive))
def test_fractions_sum_to_one_and_follow_the_abundances(found):
    np.testing.assert_allclose(found.fractions.sum(axis=1), 1)
    total = found.abundances.sum(axis=1, keepdims=True)
    np.testing.assert_allclose((found.fractions * total)[total[:, 0] > 0], found.abundances[total[:, 0] > 0])
    empty = found.fractions[total[:, 0] == 0]
    np.testing.assert_array_equal(empty, np.full_like(empty, 1 / found.n_components))


@given(factorizations(signed), st.randoms())
def test_reorder_moves_spectra_and_maps_together(found, random):
    order = np.array(random.sample(range(found.n_components), found.n_components))
    moved = found.reorder(order)
    np.testing.assert_array_equal(moved.endmembers, found.endmembers[order])
    np.testing.assert_array_equal(moved.abundances, found.abundances[:, order])
    np.testing.assert_array_equal(moved.reorder(np.argsort(order)).abundances, found.abundances)
    tolerance = 1e-12 * (np.abs(found.abundances) @ np.abs(found.endmembers)).max()
    np.testing.assert_allclose(moved.expected(), found.expected(), rtol=0, atol=tolerance)


def test_expected_of_some_pixels():
    found = Factorization([[1, 0], [0.5, 0.5]], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(found.expected(), [[2, 1], [5, 2], [8, 3]])
    np.testing.assert_array_equal(found.expected(slice(1, 3)), [[5, 2], [8, 3]])


@pytest.mark.parametrize(
    ("endmembers", "abundances"), [((2, 5), (7, 3)), ((5,), (7, 1)), ((2, 5), (3, 7, 2)), ((0, 5), (7, 0))]
)
def test_shapes_must_agree(endmembers, abundances):
    sentence = r"endmembers must be \(K, C\) and abundances \(P, K\) with one K.*, got \(\d, ?\d?\) and \(\d"
    with pytest.raises(ValueError, match=sentence):
        Factorization(np.ones(endmembers), np.ones(abundances))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_must_be_finite(bad):
    with pytest.raises(ValueError, match="endmembers must be finite, got NaN or infinity"):
        Factorization([[bad, 1]], [[1]])
    with pytest.raises(ValueError, match="abundances must be finite, got NaN or infinity"):
        Factorization([[1, 1]], [[bad]])
