"""One permutation for everything: it is recovered whatever the order, and spectra, maps and draws share it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesunmix import Posterior, match, spectral_angles
from bayesunmix.data.alignment import relabel_chains


def spectra(k, c=30, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.3, size=(k, c))


orders = st.integers(1, 7).flatmap(lambda k: st.permutations(range(k))).map(np.array)


@given(orders, st.integers(0, 99))
def test_match_recovers_any_permutation(order, seed):
    rng = np.random.default_rng(seed)
    reference = spectra(len(order), seed=seed)
    shuffled = reference[order] * rng.uniform(0.1, 10, (len(order), 1)) + 1e-3 * rng.random(reference.shape)
    found = match(reference, shuffled)
    np.testing.assert_array_equal(found, np.argsort(order))
    np.testing.assert_array_equal(order[found], np.arange(len(order)))


@given(st.permutations(range(5)), st.integers(1, 5))
def test_spare_endmembers_come_last(order, k):
    reference = spectra(5)[:k]
    found = match(reference, spectra(5)[order])
    assert sorted(found) == list(range(5))
    np.testing.assert_array_equal(np.array(order)[found[:k]], np.arange(k))
    assert list(found[k:]) == sorted(found[k:])


@given(st.permutations(range(5)), st.integers(1, 4))
def test_fewer_endmembers_follow_the_references_that_found_a_partner(order, j):
    kept = order[:j]
    found = match(spectra(5), spectra(5)[kept])
    np.testing.assert_array_equal(np.array(kept)[found], sorted(kept))


def test_match_takes_the_best_sum_and_not_the_nearest_pair():
    """Directions of 0 and 50 degrees against 10 and -45: 10 + 95 degrees is worse than 45 + 40."""
    reference, endmembers = (
        np.array([[np.cos(t), np.sin(t)] for t in np.radians(d)]) for d in ([0, 50], [10, -45])
    )
    np.testing.assert_allclose(spectral_angles(reference, endmembers), [[10, 45], [40, 95]])
    np.testing.assert_array_equal(match(reference, endmembers), [1, 0])


@given(orders, st.integers(0, 99))
def test_permuting_components_changes_no_angle(order, seed):
    a, b = spectra(len(order), seed=seed), spectra(4, seed=seed + 1)
    np.testing.assert_allclose(spectral_angles(a[order], b), spectral_angles(a, b)[order], rtol=1e-12)
    np.testing.assert_allclose(spectral_angles(a, b), spectral_angles(b, a).T, rtol=1e-12)


@pytest.mark.parametrize("degrees", [0, 1e-9, 1e-6, 0.01, 1, 30, 45, 90, 120])
def test_known_angles(degrees):
    turn = np.radians(degrees)
    angle = spectral_angles([[3, 0]], [[5 * np.cos(turn), 5 * np.sin(turn)]]).item()
    assert angle == pytest.approx(degrees, rel=1e-6, abs=1e-14)


@given(st.floats(1e-250, 1e250), st.integers(0, 9))
def test_the_scale_of_a_spectrum_changes_no_angle(scale, seed):
    a, b = spectra(3, seed=seed), spectra(2, seed=seed + 1)
    np.testing.assert_allclose(spectral_angles(scale * a, b), spectral_angles(a, b), rtol=1e-9)
    np.testing.assert_allclose(np.diag(spectral_angles(a * scale, a)), 0, atol=1e-6)


def test_a_spectrum_of_zeros_is_at_right_angles_to_everything():
    np.testing.assert_array_equal(spectral_angles([[0, 0], [1, 1]], [[0, 0], [1, 1]]), [[90, 90], [90, 0]])


@pytest.mark.parametrize(("a", "b"), [((3,), (3,)), ((2, 3), (2, 4)), ((2, 3), (2, 2, 3))])
def test_spectra_must_share_their_channels(a, b):
    with pytest.raises(
        ValueError, match=r"must be \(K, C\) and \(J, C\) with the same channels, got .*; for one"
    ):
        spectral_angles(np.ones(a), np.ones(b))


@given(st.lists(st.permutations(range(4)), min_size=1, max_size=4))
def test_relabelled_chains_share_the_numbering_of_the_first(chains):
    """Abundances are made from the endmembers' own labels, so a map that strays from its spectrum shows."""
    rng = np.random.default_rng(0)
    endmembers = np.stack([(spectra(4) + 1e-3 * rng.random((9, 4, 30)))[:, order] for order in chains])
    abundances = np.stack([np.broadcast_to(np.array(order, float), (5, 6, 4)) for order in chains])
    statistics = {"log_likelihood": rng.normal(size=(len(chains), 9))}
    same, changed = relabel_chains(Posterior(endmembers, abundances, statistics, calibrated=False))
    assert changed == sum(order != chains[0] for order in chains)
    np.testing.assert_allclose(
        same.endmembers, np.broadcast_to(spectra(4)[chains[0]], same.endmembers.shape), atol=1e-3
    )
    np.testing.assert_array_equal(
        same.abundances, np.broadcast_to(np.array(chains[0], float), abundances.shape)
    )
    assert same.statistics is statistics
    assert same.calibrated is False
