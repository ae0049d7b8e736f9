r"""A pixel is thickness times composition: even regions, common edges for all components, and exact zeros.

.. math:: a_{pk} = t_p B(f_p) f_{pk},

where the composition :math:`f_p` is one of the atoms of a palette (`bayesunmix.engine.composition.atoms`), and B is its
brightness (`bayesunmix.engine.composition.brightness`). The thickness t has the multiscale prior of
`bayesunmix.engine.multiscale.rates`. Atoms have a spatial prior: an optional-stopping tree
(`bayesunmix.engine.composition.tree`), or a Markov random field that starts from the tree
(`bayesunmix.engine.composition.field`).

A sweep draws the atoms given the thickness, the thickness given the atoms, and the brightness. Photons are never
assigned to components: the sweep compares the log-likelihoods of whole compositions. Spectra sum to one, so the total
of a pixel says nothing about its spectrum. The total of a pure pixel therefore does not depend on the endmembers.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.composition.atoms import distances, palette
from bayesunmix.engine.composition.brightness import draw_brightness, of_composition
from bayesunmix.engine.composition.field import AtomField, couplings, draw_labels, first_field
from bayesunmix.engine.composition.likelihood import log_likelihoods, photons_of
from bayesunmix.engine.composition.tree import AtomTree, draw_atoms, first_tree
from bayesunmix.engine.multiscale.rates import Pyramid, draw_rates, first_pyramid
from bayesunmix.engine.sampling.gibbs import Events

TREE_SWEEPS = 24  # of the tree, before the field begins
LADDER = ((4.0, 0.4), (6.0, 0.2), (9.0, 0.1), (14.0, 0.05), (20.0, 0.0))  # couplings to choose from
FIELD_SWEEPS = 2  # of the labels in one sweep
_LITTLE = 0.003  # of the mean total of the specimen: vacuum


class Weighed(NamedTuple):
    """Hold what the photons say: the log-likelihood of every atom, (M, *shape), and the totals, (*shape)."""

    log_likelihoods: jax.Array
    totals: jax.Array


class Composed(NamedTuple):
    """Hold the state of the compositions, thicknesses and brightnesses.

    Attributes
    ----------
    thickness : (*shape) array
    brightness : (K,) array
    pyramid : Pyramid
        Prior of the thickness.
    tree : AtomTree
    field : AtomField
    coupling : (M, M) array
        What atoms of neighbours cost each other.
    tree_sweeps : int scalar
        Sweeps of the tree, before the field begins.
    age : int scalar
        Sweeps done.
    """

    thickness: jax.Array
    brightness: jax.Array
    pyramid: Pyramid
    tree: AtomTree
    field: AtomField
    coupling: jax.Array
    tree_sweeps: jax.Array
    age: jax.Array


@ABUNDANCE_PRIORS.register("palette")
@dataclass(frozen=True)
class Palette:
    """Prior with exact zeros: the composition of each pixel is one of a palette of mixtures.

    Parameters
    ----------
    contrast : float or None
        Cost of a neighbour with an entirely different composition, in units of log-probability. With None the spatial
        prior is the tree, and no field follows.
    change : float
        Cost of a neighbour with any other composition.
    """

    # They are a part of what is learned, so that one compiled sampler does for all.
    contrast: float | None = field(default=9.0, compare=False)
    change: float = field(default=0.1, compare=False)

    def start(self, exposure: jax.Array, maps: jax.Array) -> Composed:
        """Return the totals of the maps as thickness, and components that are all equally bright."""
        n_components = len(maps)
        n_atoms = len(palette(n_components))
        coupling = couplings(distances(palette(n_components)), self.contrast or 0.0, self.change)
        tree_sweeps = TREE_SWEEPS if self.contrast is not None else np.iinfo(np.int32).max
        return Composed(
            maps.sum(axis=0) * exposure,
            jnp.ones(n_components, jnp.float32),
            first_pyramid(exposure.shape, 1),
            first_tree(exposure.shape, n_atoms),
            first_field(jnp.zeros(exposure.shape, jnp.int32), n_atoms),
            jnp.asarray(coupling),
            jnp.asarray(tree_sweeps, jnp.int32),
            jnp.zeros((), jnp.int32),
        )

    def renew(self, key: jax.Array, learned: Composed) -> Composed:
        """Move the block grids of the thickness and of the tree."""
        of_pyramid, of_tree = jax.random.split(key)
        return learned._replace(pyramid=learned.pyramid.move(of_pyramid), tree=learned.tree.move(of_tree))

    def weigh(self, events: Events, endmembers: jax.Array) -> Weighed:
        """Compute the log-likelihood of every pixel under every atom."""
        shape, atoms = events.exposure.shape, palette(len(endmembers))
        n_pixels = events.exposure.size
        found = log_likelihoods(events.photons, events.heavy, endmembers, atoms, n_pixels)
        totals = photons_of(events.photons, events.heavy, n_pixels)
        return Weighed(found.reshape(-1, *shape), totals.reshape(shape))

    def draw(
        self, key: jax.Array, counts: Weighed, exposure: jax.Array, learned: Composed
    ) -> tuple[jax.Array, Composed]:
        """Draw compositions, then thicknesses, then brightnesses."""
        label_key, thickness_key, brightness_key = jax.random.split(key, 3)
        atoms = jnp.asarray(palette(len(learned.brightness)), jnp.float32)
        bright = of_composition(atoms, learned.brightness)
        of_atom = bright.reshape(-1, *(1,) * exposure.ndim)
        evidence = counts.log_likelihoods + counts.totals * jnp.log(of_atom) - learned.thickness * of_atom
        learned = self._draw_labels(label_key, evidence, exposure, learned)
        labels = learned.field.labels
        lit = bright[labels] * exposure
        totals, pyramid = draw_rates(thickness_key, counts.totals[None], lit, learned.pyramid)
        shares = atoms[labels.ravel()].T
        brightness = draw_brightness(brightness_key, shares, totals.ravel(), learned.brightness)
        learned = learned._replace(
            thickness=totals[0] / jnp.maximum(lit, 1e-30),
            brightness=brightness,
            pyramid=pyramid,
            age=learned.age + 1,
        )
        return totals * shares.reshape(-1, *exposure.shape), learned

    def _draw_labels(
        self, key: jax.Array, evidence: jax.Array, exposure: jax.Array, learned: Composed
    ) -> Composed:
        def by_tree(learned: Composed) -> Composed:
            labels, tree = draw_atoms(key, evidence, exposure, learned.tree)
            return learned._replace(tree=tree, field=learned.field._replace(labels=labels))

        def by_field(learned: Composed) -> Composed:
            mean = (learned.thickness**2).sum() / jnp.maximum(learned.thickness.sum(), 1e-30)
            seen = (exposure > 0) & (learned.thickness > _LITTLE * mean)
            return learned._replace(
                field=draw_labels(key, evidence, seen, learned.coupling, learned.field, FIELD_SWEEPS)
            )

        return jax.lax.cond(learned.age < learned.tree_sweeps, by_tree, by_field, learned)
