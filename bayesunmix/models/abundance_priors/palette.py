r"""A pixel is thickness times composition: even regions, common edges for all components, and exact zeros.

.. math:: a_{pk} = t_p B(f_p) f_{pk},

where the composition :math:`f_p` lies in the cell of one atom of a palette (`bayesunmix.engine.composition.atoms`), and
B is the brightness of this atom (`bayesunmix.engine.composition.brightness`). The thickness t has the multiscale prior
of `bayesunmix.engine.multiscale.rates`. Atoms have a spatial prior: an optional-stopping tree
(`bayesunmix.engine.composition.tree`), or a Markov random field that starts from the tree
(`bayesunmix.engine.composition.field`).

A sweep draws the atoms given the thickness, where in their cells the compositions lie
(`bayesunmix.engine.composition.cells`), the thickness given the atoms, and the brightness. Photons are never
assigned to components: the sweep compares the log-likelihoods of whole compositions. Spectra sum to one, so the total
of a pixel says nothing about its spectrum. The total of a pure pixel therefore does not depend on the endmembers.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.composition.atoms import distances, palette
from bayesunmix.engine.composition.brightness import draw_brightness, of_composition
from bayesunmix.engine.composition.cells import draw_shares, weigh_cells
from bayesunmix.engine.composition.field import AtomField, couplings, draw_labels, first_field
from bayesunmix.engine.composition.likelihood import log_likelihoods
from bayesunmix.engine.composition.nodes import AtomTree
from bayesunmix.engine.composition.tree import draw_atoms, first_tree
from bayesunmix.engine.device.events import padded_size
from bayesunmix.engine.multiscale.rates import Pyramid, draw_rates, first_pyramid
from bayesunmix.engine.sampling.gibbs import Events

#: Costs of neighbours that held-out photons may choose among (`bayesunmix.engine.sampling.choice`): for an entirely
#: different composition, and for any other. From one to the next regions become larger and their edges smoother. The
#: first learns how common compositions are, which finds rare phases.
COUPLINGS = ((4.0, 0.4, True), (6.0, 0.2, False), (9.0, 0.1, False), (14.0, 0.05, False), (20.0, 0.0, False))
TREE_SWEEPS, TREE_SWEEPS_OF_LARGE = 24, 8  # of the tree, before the field begins
_LARGE = 2**16  # pixels; they tell the chances of the tree in fewer sweeps
_SWEEPS_IF_EVEN = 6  # in which the brightness supposes an even specimen
FIELD_SWEEPS = 2  # of the labels in one sweep
_NEVER = 2**30  # sweeps
_TINY = 1e-30
_LITTLE = 0.003  # of the mean total of the specimen: vacuum


class Weighed(NamedTuple):
    """Hold what the photons say. Only pixels with photons have columns in the tables, padded by empty ones.

    Attributes
    ----------
    of_knots : (n, N or more) array
        Log-likelihood of each knot in each of these pixels, up to a constant of the pixel.
    of_cells : (M, n) array
        Log-likelihood of the cell of each atom.
    pixels : (n,) int array
        Numbers of these pixels in the image; P in the padding.
    column : (P,) int array
        Column of each pixel; n where there is none.
    totals : (*shape) array
        Photons.
    """

    of_knots: jax.Array
    of_cells: jax.Array
    pixels: jax.Array
    column: jax.Array
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
        Cost of neighbours with these atoms.
    age, field_from : int scalars
        Sweeps that were done, and after how many of them the field begins.
    """

    thickness: jax.Array
    brightness: jax.Array
    pyramid: Pyramid
    tree: AtomTree
    field: AtomField
    coupling: jax.Array
    age: jax.Array
    field_from: jax.Array


