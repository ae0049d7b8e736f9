r"""Weigh the cells of the atoms, and draw where in its cell a composition lies.

In the cell of an atom m, a composition is :math:`f = f_m + v d_m` with v between -1 and 1, all equally likely. The
log-likelihood of a pixel along v is smooth and concave. It is interpolated by the parabola through the middle and both
ends, :math:`\ell_m + g v - J v^2 / 2`. So the cell as a whole has the log-likelihood

.. math:: \tilde \ell_m = \ell_m + \log \tfrac12 \int_{-1}^{1} e^{g v - J v^2 / 2} \, dv,

and v follows that density. With few counts the cell is as likely as its middle, and with many it is as wide as the
counts allow.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.composition.atoms import Palette

_REACH = 4.5  # standard deviations from the mode within which all of the density lies
_BINS = 16
_BLOCK = 1024  # pixels that are weighed at once
_LEAST = 1e-6


def weigh_cells(of_knots: Array, palette: Palette) -> Array:
    """Return the log-likelihoods of whole cells, (M, n), given those of the knots, (n, N or more).

    They are at most 0: that of the likeliest atom of each pixel is taken off, so that small terms keep their digits.
    """
    n = len(of_knots)
    size = math.gcd(n, _BLOCK)

    def block(i: Array, found: Array) -> Array:
        some = jax.lax.dynamic_slice_in_dim(of_knots, i * size, size)
        return jax.lax.dynamic_update_slice_in_dim(found, _weigh(some.T, palette), i * size, axis=1)

    return jax.lax.fori_loop(0, n // size, block, jnp.zeros((len(palette.atoms), n), jnp.float32))


def _weigh(of_knots: Array, palette: Palette) -> Array:
    middle = of_knots[: len(palette.atoms)]
    g, curvature = _parabola(middle, of_knots[palette.ends[0]], of_knots[palette.ends[1]])
    low, high, best = _window(g, curvature)
    width = (high - low) / _BINS
    density, ratio, slower = _densities(g, curvature, best, low, width)

    def step(i: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        total, density, ratio = state
        density = density * ratio
        weight = jnp.where(i == _BINS, 1, jnp.where(i % 2, 4, 2))  # Simpson's rule
        return total + weight * density, density, ratio * slower

    total = jax.lax.fori_loop(1, _BINS + 1, step, (density, density, ratio))[0]
    found = middle + best + jnp.log(width * total / 6)
    return found - found.max(axis=0)


def draw_shares(key: Array, of_knots: Array, labels: Array, palette: Palette) -> Array:
    """Draw the composition of each pixel in the cell of its atom.

    Parameters
    ----------
    key : JAX key
    of_knots : (n, N or more) array
        Log-likelihood of each knot, pixel by pixel.
    labels : (n,) int array
        Number of the atom of each pixel.
    palette : Palette

    Returns
    -------
    (K, n) array
        Shares of the counts of each pixel.
    """
    ends = jnp.asarray(palette.ends)

    def at(knots: Array) -> Array:
        return jnp.take_along_axis(of_knots, knots[:, None], axis=1)[:, 0]

    g, curvature = _parabola(at(labels), at(ends[0][labels]), at(ends[1][labels]))
    low, high, best = _window(g, curvature)
    uniform = jax.random.uniform(key, (2, *labels.shape))
    width = (high - low) / _BINS
    chance, ratio, slower = _densities(g, curvature, best, low + 0.5 * width, width)
    chances = [chance]
    for _ in range(_BINS - 1):
        chances.append(chances[-1] * ratio)
        ratio *= slower
    threshold, heaped, chosen = uniform[0] * sum(chances), jnp.zeros_like(g), jnp.zeros_like(g)
    for chance in chances[:-1]:
        heaped += chance
        chosen += heaped <= threshold
    v = low + (chosen + uniform[1]) * width
    atoms, halves = (jnp.asarray(part.T, jnp.float32) for part in (palette.atoms, palette.halves))
    return atoms[:, labels] + v * halves[:, labels]


def _densities(
    g: Array, curvature: Array, best: Array, start: Array, step: Array
) -> tuple[Array, Array, Array]:
    """Return the density at `start`, over the largest.

    Also return by what it is multiplied in the next of equal steps, and by what this factor is multiplied in each.
    """
    density = jnp.exp(g * start - 0.5 * curvature * start**2 - best)
    return density, jnp.exp((g - curvature * (start + 0.5 * step)) * step), jnp.exp(-curvature * step**2)


def _parabola(middle: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return slope and curvature in the middle of a cell."""
    return 0.5 * (high - low), jnp.maximum(2 * middle - low - high, 0)


def _window(g: Array, curvature: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the part of a cell that holds all of the density, and the largest exponent in it."""
    mode = jnp.clip(g / jnp.maximum(curvature, _LEAST), -1, 1)
    # Beyond the end of the cell the density falls as an exponential.
    scale = 1 / jnp.maximum(jnp.maximum(jnp.sqrt(curvature), jnp.abs(g - curvature * mode) / 2), _LEAST)
    low, high = jnp.maximum(mode - _REACH * scale, -1), jnp.minimum(mode + _REACH * scale, 1)
    return low, high, g * mode - 0.5 * curvature * mode**2
