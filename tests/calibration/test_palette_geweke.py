"""Geweke's joint test of compositions: labels, shares in their cells and counts drawn in turn keep the labels' prior.

The endmembers, thickness and brightness are known. Labels are drawn from their prior, shares evenly in their cells, and
counts given them, many times. Each then draws labels and shares given its counts, new counts given these, and so on:
the joint distribution must stay what it was. Chains that begin in it need no length, so counts may be many. A coupling
that is a little off, and evidence of the middle of a cell instead of all of it, are found.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayesunmix.engine.composition.atoms import distances, palette
from bayesunmix.engine.composition.brightness import of_composition
from bayesunmix.engine.composition.cells import draw_shares, weigh_cells
from bayesunmix.engine.composition.field import couplings, draw_labels, first_field
from bayesunmix.engine.composition.likelihood import log_ratios
from bayesunmix.engine.composition.tree import draw_atoms, first_tree
from bayesunmix.engine.device.threefry import random_key
from tests.calibration.test_geweke import poisson

SHAPE, N, SWEEPS, CAPACITY = (3, 4), 5_000, 6, 160
ALONE = 30  # sweeps without counts, until a field has forgotten where it began
PALETTE = palette(2)
ENDMEMBERS = jnp.array([[0.42, 0.3, 0.2, 0.06, 0.02], [0.05, 0.1, 0.2, 0.25, 0.4]])
BRIGHT = of_composition(jnp.asarray(PALETTE.atoms, jnp.float32), jnp.array([0.8, 1.25]))
SEEN = jnp.ones(SHAPE, bool)
NOTHING = jnp.zeros((len(PALETTE.atoms), *SHAPE))


def of_pixels(evidence):
    """Return the evidence of pixels by their numbers."""
    return lambda numbers: evidence.reshape(len(evidence), -1)[:, numbers]


def by_tree(key, evidence, labels, coupling):
    tree = first_tree(SHAPE, len(PALETTE.atoms))
    tree = tree._replace(
        frequencies=jnp.full(len(PALETTE.atoms), coupling / len(PALETTE.atoms)).at[0].add(1 - coupling)
    )
    return draw_atoms(key, of_pixels(evidence), SEEN, SEEN, tree)[0]


def by_field(key, evidence, labels, coupling):
    of_neighbours = couplings(distances(PALETTE.atoms), 1.2, 0.3) * coupling
    field = first_field(labels, len(PALETTE.atoms), learning=False)
    return draw_labels(key, of_pixels(evidence), SEEN, jnp.asarray(of_neighbours), field, 2).labels


def weigh(of_knots, whole_cells):
    return weigh_cells(of_knots, PALETTE) if whole_cells else of_knots[:, : len(PALETTE.atoms)].T


def moments(labels, shares, counts):
    """Quantities in which every label, its neighbours and its place in the cell have a part."""
    first = shares[0].reshape(SHAPE)
    return jnp.stack(
        [
            first.mean(),
            (first**2).mean(),
            (first[1:] * first[:-1]).mean(),
            (labels[:, 1:] == labels[:, :-1]).mean(),
            (labels < 2).mean(),
            counts.sum(axis=1).astype(jnp.float32).std(),
            (counts[:, 0] * counts[:, -1]).mean(),
        ]
    )


@partial(jax.jit, static_argnames=("draw", "whole_cells"))
def before_and_after(key, thickness, draw, coupling, whole_cells):
    def rest(key, labels, of_knots):
        share_key, count_key = jax.random.split(key)
        shares = draw_shares(share_key, of_knots, labels.ravel(), PALETTE)
        rate = thickness * BRIGHT[labels.ravel()][:, None] * (shares.T @ ENDMEMBERS)
        return shares, poisson(count_key, rate, CAPACITY)

    def from_prior(key):
        label_key, rest_key = jax.random.split(key)
        labels = jax.random.randint(label_key, SHAPE, 0, len(PALETTE.atoms))
        for_each = jax.random.split(label_key, ALONE)
        labels, _ = jax.lax.scan(lambda at, k: (draw(k, NOTHING, at, 1.0), None), labels, for_each)
        return labels, *rest(rest_key, labels, jnp.zeros((labels.size, len(PALETTE.knots))))

    def alternate(state, key):
        labels, _, counts = state
        label_key, rest_key = jax.random.split(key)
        of_knots = counts.astype(jnp.float32) @ log_ratios(ENDMEMBERS, PALETTE.knots).T
        of_brightness = counts.sum(axis=1) * jnp.log(BRIGHT)[:, None] - thickness * BRIGHT[:, None]
        evidence = weigh(of_knots, whole_cells) + of_brightness
        labels = draw(label_key, evidence.reshape(-1, *SHAPE), labels, coupling)
        return (labels, *rest(rest_key, labels, of_knots)), None

    def one(key):
        first, second = jax.random.split(key)
        begun = from_prior(first)
        ended, _ = jax.lax.scan(alternate, begun, jax.random.split(second, SWEEPS))
        return moments(*begun), moments(*ended)

    return jax.lax.map(one, jax.random.split(key, N), batch_size=1000)


def largest_z(draw, coupling=1.0, whole_cells=True, thickness=12.0):
    before, after = before_and_after(random_key(0), thickness, draw, coupling, whole_cells)
    change = np.asarray(after, float) - np.asarray(before, float)
    return np.abs(change.mean(axis=0) / (change.std(axis=0) / np.sqrt(N))).max()


@pytest.mark.parametrize("draw", [by_tree, by_field])
@pytest.mark.parametrize("thickness", [12.0, 60.0])
def test_compositions_keep_their_prior(draw, thickness):
    assert largest_z(draw, thickness=thickness) < 4


@pytest.mark.parametrize("draw", [by_tree, by_field])
def test_a_prior_a_little_off_is_found(draw):
    assert largest_z(draw, coupling=0.85) > 5


def test_evidence_of_the_middle_of_cells_is_found():
    assert largest_z(by_field, whole_cells=False, thickness=150.0) > 5
