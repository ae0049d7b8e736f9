"""The tree of atoms against an enumeration of all labels of a tiny grid, and against data drawn from its own prior."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.composition import tiles
from bayesunmix.engine.composition import tree as atom_tree
from bayesunmix.engine.composition.tree import draw_atoms, first_tree
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.multiscale.pyramid import levels_of

N = 40_000


def tree_of(shape, n_atoms, rng, offset=1):
    tree = first_tree(shape, n_atoms)
    n = len(tree.lively)
    return tree._replace(
        lively=jnp.asarray(rng.uniform(0.2, 0.8, n), jnp.float32),
        drawn=jnp.asarray(rng.uniform(0.2, 0.8, n), jnp.float32),
        frequencies=jnp.asarray(rng.dirichlet(np.ones(n_atoms)), jnp.float32),
        offsets=jnp.full(n, offset, jnp.int32),
    )


def nodes_of(exposure, offsets):
    """Build the root of the tree: a cell is its index, a node is (level, first half, second half), None is outside."""
    cells = np.empty(exposure.shape, object)
    for place in np.ndindex(exposure.shape):
        cells[place] = place if exposure[place] else None
    for number, (level, offset) in enumerate(zip(levels_of(exposure.shape), offsets, strict=True)):
        shape = list(cells.shape)
        shape[level.axis] = level.pairs
        halves = {}
        for place in np.ndindex(cells.shape):
            along = place[level.axis] + (int(offset) if level.pairs > 1 else 0)
            node = (*place[: level.axis], along // 2, *place[level.axis + 1 :])
            halves.setdefault(node, [None, None])[along % 2] = cells[place]
        cells = np.empty(shape, object)
        for node, (first, second) in halves.items():
            real = first is not None and second is not None
            cells[node] = (number, first, second) if real else first if second is None else second
    return cells.item()


def probability(node, atom, labels, lively, drawn, frequencies):
    """Chance of the labels of all cells below a node that has got an atom, by the words of the module."""

    def cells(node):
        return (
            [node] if not (len(node) == 3 and isinstance(node[1], tuple)) else cells(node[1]) + cells(node[2])
        )

    here = cells(node)
    if here == [node]:
        return float(labels[node] == atom)
    level, *halves = node
    quiet = float(all(labels[cell] == atom for cell in here))
    both = 1.0
    for half in halves:
        given = [probability(half, m, labels, lively, drawn, frequencies) for m in range(len(frequencies))]
        both *= (1 - drawn[level]) * given[atom] + drawn[level] * np.dot(frequencies, given)
    return (1 - lively[level]) * quiet + lively[level] * both


def drawn(key, evidence, exposure, tree):
    flat = evidence.reshape(len(evidence), -1)
    return draw_atoms(key, lambda at: flat[:, at], exposure > 0, exposure > 0, tree)


@partial(jax.jit, static_argnames="n")
def many(key, evidence, exposure, tree, n):
    return jax.lax.map(
        lambda key: drawn(key, evidence, exposure, tree), jax.random.split(key, n), batch_size=1000
    )


@pytest.mark.parametrize(
    ("exposure", "offset", "n_cells"),
    [
        (np.ones((2, 2)), 0, 256),
        (np.ones((3, 2)), 1, 256),
        (np.ones((3, 2)), 1, 2),
        (np.array([[1, 1, 0], [0, 1, 1]]), 1, 256),
        (np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1]]), 0, 2),
        (np.ones(5), 1, 4),
        (np.ones((1, 2, 2)), 0, 256),
        (np.ones(1), 0, 256),
    ],
)
def test_labels_are_drawn_from_the_enumerated_posterior(monkeypatch, exposure, offset, n_cells):
    """The cells of a tile do not matter, nor how many tiles are looked at together."""
    monkeypatch.setattr(tiles, "CELLS", n_cells)
    monkeypatch.setattr(tiles, "AT_ONCE", 2 * n_cells)
    many.clear_cache()
    rng = np.random.default_rng(3)
    exposure = exposure.astype(np.float32)
    tree = tree_of(exposure.shape, 3, rng, offset)
    evidence = rng.normal(0, 1.5, (3, *exposure.shape)).astype(np.float32)
    atoms, _ = many(random_key(1), jnp.asarray(evidence), jnp.asarray(exposure), tree, N)
    seen = exposure > 0
    code = np.asarray(atoms)[:, seen] @ 3 ** np.arange(seen.sum())
    offsets = np.asarray(tree.offsets)[: len(levels_of(exposure.shape))]
    root = nodes_of(exposure, offsets) if offsets.size else (0,)
    chances = (np.asarray(part, float) for part in (tree.lively, tree.drawn, tree.frequencies))
    lively, redrawn, frequencies = chances
    expected = np.zeros(3 ** seen.sum())
    for chosen in itertools.product(range(3), repeat=int(seen.sum())):
        labels = np.full(exposure.shape, -1)
        labels[seen] = chosen
        prior = sum(
            f * probability(root, m, labels, lively, redrawn, frequencies) for m, f in enumerate(frequencies)
        )
        weight = np.exp(
            sum(evidence[(m, *place)] for m, place in zip(chosen, np.argwhere(seen), strict=True))
        )
        expected[np.dot(chosen, 3 ** np.arange(seen.sum()))] = prior * weight
    expected *= N / expected.sum()
    counted = np.bincount(code, minlength=len(expected))
    rare = expected < 10
    groups = [np.append(x[~rare], x[rare].sum()) for x in (counted, expected)]
    if groups[1][-1] == 0:
        groups = [x[:-1] for x in groups]
    assert stats.chisquare(*groups).pvalue > 1e-4


def test_a_flat_likelihood_gives_back_the_prior_of_all_that_is_learned():
    """Geweke's test without data: labels given chances, then chances given labels, must keep the chances' prior."""
    n, shape, n_atoms = 1500, (4, 3), 3
    rng = np.random.default_rng(5)
    n_levels = len(levels_of(shape))
    draws = jax.vmap(lambda key, tree: drawn(key, jnp.zeros((n_atoms, *shape)), jnp.ones(shape), tree)[1])
    tree = jax.tree.map(lambda x: jnp.tile(x, (n, 1)), first_tree(shape, n_atoms))
    tree = tree._replace(
        lively=jnp.asarray(rng.beta(*atom_tree.PRIOR_LIVELY, (n, n_levels)), jnp.float32),
        drawn=jnp.asarray(rng.beta(*atom_tree.PRIOR_DRAWN, (n, n_levels)), jnp.float32),
        frequencies=jnp.asarray(rng.dirichlet([atom_tree.PRIOR_ATOM] * n_atoms, n), jnp.float32),
        offsets=jnp.asarray(rng.integers(0, 2, (n, n_levels)), jnp.int32),
    )
    for number in range(20):
        tree = jax.jit(draws)(jax.random.split(random_key(number), n), tree)
    a = atom_tree.PRIOR_ATOM
    for level in range(n_levels):
        lively, redrawn = (
            np.clip(np.asarray(x[:, level]), 1e-5, 1 - 1e-5) for x in (tree.lively, tree.drawn)
        )
        assert stats.kstest(lively, stats.beta(*atom_tree.PRIOR_LIVELY).cdf).pvalue > 1e-4
        assert stats.kstest(redrawn, stats.beta(*atom_tree.PRIOR_DRAWN).cdf).pvalue > 1e-4
    frequency = np.asarray(tree.frequencies)[:, 0]
    inside = (frequency > 1e-4) & (frequency < 1 - 1e-4)
    cdf = stats.beta(a, (n_atoms - 1) * a).cdf
    lowest, highest = cdf(1e-4), cdf(1 - 1e-4)
    assert abs(inside.mean() - (highest - lowest)) < 4 * 0.5 / np.sqrt(n)
    assert stats.kstest(frequency[inside], lambda x: (cdf(x) - lowest) / (highest - lowest)).pvalue > 1e-4


def test_large_regions_keep_their_digits():
    """A million counts a pixel: the draw still follows the likelihood, and a masked pixel changes nothing."""
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(40) < 17, 0, 1) * np.ones((30, 1), int)
    evidence = np.where(np.arange(3)[:, None, None] == truth, 0, -1e6) + rng.normal(0, 1, (3, 30, 40))
    exposure = np.ones((30, 40), np.float32)
    exposure[5:9, 3:20] = 0
    evidence[:, exposure == 0] = 1e6 * rng.normal(size=(3, int((exposure == 0).sum())))
    tree = first_tree((30, 40), 3)
    for number in range(5):
        atoms, tree = jax.jit(drawn)(
            random_key(number), jnp.asarray(evidence, jnp.float32), jnp.asarray(exposure), tree
        )
    assert (np.asarray(atoms) == truth)[exposure > 0].all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))
