r"""Lines and continuum explain the spectra where they can, and any deviation from them is found where they cannot.

.. math:: e_k \sim \mathrm{PolyaTree}(T_k), \qquad T_k = (1 - c_k) \sum_j w_{kj} F_j(\theta) + c_k \sum_m v_m C_m

The template T_k has the line families F of all elements that the sum spectrum shows, whichever component has them, a
line at each further peak of it (`bayesunmix.spectra.separate_lines`), and a continuum of smooth curves C (`phases` has
the same, and must know who owns what). Offset and gain of the energy axis and the width of the peaks, theta, are drawn.
Deviations are a tree of splits of channels (`bayesunmix.engine.multiscale.centred`): its splits are exactly those of
the template where the counts do not object, and free around a line that only few counts show, has another shape, or
stands elsewhere.

The deviations are integrated out where the template is drawn. It is proposed as if there were none, by drawing whether
each photon is from a family or a curve, and accepted by how likely the counts are under the tree (Metropolis-Hastings).
Proposals use channels summed to half a peak, and all of the photons or a part of them, which makes longer steps: where
the template is wrong, the counts say less about it than they seem to, and a chain of short steps would get stuck.

Where there are no X-ray lines, or chains do not agree, endmembers are drawn as by `smooth`, with a warning.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.engine.device.events import LEAST_RATE
from bayesunmix.engine.multiscale.centred import Weighed, draw_spectra, log_evidence, weigh
from bayesunmix.engine.multiscale.pyramid import Tree
from bayesunmix.engine.multiscale.rates import Pyramid, first_pyramid
from bayesunmix.models.endmember_models._any_spectrum import draw_anywhere, start_anywhere
from bayesunmix.models.endmember_models._dictionary import (
    LEAST_SHARE,
    Calibrated,
    CalibratedShares,
    dictionary,
    moved_calibration,
    redraw,
    spectra_of,
)
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.recognition import Recognised, recognise, require_symbols
from bayesunmix.spectra.separate_lines import separate_lines

_COARSE_KEV = 0.05  # channels are summed to about this width for proposals
_PARTS = (1.0, 0.25, 0.06)  # of the photons, for proposals
_KINDS = (0.5, 0.2, 0.3)  # of proposals: lines of each component, continuum of all, calibration of all
_FIT_STEPS = 100
# Concentration of the curves of the continuum. They overlap, and are nearly even where a specimen is thin: a
# concentration below 1 would prefer bumps, with some curves at 0.
_SMOOTH = 2.0


class Deviating(NamedTuple):
    """Hold the fractions of the template, and what is learned of deviations from it."""

    shares: CalibratedShares
    pyramid: Pyramid


class Known(NamedTuple):
    """Hold the line families and the continuum, channel by channel and for sums of channels; `group` numbers them."""

    fine: Calibrated
    coarse: Calibrated
    group: Array


@ENDMEMBER_MODELS.register("template")
@dataclass(frozen=True)
class Template:
    """Lines of the elements seen, a continuum, and deviations from them where the counts ask for them.

    Parameters
    ----------
    elements : tuple of str, optional
        Chemical symbols. Where not given: those that the sum spectrum shows beyond doubt.
    concentration : float
        Dirichlet concentration of every fraction.
    """

    instead: ClassVar[str] = "smooth"
    elements: tuple[str, ...] | None = None
    concentration: float = 0.5

    def __post_init__(self) -> None:
        require_positive(self)
        if self.elements is not None:
            require_symbols("elements", self.elements)

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Find the elements, and fit their lines and a continuum to the sum spectrum."""
        if n_components is None:
            raise ValueError(f"n_components must be given for endmembers with a template; {ASK_RANK}")
        if not image.spectral_axis.is_xray:
            return _without_lines(n_components, f"the axis of this image is {image.spectral_axis.label}")
        if image.n_channels < 2:
            return _without_lines(n_components, "there is a single channel")
        found = recognise(image.energy_kev, image.sum_spectrum(), self.elements)
        if not found.model.names:
            return _without_lines(n_components, "no element was recognised in the sum spectrum")
        return Prepared(None, n_components, _known(found, image, n_components), found.warnings)

    def start(
        self, given: Known | tuple[()], endmembers: np.ndarray | None
    ) -> tuple[Array, Deviating | Pyramid]:
        """Return the point estimate, and the fractions that fit it best."""
        begun, free = start_anywhere(endmembers, "template")
        if isinstance(given, Known):
            return begun, Deviating(
                _fitted(given.fine, np.asarray(endmembers)), first_pyramid(begun.shape[1:], len(begun))
            )
        return begun, free

    def renew(self, key: Array, learned: Deviating | Pyramid) -> Deviating | Pyramid:
        """Move the blocks of channels."""
        if isinstance(learned, Deviating):
            return learned._replace(pyramid=learned.pyramid.move(key))
        return learned.move(key)

    def draw(
        self, key: Array, counts: Array, given: Known | tuple[()], learned: Deviating | Pyramid
    ) -> tuple[Array, Deviating | Pyramid]:
        """Draw templates, then spectra about them."""
        if not (isinstance(given, Known) and isinstance(learned, Deviating)):
            assert isinstance(learned, Pyramid)
            return draw_anywhere(key, counts, learned)
        template_key, tree_key = jax.random.split(key)
        counts = counts.astype(jnp.float32)
        tree = Tree(counts.shape[1:], learned.pyramid.offsets)
        shares, weighed = self._draw_template(template_key, tree, counts, given, learned)
        spectra, pyramid = draw_spectra(tree_key, tree, weighed, learned.pyramid)
        return spectra, Deviating(shares, pyramid)

    def _draw_template(
        self, key: Array, tree: Tree, counts: Array, given: Known, learned: Deviating
    ) -> tuple[CalibratedShares, Weighed]:
        """Propose other lines for each component, another continuum or another calibration, and accept or refuse."""
        kind_key, part_key, draw_key, move_key, accept_key = jax.random.split(key, 5)
        shares, n_components = learned.shares, len(counts)
        kind = jax.random.categorical(kind_key, jnp.log(jnp.asarray(_KINDS)))
        some = _some(part_key, counts, given)
        drawn = redraw(draw_key, some, given.coarse, shares, self.concentration, _SMOOTH)
        moved, prior = moved_calibration(move_key, given.fine, shares)
        chosen = jnp.arange(len(_KINDS)) == kind
        of_lines, of_continuum, of_axis = chosen
        proposed = CalibratedShares(
            jnp.where(of_lines, drawn.families, shares.families),
            jnp.where(of_lines, drawn.continuum, shares.continuum),
            jnp.where(of_continuum, drawn.curves, shares.curves),
            jnp.where(of_axis, moved.calibration, shares.calibration),
        )
        proposed = jax.lax.optimization_barrier(proposed)
        templates = jnp.concatenate([_template(given.fine, of) for of in (shares, proposed)])
        templates = jax.lax.optimization_barrier(templates)
        weighed = weigh(tree, jnp.tile(counts, (2, 1)), templates)
        evidence = log_evidence(tree, weighed, _twice(learned.pyramid))
        # What a proposal took for the likelihood must not count.
        logs = (jnp.log(_template(given.coarse, of)) for of in (shares, proposed))
        taken = (some * jnp.subtract(*logs)).sum(axis=1)
        ratio = evidence[n_components:] - evidence[:n_components] + jnp.where(of_axis, 0, taken)
        log_u = jnp.log(jax.random.uniform(accept_key, (n_components,)))
        together = log_u[0] < ratio.sum() + jnp.where(of_axis, prior, 0)
        accepted = jnp.where(of_lines, log_u < ratio, together)
        mine = accepted[:, None]
        kept = CalibratedShares(
            jnp.where(mine, proposed.families, shares.families),
            jnp.where(mine, proposed.continuum, shares.continuum),
            jnp.where(together, proposed.curves, shares.curves),
            jnp.where(together, proposed.calibration, shares.calibration),
        )

        def of_kept(both: Array) -> Array:
            return jnp.where(
                accepted.reshape(-1, *[1] * (both.ndim - 1)), both[n_components:], both[:n_components]
            )

        return kept, jax.lax.optimization_barrier(jax.tree.map(of_kept, weighed))