@ABUNDANCE_PRIORS.register("palette")
@dataclass(frozen=True)
class Palette:
    """Prior with exact zeros: the composition of each pixel is one of a palette of mixtures.

    Parameters
    ----------
    contrast : float or None
        Cost of a neighbour with an entirely different composition, in units of log-probability. With None, the default,
        the spatial prior is the tree, and no field follows. The tree never sticks where spectra overlap; the field errs
        less where edges lean. Held-out photons tell which (`candidates`).
    change : float
        Cost of a neighbour with any other composition.
    learning : bool
        Whether the field learns how common each composition is.
    """

    # Only `start` reads them, which is not compiled, and what it makes of them is data: so all couplings share code.
    contrast: float | None = field(default=None, compare=False)
    change: float = field(default=0.0, compare=False)
    learning: bool = field(default=False, compare=False)

    def start(self, exposure: jax.Array, maps: jax.Array) -> Composed:
        """Return the totals of the maps as thickness, and components that are all equally bright."""
        n_components = len(maps)
        atoms = palette(n_components).atoms
        coupling = couplings(distances(atoms), self.contrast or 0.0, self.change)
        n_tree = TREE_SWEEPS if exposure.size < _LARGE else TREE_SWEEPS_OF_LARGE
        return Composed(
            maps.sum(axis=0) * exposure,
            jnp.ones(n_components, jnp.float32),
            first_pyramid(exposure.shape, 1),
            first_tree(exposure.shape, len(atoms)),
            first_field(jnp.zeros(exposure.shape, jnp.int32), len(atoms), self.learning),
            jnp.asarray(coupling),
            jnp.zeros((), jnp.int32),
            jnp.asarray(_NEVER if self.contrast is None else n_tree, jnp.int32),
        )

    def renew(self, key: jax.Array, learned: Composed) -> Composed:
        """Move the block grids of the thickness and of the tree."""
        of_pyramid, of_tree = jax.random.split(key)
        return learned._replace(pyramid=learned.pyramid.move(of_pyramid), tree=learned.tree.move(of_tree))

    def weigh(self, events: Events, endmembers: jax.Array) -> Weighed:
        """Compute the log-likelihood of every pixel under every atom."""
        shape, n_pixels = events.exposure.shape, events.exposure.size
        grid = palette(len(endmembers))
        pixels = jnp.arange(padded_size(n_pixels)) if events.occupied is None else events.occupied
        n = pixels.size
        column = jnp.full(n_pixels, n, jnp.int32).at[pixels].set(jnp.arange(n, dtype=jnp.int32), mode="drop")
        of_knots, photons = log_likelihoods(events.photons, events.heavy, endmembers, grid.knots, column, n)
        totals = jnp.zeros(n_pixels).at[pixels].set(photons, mode="drop").reshape(shape)
        return Weighed(of_knots, weigh_cells(of_knots, grid), pixels, column, totals)

    def draw(
        self, key: jax.Array, counts: Weighed, exposure: jax.Array, learned: Composed
    ) -> tuple[jax.Array, Composed]:
        """Draw compositions, then thicknesses, then brightnesses."""
        label_key, share_key, thickness_key, brightness_key = jax.random.split(key, 4)
        grid = palette(len(learned.brightness))
        bright = of_composition(jnp.asarray(grid.atoms, jnp.float32), learned.brightness)
        learned = _draw_labels(label_key, counts, bright, exposure, learned)
        labels = learned.field.labels
        # Where there are no photons, nothing tells the place in the cell: the middle stands for it.
        shares = jnp.asarray(grid.atoms.T, jnp.float32)[:, labels.ravel()]
        told = draw_shares(share_key, counts.of_knots, labels.ravel()[counts.pixels], grid)
        shares = shares.at[:, counts.pixels].set(told, mode="drop")
        lit = bright[labels] * exposure
        totals, pyramid = draw_rates(thickness_key, counts.totals[None], lit, learned.pyramid)
        is_first = learned.age < _SWEEPS_IF_EVEN
        thickness = totals[0] / jnp.maximum(lit, _TINY)
        brightness = draw_brightness(
            brightness_key, shares, counts.totals.ravel(), thickness.ravel(), learned.brightness, is_first
        )
        # The first brightnesses do not follow from the thickness, which must then follow them: totals stay.
        again = of_composition(jnp.asarray(grid.atoms, jnp.float32), brightness)[labels] * exposure
        thickness = jnp.where(is_first, totals[0] / jnp.maximum(again, _TINY), thickness)
        learned = learned._replace(
            thickness=thickness, brightness=brightness, pyramid=pyramid, age=learned.age + 1
        )
        return totals * shares.reshape(-1, *exposure.shape), learned


def candidates() -> dict[str, Palette]:
    """Return the tree and the field with each of `COUPLINGS`, by a name."""
    fields = {f"palette (field {coupling[0]:g})": Palette(*coupling) for coupling in COUPLINGS}
    return {"palette (tree)": Palette(None), **fields}


def _draw_labels(
    key: jax.Array, counts: Weighed, bright: jax.Array, exposure: jax.Array, learned: Composed
) -> Composed:
    totals, thickness = counts.totals.ravel(), learned.thickness.ravel()

    def evidence(pixels: jax.Array) -> jax.Array:
        of_cells = counts.of_cells.at[:, counts.column[pixels]].get(mode="fill", fill_value=0)
        return of_cells + totals[pixels] * jnp.log(bright)[:, None] - thickness[pixels] * bright[:, None]

    def by_tree(learned: Composed) -> Composed:
        labels, tree = draw_atoms(key, evidence, exposure > 0, counts.totals > 0, learned.tree)
        return learned._replace(tree=tree, field=learned.field._replace(labels=labels))

    def by_field(learned: Composed) -> Composed:
        mean = (learned.thickness**2).sum() / jnp.maximum(learned.thickness.sum(), _TINY)
        seen = (exposure > 0) & (learned.thickness > _LITTLE * mean)
        return learned._replace(
            field=draw_labels(key, evidence, seen, learned.coupling, learned.field, FIELD_SWEEPS)
        )

    return jax.lax.cond(learned.age < learned.field_from, by_tree, by_field, learned)
