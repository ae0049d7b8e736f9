"""Cells of atoms against integration of the exact likelihood; brightness against counts of an even specimen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse, stats

from bayesunmix.engine.composition.atoms import palette
from bayesunmix.engine.composition.brightness import draw_brightness, of_composition
from bayesunmix.engine.composition.cells import draw_shares, weigh_cells
from bayesunmix.engine.composition.likelihood import log_likelihoods
from bayesunmix.engine.device.events import photon_chunks
from bayesunmix.engine.device.heavy import split_heavy
from bayesunmix.engine.device.threefry import random_key

N = 20_000


def spectra(n_components=3, n_channels=40, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(n_channels, 0.5), n_components)


def lines(n_components, n_channels=60):
    """Return spectra of one line each, and a common one, on a continuum."""
    channel = np.arange(n_channels)
    own = [np.exp(-0.5 * ((channel - 10 - 15 * k) / 2) ** 2) for k in range(n_components)]
    found = np.array(own) + np.exp(-0.5 * ((channel - 50) / 3) ** 2) + 0.05
    return found / found.sum(axis=1, keepdims=True)


def exact(counts, compositions, endmembers):
    return counts @ np.log(compositions @ endmembers).T


def weighed(counts, endmembers, n_components):
    listed, heavy = split_heavy(sparse.csr_array(counts.astype(np.uint32)))
    grid = palette(n_components)
    found, totals = log_likelihoods(
        photon_chunks(listed),
        heavy,
        jnp.asarray(endmembers, jnp.float32),
        grid.knots,
        jnp.arange(len(counts)),
        len(counts),
    )
    found = found[:, : len(grid.knots)]
    return grid, found - found.max(axis=1, keepdims=True), totals


@pytest.mark.parametrize("dose", [0.3, 20, 3000, 2e6])
@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_every_atom_is_weighed_by_all_photons_of_a_pixel(dose, n_components):
    rng, endmembers = np.random.default_rng(1), spectra(n_components)
    counts = rng.poisson(dose * rng.dirichlet(np.ones(n_components), 30) @ endmembers)
    counts[3] = 0
    grid, found, totals = weighed(counts, endmembers, n_components)
    expected = exact(counts, grid.knots, endmembers)
    expected -= expected.max(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-3 + 6e-6 * dose)
    np.testing.assert_array_equal(totals, counts.sum(axis=1))


@pytest.mark.parametrize(("dose", "error"), [(1, 0.02), (100, 0.02), (2000, 0.02), (30_000, 0.04)])
def test_compositions_follow_the_exact_likelihood_in_their_cell(dose, error):
    """With very many counts the parabola is a little beside the likelihood: 0.04 of a standard deviation or so."""
    rng, endmembers = np.random.default_rng(2), lines(2)
    truth = np.array([0.68, 0.32])
    counts = rng.poisson(dose * truth @ endmembers)[None]
    grid, found, _ = weighed(counts, endmembers, 2)
    cells = np.asarray(weigh_cells(found, grid))[:, 0]
    fine = np.linspace(-1, 1, 4001)
    pairs = np.flatnonzero(np.abs(grid.halves).sum(axis=1))
    of_cells, inside = [], []
    for atom, half in zip(grid.atoms, grid.halves, strict=True):
        log = exact(counts, atom + fine[:, None] * half, endmembers)[0]
        of_cells.append(log.max() + np.log(np.exp(log - log.max()).mean()))
        inside.append(log)
    of_cells = np.array(of_cells)
    likely = of_cells > of_cells.max() - 8
    assert likely[pairs].any()
    shift = (cells - of_cells)[likely]
    assert np.ptp(shift) < 0.05
    number = int(np.argmax(np.where(np.isin(np.arange(len(cells)), pairs), of_cells, -np.inf)))
    shares = draw_shares(random_key(0), jnp.tile(found, (N, 1)), jnp.full(N, number, jnp.int32), grid)
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-5)
    v = (np.asarray(shares[0], float) - grid.atoms[number, 0]) / grid.halves[number, 0]
    assert np.abs(v).max() < 1 + 1e-4
    density = np.exp(inside[number] - inside[number].max())
    cdf = np.cumsum(density) / density.sum()
    assert stats.kstest(v, lambda x: np.interp(x, fine, cdf)).statistic < error
    pure = draw_shares(random_key(0), found, jnp.zeros(1, jnp.int32), grid)
    np.testing.assert_array_equal(pure[:, 0], [1, 0])


def test_neighbouring_cells_meet_and_pure_atoms_have_none():
    for n_components in (2, 3, 8):
        grid = palette(n_components)
        np.testing.assert_array_equal(grid.knots[: len(grid.atoms)], grid.atoms)
        for end, sign in zip(grid.ends, (-1, 1), strict=True):
            np.testing.assert_allclose(grid.knots[end], grid.atoms + sign * grid.halves, atol=1e-8)
        assert not grid.halves[:n_components].any()
        pair = np.flatnonzero((grid.atoms[:, :2] > 0).all(axis=1) & (grid.atoms[:, 2:] == 0).all(axis=1))
        ends = np.sort(np.concatenate([(grid.atoms + s * grid.halves)[pair, 0] for s in (-1, 1)]))
        np.testing.assert_allclose(ends[1:-1:2], ends[2:-1:2])


def test_brightness_is_that_of_an_even_specimen_whatever_its_rim_and_vacuum():
    rng = np.random.default_rng(4)
    truth, n = np.array([0.5, 1.2, 1.5]), 3000
    shares = np.where(
        rng.random((n, 1)) < 0.8, np.eye(3)[rng.integers(0, 3, n)], rng.dirichlet(np.ones(3), n)
    )
    thickness = np.where(np.arange(n) % 5 == 0, 0, np.where(np.arange(n) % 7 == 0, rng.uniform(0, 0.7, n), 1))
    counts = rng.poisson(20 * thickness * of_composition(shares, truth))
    found = jnp.ones(3)
    for number in range(30):
        bright = of_composition(shares, np.asarray(found))
        level = (counts * (thickness == 1)).sum() / (bright * (thickness == 1)).sum()
        known = np.where(thickness == 1, level, 20 * thickness * of_composition(shares, truth) / bright)
        found = draw_brightness(
            jax.random.fold_in(random_key(0), number),
            *(jnp.asarray(x, jnp.float32) for x in (shares.T, counts, known)),
            found,
            jnp.asarray(number < 10),
        )
    np.testing.assert_allclose(found / found[1], truth / truth[1], rtol=0.05)