def _some(key: Array, counts: Array, given: Known) -> Array:
    """Sum channels, and keep all photons of a component or a part of them."""
    part_key, round_key = jax.random.split(key)
    summed = jax.ops.segment_sum(counts.T, given.group, given.coarse.curves.shape[1]).T
    part = jax.random.choice(part_key, jnp.asarray(_PARTS), (len(counts), 1))
    return jnp.floor(part * summed + jax.random.uniform(round_key, summed.shape))


def _twice(pyramid: Pyramid) -> Pyramid:
    """Repeat what is learned of each component, for two templates of each."""
    weights, moves = (jnp.tile(cast(Array, part), (2, 1, 1, 1)) for part in pyramid[:2])
    return pyramid._replace(log_weights=weights, log_moves=moves)


def _template(given: Calibrated, shares: CalibratedShares) -> Array:
    return jnp.maximum(spectra_of(given, shares), LEAST_RATE)


def _without_lines(n_components: int, reason: str) -> Prepared:
    sentence = (
        f"There is no template of X-ray lines, because {reason}. "
        "Endmembers are drawn as with endmember_model='smooth'."
    )
    return Prepared(None, n_components, (), [sentence])


def _known(found: Recognised, image: SpectrumImage, n_components: int) -> Known:
    """Let every component have every family."""
    found = separate_lines(image.energy_kev, image.sum_spectrum(), found)
    fine = dictionary(found, image, np.ones((n_components, len(found.model.names)), bool))
    together = max(round(_COARSE_KEV / channel_width(image.energy_kev)), 1)
    group = jnp.arange(image.n_channels) // together
    n_groups = -(-image.n_channels // together)

    def summed(curves: Array) -> Array:
        return jnp.moveaxis(jax.ops.segment_sum(jnp.moveaxis(curves, -1, 0), group, n_groups), 0, -1)

    families = summed(fine.families)
    moves = fine.moves._replace(
        slopes=summed(fine.families * fine.moves.slopes) / jnp.maximum(families, LEAST_RATE),
        tail=summed(fine.moves.tail),
    )
    coarse = fine._replace(families=families, curves=summed(fine.curves), moves=moves)
    return Known(fine, coarse, group)


def _fitted(given: Calibrated, endmembers: np.ndarray) -> CalibratedShares:
    """Fit lines and continuum to spectra (K, C) by expectation maximisation."""
    families, curves = np.asarray(given.families[0], np.float64), np.asarray(given.curves, np.float64)
    rows = np.concatenate([families, curves])
    spectra = endmembers / endmembers.sum(axis=1, keepdims=True)
    weights = np.full((len(spectra), len(rows)), 1 / len(rows))
    for _ in range(_FIT_STEPS):
        weights *= (spectra / np.maximum(weights @ rows, 1e-30)) @ rows.T
        weights /= weights.sum(axis=1, keepdims=True)
    weights += LEAST_SHARE
    in_lines, in_curves = np.split(weights, [len(families)], axis=1)
    parts = np.stack([in_lines.sum(axis=1), in_curves.sum(axis=1)], axis=1)

    def normal(of: np.ndarray) -> Array:
        return jnp.asarray(of / of.sum(axis=1, keepdims=True), jnp.float32)

    return CalibratedShares(
        normal(in_lines), normal(parts), normal(in_curves.sum(axis=0)[None]), given.start.calibration
    )
