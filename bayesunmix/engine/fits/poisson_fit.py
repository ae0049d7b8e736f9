r"""Fit the abundances of given endmembers: the Poisson maximum likelihood of every pixel, with its standard error.

For counts x of a pixel and endmembers E, minimise over :math:`a \ge 0`

.. math:: f(a) = \sum_c (a E)_c - x_c \log (a E)_c .

EM needs thousands of steps where endmembers overlap, and Newton's method about ten. Each step minimises the quadratic
model of f over :math:`a + d \ge 0` and moves by :math:`\alpha d, \; \alpha = 1 / (1 + r)`, where r is the largest
fraction by which d lowers an expected count. As :math:`a + d \ge 0`, r is at most 1. This step length always lowers f,
because f is self-concordant: along d its curvature grows no faster than :math:`(1 - \alpha r)^{-2}` [1]_.

The standard error of an abundance is the square root of the diagonal of the inverse Fisher information
:math:`F_{kl} = \sum_c e_{kc} e_{lc} / (a E)_c`. It contains counting noise alone, the endmembers taken as known.

References
----------
.. [1] Q. Tran-Dinh, A. Kyrillidis and V. Cevher, "Composite self-concordant minimization", J. Mach. Learn. Res. 16,
   371 (2015): proximal Newton for Poisson likelihoods, with a step length from the Newton decrement.
"""

import math
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import occupied, padded_size
from bayesunmix.running.progress import track

DENSE_ENTRIES = 2**21  # entries of the dense counts at a time: 8 MiB
NEGLIGIBLE = 1e-9  # fraction of an endmember's largest channel: smaller channels are set to zero
LEAST_SQUARABLE = 1e-15  # its square is inside the range of float32
ROUNDS = 10
NEWTON_RIDGE = 1e-6  # added to a unit diagonal: there may be fewer counts than endmembers
DECREMENT = 1e-4  # squared Newton decrement: every estimate is within a hundredth of a standard error


def fit_abundances(image: SpectrumImage, endmembers: np.ndarray, max_iterations: int = 100) -> np.ndarray:
    """Fit the abundances of every pixel by itself.

    Parameters
    ----------
    image : SpectrumImage
        P pixels x C channels. Channels in which every endmember is zero are ignored.
    endmembers : (K, C) array
        Not negative, none of them empty.
    max_iterations : int
        Newton steps; about ten are usual.

    Returns
    -------
    abundances : (P, K) float64 array
        In units of the endmembers: expected counts where these sum to one. 0 in pixels without counts.

    Raises
    ------
    ValueError
        If the endmembers do not fit the image, or are not spectra.
    """
    endmembers = _validated(endmembers, image.n_channels)
    pixels = occupied(image)
    spectra = jnp.asarray(endmembers, jnp.float32)
    fitted = np.zeros((pixels.pixels.size, len(endmembers)))
    for rows in _blocks(pixels.pixels.size, image.n_channels, "fitting pixels"):
        counts = np.zeros((rows.stop - rows.start, image.n_channels), np.float32)
        block = pixels.counts[rows].toarray()
        counts[: len(block)] = block
        found = _fit(jnp.asarray(counts), spectra, max_iterations)
        fitted[rows] = np.asarray(found, np.float64).T[: len(block)]
    abundances = np.zeros((image.n_pixels, len(endmembers)))
    abundances[pixels.pixels] = fitted
    return abundances


def standard_errors(
    endmembers: np.ndarray, abundances: np.ndarray, sums: np.ndarray | None = None
) -> np.ndarray:
    """Return the counting error of abundances, or of sums of them, from the Fisher information at the estimate.

    Half a count of the mean composition is added to every pixel first, because an estimate of 0 counts has an error
    too.

    Parameters
    ----------
    endmembers : (K, C) array
    abundances : (P, K) array
        What `fit_abundances` returned.
    sums : (J, K) array, optional
        Weights of the abundances in each sum. Without it, the errors of the abundances are returned.

    Returns
    -------
    sd : (P, J) float64 array
        Very large, not infinite, where endmembers cannot be distinguished.

    Raises
    ------
    ValueError
        If the endmembers are not spectra.
    """
    endmembers = _validated(endmembers, endmembers.shape[1])
    sums = np.eye(len(endmembers)) if sums is None else sums
    sd = np.empty((len(abundances), len(sums)))
    for rows, matrices in information(endmembers, with_half_a_count(endmembers, abundances)):
        sd[rows] = _sd_of_sums(matrices, sums)
    return sd


