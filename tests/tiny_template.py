"""The endmember model `template` on twelve channels: parameters from its prior, in plain NumPy, and its own draws."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.engine.multiscale.pyramid import levels_of
from bayesunmix.engine.multiscale.rates import Pyramid, first_pyramid
from bayesunmix.engine.multiscale.splits import SHAPES
from bayesunmix.models.endmember_models._dictionary import Calibrated, CalibratedShares, Moves
from bayesunmix.models.endmember_models.template import _SMOOTH, Deviating, Known, Template

N_CHANNELS, N_COMPONENTS, TOGETHER = 12, 2, 2
CONCENTRATION = 0.8
LEVELS = levels_of((N_CHANNELS,))
OFFSETS = np.array([1, 0, 1, 0, 0])
# States and moves that all differ, so weak that faults show in what a few nodes learn.
PRIOR_WEIGHTS = ((6.0, 0.3, 0.2, 0.5, 1.0), (0.4, 3.0, 0.5, 0.3, 0.4))
PRIOR_MOVES = ((4.0, 0.5), (1.0, 1.5))


class Truth(NamedTuple):
    """Hold n draws from the prior: spectra (n, K, C), fractions, weights and moves of the tree."""

    spectra: np.ndarray
    shares: CalibratedShares
    weights: np.ndarray
    moves: np.ndarray


@cache
def known() -> Known:
    """Two families, one with a shoulder, on two curves; the calibration bends and shifts them."""
    kev = np.arange(N_CHANNELS, dtype=float)

    def peak(at: float, width: float) -> np.ndarray:
        return np.exp(-0.5 * ((kev - at) / width) ** 2) + 1e-4

    families = np.stack([peak(3, 1.0) + 0.3 * peak(6, 1), peak(8, 1.2)])
    families /= families.sum(axis=1, keepdims=True)
    curves = np.stack([1 / (kev + 2), np.full(N_CHANNELS, 1.0)])
    curves /= curves.sum(axis=1, keepdims=True)
    slopes = np.stack([0.1 * (i + 1) * np.sin(kev / (i + 2) + np.arange(2)[:, None]) for i in range(4)])
    tail = 0.05 * (np.roll(families, -1, axis=1) - families)
    single = lambda array: jnp.asarray(array, jnp.float32)  # noqa: E731
    bounds = (np.array([0, 0.3, -0.2, 0, 0.4]), np.full(5, -2.0), np.full(5, 2.5))
    moves = Moves(single(slopes)[:, None], single(tail)[None], *map(single, bounds), single(0.6 * np.eye(5)))
    start = CalibratedShares(
        jnp.full((N_COMPONENTS, 2), 0.5),
        jnp.full((N_COMPONENTS, 2), 0.5),
        jnp.full((1, 2), 0.5),
        jnp.zeros(5),
    )
    fine = Calibrated(single(families)[None], jnp.ones((N_COMPONENTS, 2), bool), single(curves), start, moves)
    summed = lambda array: array.reshape(*array.shape[:-1], -1, TOGETHER).sum(axis=-1)  # noqa: E731
    coarse = fine._replace(
        families=summed(fine.families),
        curves=summed(fine.curves),
        moves=moves._replace(
            slopes=summed(fine.families * moves.slopes) / summed(fine.families), tail=summed(moves.tail)
        ),
    )
    return Known(fine, coarse, jnp.arange(N_CHANNELS) // TOGETHER)


def template_of(shares: CalibratedShares) -> np.ndarray:
    """Mix families and curves, slowly and obviously: (n, K, C)."""
    given = known().fine
    families, curves = np.asarray(given.families[0], float), np.asarray(given.curves, float)
    slopes, tail = np.asarray(given.moves.slopes[:, 0], float), np.asarray(given.moves.tail[0], float)
    spectra = []
    for w, b, v, theta in zip(*(np.asarray(part, float) for part in shares), strict=True):
        moved = np.maximum(families + theta[4] * tail, 0) * np.exp(
            sum(theta[i] * slopes[i] for i in range(4))
        )
        moved /= moved.sum(axis=1, keepdims=True)
        spectra.append([b[k, 0] * w[k] @ moved + b[k, 1] * v[0] @ curves for k in range(N_COMPONENTS)])
    return np.array(spectra)


def shares_from_prior(
    rng: np.random.Generator, n: int, concentration: float = CONCENTRATION, of_curves: float = CONCENTRATION
) -> CalibratedShares:
    """Draw fractions from their Dirichlet priors, and the calibration from its normal one within its limits."""
    moves = known().fine.moves
    theta = np.empty((0, 5))
    while len(theta) < n:
        drawn = np.asarray(moves.centre) + rng.normal(size=(4 * n, 5))
        inside = ((drawn >= np.asarray(moves.least)) & (drawn <= np.asarray(moves.most))).all(axis=1)
        theta = np.concatenate([theta, drawn[inside]])
    two = [concentration] * 2
    of_phases = (n, N_COMPONENTS)
    return CalibratedShares(
        rng.dirichlet(two, of_phases),
        rng.dirichlet(two, of_phases),
        rng.dirichlet([of_curves] * 2, (n, 1)),
        theta[:n],
    )


def from_prior(rng: np.random.Generator, n: int, concentration: float = CONCENTRATION) -> Truth:
    """Draw everything from the prior."""
    shares = shares_from_prior(rng, n, concentration, _SMOOTH)
    rows = (n, N_COMPONENTS, len(LEVELS))
    weights = np.stack([rng.dirichlet(row, rows) for row in PRIOR_WEIGHTS], axis=-2)
    moves = np.stack([rng.dirichlet(row, rows) for row in PRIOR_MOVES], axis=-2)
    flat = (part.reshape(n * N_COMPONENTS, *part.shape[2:]) for part in (template_of(shares), weights, moves))
    spectra = tree_draws(rng, *flat).reshape(n, N_COMPONENTS, N_CHANNELS)
    return Truth(spectra, shares, weights, moves)


def places(
    offsets: np.ndarray = OFFSETS, n_channels: int = N_CHANNELS
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the node and the half of it that each cell of the level below belongs to, finest level first."""
    found, n = [], n_channels
    for level, offset in zip(levels_of((n_channels,)), offsets, strict=True):
        half = np.arange(n) + (offset if level.pairs > 1 else 0)
        found.append((half // 2, half % 2))
        n = level.pairs
    return found


def halves(cells: np.ndarray, place: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Sum cells (m, n) into the halves of nodes, (m, nodes, 2)."""
    sums = np.zeros((len(cells), place.max() + 1, 2))
    for i in range(cells.shape[1]):
        sums[:, place[i], half[i]] += cells[:, i]
    return sums


def tree_draws(
    rng: np.random.Generator, template: np.ndarray, weights: np.ndarray, moves: np.ndarray
) -> np.ndarray:
    """Draw (m, C) spectra about templates (m, C), one node after the other from the top."""
    m, levels, cells = len(template), [], template
    for place, half in places():
        sums = halves(cells, place, half)
        levels.append((place, half, sums))
        cells = sums.sum(axis=2)
    rates, state, every = np.ones((m, 1)), rng.integers(0, 2, (m, 1)), np.arange(m)
    for number in reversed(range(len(levels))):
        place, half, sums = levels[number]
        share = np.empty(sums.shape)
        for node in range(sums.shape[1]):
            own = weights[every, number, state[:, node]]
            kind = (rng.random((m, 1)) > own.cumsum(axis=1)[:, :-1]).sum(axis=1)
            w = sums[:, node, 0] / np.maximum(sums[:, node].sum(axis=1), 1e-300)
            real = (sums[:, node] > 0).all(axis=1)
            strength = 2 * np.array([1.0, *SHAPES])[kind]
            drawn = rng.beta(*np.maximum([strength * w, strength * (1 - w)], 1e-9))
            share[:, node, 0] = np.where((kind == 0) | ~real, w, drawn)
        share[..., 1] = 1 - share[..., 0]
        rates = (rates[..., None] * share)[:, place, half]
        if number:
            chance = moves[every[:, None], number - 1, state, 1][:, place]
            state = (rng.random(chance.shape) < chance).astype(int)
    return rates


def learned_of(truth: Truth) -> Deviating:
    """Hand the state of n chains to the model."""
    n = len(truth.spectra)
    pyramid = Pyramid(
        jnp.log(jnp.asarray(truth.weights, jnp.float32)),
        jnp.log(jnp.asarray(truth.moves, jnp.float32)),
        jnp.tile(jnp.asarray(OFFSETS, jnp.int32), (n, 1)),
        jnp.tile(jnp.asarray(PRIOR_WEIGHTS), (n, 1, 1)),
        jnp.tile(jnp.asarray(PRIOR_MOVES), (n, 1, 1)),
    )
    assert first_pyramid((N_CHANNELS,), N_COMPONENTS).log_weights.shape == pyramid.log_weights.shape[1:]
    return Deviating(CalibratedShares(*(jnp.asarray(part, jnp.float32) for part in truth.shares)), pyramid)


def drawing(concentration: float = CONCENTRATION):
    """Return the model's draw for n chains side by side: keys, counts (n, K, C) and what they have learned."""
    model = Template(concentration=concentration)
    return jax.vmap(lambda key, counts, learned: model.draw(key, counts, known(), learned))
