"""The event kernels against a dense NumPy reference that is slow and obvious."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from bayesunmix import SpectrumImage
from bayesunmix.engine.device import events
from bayesunmix.engine.device.events import (
    chunks,
    draw_allocation,
    expected_allocation,
    log_likelihood_parts,
    occupied,
    padded_size,
    photon_chunks,
    weighted_sums,
)
from bayesunmix.engine.device.threefry import random_key

# As everywhere in the library, in compiled code: run one by one, their parts are compiled one by one.
allocate, draw_components, score, multiply = (
    jax.jit(expected_allocation),
    jax.jit(draw_allocation),
    jax.jit(log_likelihood_parts),
    jax.jit(weighted_sums, static_argnums=2),
)


def problem(seed, n_rows=7, n_columns=11, k=3, rate=2.0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate * rng.gamma(0.5, 2.0, (n_rows, n_columns)))
    rows = rng.gamma(1.0, 1.0, (k, n_rows)).astype(np.float32)
    table = rng.dirichlet(np.ones(n_columns), k).astype(np.float32)
    return counts, rows, table


def shares(rows, table):
    """Probability of each component in each entry, (rows, columns, K)."""
    weight = rows.T[:, None, :] * table.T[None]
    return weight / weight.sum(axis=2, keepdims=True)


@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.05, 2.0, 40.0]))
@settings(max_examples=10)
def test_expected_allocation_equals_the_dense_sum(seed, k, rate):
    counts, rows, table = problem(seed, k=k, rate=rate)
    csr = sparse.csr_array(counts)
    responsibility = shares(rows.astype(float), table.astype(float))
    got = allocate(chunks(csr), jnp.asarray(rows), jnp.asarray(table))
    np.testing.assert_allclose(got, np.einsum("pc,pck->kp", counts, responsibility), rtol=2e-5, atol=1e-5)
    turned = allocate(chunks(csr.T.tocsr()), jnp.asarray(table), jnp.asarray(rows))
    np.testing.assert_allclose(turned, np.einsum("pc,pck->kc", counts, responsibility), rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(got).sum(axis=0), counts.sum(axis=1), rtol=1e-5, atol=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=5)
def test_log_likelihood_is_that_of_scipy(seed):
    counts, rows, table = problem(seed)
    mean = rows.T.astype(float) @ table.astype(float)
    parts = score(chunks(sparse.csr_array(counts)), jnp.asarray(rows), jnp.asarray(table))
    ours = np.asarray(parts, float).sum() - mean.sum() - stats.poisson.logpmf(counts, 1).sum() - counts.size
    # log pmf(x | m) = x log m - m - log x!, and log pmf(x | 1) = -1 - log x!
    expected = (
        stats.poisson.logpmf(counts, mean).sum() - 2 * stats.poisson.logpmf(counts, 1).sum() - 2 * counts.size
    )
    assert ours == pytest.approx(expected, rel=1e-5, abs=1e-3)


@given(st.integers(0, 10**6))
@settings(max_examples=5)
def test_weighted_sums_is_a_matrix_product(seed):
    counts, _, table = problem(seed)
    got = multiply(chunks(sparse.csr_array(counts)), jnp.asarray(table), counts.shape[0])
    np.testing.assert_allclose(got, table @ counts.T, rtol=1e-5, atol=1e-5)


@given(st.lists(st.integers(0, 700), min_size=1, max_size=20))
@settings(max_examples=40)
def test_layout_loses_and_invents_nothing(lengths):
    rng = np.random.default_rng(len(lengths))
    counts = np.zeros((len(lengths), 701), int)
    for row, length in zip(counts, lengths, strict=True):
        row[rng.permutation(701)[:length]] = rng.integers(1, 4, length)
    if not counts.any():
        counts[0, 0] = 1
    for layout in (chunks(sparse.csr_array(counts)), photon_chunks(sparse.csr_array(counts))):
        back = np.zeros_like(counts, dtype=float)
        np.add.at(back, (np.broadcast_to(layout.row, layout.index.shape), layout.index), layout.weight)
        np.testing.assert_array_equal(back, counts)
        assert (np.diff(layout.row) >= 0).all()


@pytest.mark.parametrize("most_at_once", [2**22, 64], ids=["whole", "in groups of slots"])
def test_drawn_allocation_has_the_right_probabilities(most_at_once, monkeypatch):
    monkeypatch.setattr(events, "MOST_AT_ONCE", most_at_once)
    counts, rows, table = problem(3, n_rows=3, n_columns=4, rate=400.0)
    expected = shares(rows.astype(float), table.astype(float))
    by_row, by_column, log_likelihood = jax.jit(lambda *given: draw_allocation(*given))(  # compiled anew
        photon_chunks(sparse.csr_array(counts)), jnp.asarray(rows), jnp.asarray(table), random_key(0)
    )
    np.testing.assert_array_equal(np.asarray(by_row).sum(axis=0), counts.sum(axis=1))
    np.testing.assert_array_equal(np.asarray(by_column).sum(axis=0), counts.sum(axis=0))
    mean = np.einsum("pc,pck->kp", counts, expected)
    sd = np.sqrt(np.einsum("pc,pck->kp", counts, expected * (1 - expected)))
    assert np.abs((by_row - mean) / sd).max() < 4
    rate = rows.T.astype(float) @ table.astype(float)
    assert float(log_likelihood) == pytest.approx((counts * np.log(rate)).sum(), rel=1e-5)


def test_ten_million_photons_are_counted_to_the_last():
    """Float32 loses single counts past 2**24: sums must not be taken photon by photon."""
    n = 20_000_003
    csr = sparse.csr_array(np.array([[n - 3, 3], [1, 0]]))
    rows, table = jnp.asarray([[1e7, 1.0], [1e7, 1.0]]), jnp.asarray([[0.5, 0.5], [0.5, 0.5]])
    _, by_column, _ = draw_components(photon_chunks(csr), rows, table, random_key(1))
    assert np.asarray(by_column, np.int64).sum() == n + 1
    by_row, _, _ = draw_components(photon_chunks(csr), rows, table, random_key(1))
    assert np.asarray(by_row, np.float64).sum() == pytest.approx(n + 1, rel=1e-6)


@given(st.integers(1, 10**7))
def test_padded_sizes_are_few_and_near(n):
    size = padded_size(n)
    assert n <= size
    assert size <= (1.25 * n + 1 if n > 1024 else max(2 * n, 256))
    assert padded_size(size) == size
    assert bin(size).rstrip("0").count("1") <= 3


def test_empty_pixels_are_dropped_and_restored():
    counts = np.zeros((4, 5), int)
    counts[1, 2], counts[3, 0] = 7, 1
    pixels = occupied(SpectrumImage(counts, np.arange(5.0)))
    np.testing.assert_array_equal(pixels.pixels, [1, 3])
    restored = pixels.restore(np.array([[1.0, 2.0, 9.0], [3.0, 4.0, 9.0]]), 4)
    np.testing.assert_array_equal(restored, [[0, 0], [1, 3], [0, 0], [2, 4]])