def with_half_a_count(endmembers: np.ndarray, abundances: np.ndarray) -> np.ndarray:
    """Add half a count of the mean composition to every pixel, (P, K)."""
    mean = abundances.mean(axis=0)
    return abundances + 0.5 * mean / max(mean @ endmembers.sum(axis=1), LEAST_SQUARABLE)


def information(endmembers: np.ndarray, abundances: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (rows, (B, K, K) Fisher information of their abundances), a block of pixels at a time."""
    n_components, n_channels = endmembers.shape
    products = (endmembers[:, None] * endmembers).reshape(-1, n_channels)
    for rows in _blocks(len(abundances), n_channels, "standard errors"):
        rate = abundances[rows] @ endmembers
        weight = np.where(rate > 0, 1 / np.maximum(rate, LEAST_SQUARABLE), 0)
        yield rows, (weight @ products.T).reshape(-1, n_components, n_components)


def _validated(endmembers: np.ndarray, n_channels: int) -> np.ndarray:
    endmembers = np.asarray(endmembers, np.float64)
    good = endmembers.ndim == 2 and endmembers.shape[1] == n_channels and np.isfinite(endmembers).all()
    if not good or (endmembers < 0).any() or not (endmembers.sum(axis=1) > 0).all():
        raise ValueError(
            f"endmembers must be (K, {n_channels}) spectra without negative values, none of them empty, "
            f"got an array of shape {endmembers.shape}; leave out or clip what is not a spectrum"
        )
    return np.where(endmembers < NEGLIGIBLE * endmembers.max(axis=1, keepdims=True), 0, endmembers)


def _blocks(n_pixels: int, n_channels: int, label: str) -> Iterator[slice]:
    """Yield slices of one length, which share compiled code; the last may reach beyond the end."""
    step = min(padded_size(n_pixels), max(DENSE_ENTRIES // n_channels, 1))
    for start in track(range(0, n_pixels, step), label):
        yield slice(start, start + step)


@partial(jax.jit, static_argnames="max_iterations")
def _fit(counts: jax.Array, endmembers: jax.Array, max_iterations: int) -> jax.Array:
    """Fit the abundances (K, B) of dense counts (B, C)."""
    counts = jnp.where(endmembers.max(axis=0) > 0, counts, 0)
    n_components = len(endmembers)
    upper = jnp.triu_indices(n_components)
    products = endmembers[upper[0]] * endmembers[upper[1]]
    place = jnp.zeros((n_components, n_components), jnp.int32).at[upper].set(jnp.arange(len(products)))
    place = jnp.maximum(place, place.T)
    size = endmembers.sum(axis=1)

    def step(state: tuple) -> tuple:
        abundances, _, iteration = state
        rate = jnp.maximum(_product(abundances.T, endmembers), LEAST_SQUARABLE)
        ratio = counts / rate
        gradient = size[:, None] - _product(endmembers, ratio.T)
        hessian = _product(products, (ratio / rate).T)[place]
        change = _constrained_newton(abundances, gradient, hessian)
        lowered = jnp.max(jnp.where(counts > 0, -_product(change.T, endmembers) / rate, 0), axis=1)
        curvature = jnp.einsum("kb,klb,lb->b", change, hessian, change)
        slope = -(gradient * change).sum(axis=0)
        # One for an exact minimiser of the model; the rounds may stop short of it.
        share = slope / jnp.maximum(curvature, LEAST_SQUARABLE)
        length = jnp.where(curvature > LEAST_SQUARABLE, jnp.minimum(share / (1 + lowered * share), 1), 1)
        moved = jnp.where(slope > 0, abundances + length * change, abundances)
        return jnp.maximum(moved, 0), slope.max(), iteration + 1

    def unsettled(state: tuple) -> jax.Array:
        return (state[1] > DECREMENT) & (state[2] < max_iterations)

    start = jnp.broadcast_to(counts.sum(axis=1) / size.sum(), (n_components, len(counts)))
    return jax.lax.while_loop(unsettled, step, (start, jnp.asarray(math.inf), jnp.asarray(0)))[0]


def _constrained_newton(abundances: jax.Array, gradient: jax.Array, hessian: jax.Array) -> jax.Array:
    """Return the change that minimises the quadratic model and leaves no abundance negative.

    A sweep of coordinate descent finds which abundances end at zero. From there the others go to their joint minimum,
    or towards it until the first of them is zero too.
    """
    curvature = jnp.einsum("kkb->kb", hessian)
    felt = curvature > LEAST_SQUARABLE
    scale = jnp.where(felt, 1 / jnp.sqrt(jnp.maximum(curvature, LEAST_SQUARABLE)), 0)
    hessian = hessian * scale[:, None] * scale
    gradient = gradient * scale
    lowest = jnp.where(felt, -abundances / jnp.where(felt, scale, 1), 0)

    def coordinate(k: int, change: jax.Array) -> jax.Array:
        slope = gradient[k] + (hessian[k] * change).sum(axis=0)
        return change.at[k].set(jnp.where(felt[k], jnp.maximum(change[k] - slope, lowest[k]), 0))

    def improve(state: tuple) -> tuple:
        change, _, rounds = state
        swept = jax.lax.fori_loop(0, len(change), coordinate, change)
        free = felt & (swept > lowest)
        slope = gradient + (hessian * swept).sum(axis=1)
        way = _solve(hessian, -slope, free)
        room = jnp.where(way < 0, (lowest - swept) / jnp.minimum(way, -LEAST_SQUARABLE), 1)
        moved = jnp.maximum(swept + jnp.minimum(room.min(axis=0), 1) * way, lowest)
        return moved, ((moved - change) ** 2).max(), rounds + 1

    def unsettled(state: tuple) -> jax.Array:
        return (state[1] > 0.01 * DECREMENT) & (state[2] < ROUNDS)

    start = (jnp.zeros_like(abundances), jnp.asarray(math.inf), jnp.asarray(0))
    change = jax.lax.while_loop(unsettled, improve, start)[0]
    return jnp.where(felt, change * scale, -abundances)


def _solve(matrix: jax.Array, right: jax.Array, free: jax.Array) -> jax.Array:
    """Solve the free rows and columns of (K, K, B) systems of unit diagonal, pixels along the lanes."""
    both = free[:, None] & free
    unit = jnp.eye(len(matrix))[:, :, None]
    system = jnp.where(both, matrix, 0) + unit * jnp.where(free, NEWTON_RIDGE, 1)
    system = jnp.concatenate([system, jnp.where(free, right, 0)[:, None]], axis=1)

    def eliminate(k: int, system: jax.Array) -> jax.Array:
        pivot = system[k] / system[k, k]
        return (system - system[:, k, None] * pivot).at[k].set(pivot)

    return jax.lax.fori_loop(0, len(matrix), eliminate, system)[:, -1]


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision="highest")


def _sd_of_sums(information: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the root of s F^-1 s' for each matrix F of (B, K, K) and each row s of (J, K).

    Each matrix is scaled to a unit diagonal first.
    """
    scale = 1 / np.sqrt(np.maximum(np.einsum("bkk->bk", information), LEAST_SQUARABLE))
    scaled = information * scale[:, :, None] * scale[:, None]
    scaled += NEWTON_RIDGE**2 * np.eye(len(sums.T))
    weights = scale[:, :, None] * sums.T
    return np.sqrt(np.maximum(np.einsum("bkj,bkj->bj", weights, np.linalg.solve(scaled, weights)), 0))
