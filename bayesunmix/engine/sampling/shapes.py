r"""Draw the shapes of Gamma and Dirichlet distributions on a grid, given what was drawn from these distributions.

All shapes have the prior :math:`\log \alpha \sim \mathrm{Normal}(\log 1/2, 1.5)`. The rate of a Gamma distribution has
the density :math:`1 / \beta`.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln

from bayesunmix.engine.device.gamma import gamma_variates

_GRID = np.geomspace(0.02, 50, 400)
_LOG_PRIOR = -0.5 * ((np.log(_GRID) - math.log(0.5)) / 1.5) ** 2
_ROUNDS = 20


def draw_gamma(key: Array, log_rates: Array, exposure: Array) -> tuple[Array, Array]:
    r"""Draw shape and rate, (K,) each, of the Gamma distributions that maps (K, *shape) come from.

    Given a map of P cells, the rate is Gamma distributed, :math:`\beta \mid \alpha, a \sim \mathrm{Gamma}(P \alpha,
    \sum_p a_p)`. With it integrated out, the shape has the log-density :math:`\log \Gamma(P \alpha) - P \log
    \Gamma(\alpha) + \alpha \sum_p \log (a_p / \sum_q a_q)` and its prior. Cells without exposure are left out.
    """
    shape_key, rate_key = jax.random.split(key)
    cells = tuple(range(1, log_rates.ndim))
    n = exposure.sum()
    mean = (jnp.exp(log_rates) * exposure).sum(axis=cells) / n
    spread = jnp.where(exposure > 0, log_rates, 0).sum(axis=cells) / n - jnp.log(mean)
    grid = jnp.asarray(_GRID, jnp.float32)
    # Stirling's formula for log Gamma(n shape): nothing of the size of n log n is left to cancel.
    log_density = n * (grid * jnp.log(grid) - grid - gammaln(grid) + grid * spread[:, None])
    log_density += 0.5 * jnp.log(grid) + jnp.asarray(_LOG_PRIOR, jnp.float32)
    shape = grid[jax.random.categorical(shape_key, log_density, axis=1)]
    return shape, gamma_variates(rate_key, n * shape) / (n * mean)


def draw_concentrations(key: Array, mean_log: Array, n: Array, concentrations: Array) -> Array:
    r"""Draw the concentrations (K,) of a Dirichlet distribution, one after the other.

    Given the others, each has the log-density :math:`n (\log \Gamma(\alpha_+) - \log \Gamma(\alpha_k) + \alpha_k
    \overline{\log f_k})` and its prior.

    Parameters
    ----------
    key : JAX key
    mean_log : (K,) array
        Mean logarithm of each fraction over `n` compositions.
    n : scalar
    concentrations : (K,) array
        The previous draw.
    """
    noise = jax.random.gumbel(key, (len(concentrations), len(_GRID)))

    def one(k: Array, concentrations: Array) -> Array:
        # The largest of log-densities with Gumbel noise is a draw from them.
        chosen = jnp.argmax(_log_density(mean_log, n, concentrations, k) + noise[k])
        return concentrations.at[k].set(jnp.asarray(_GRID, jnp.float32)[chosen])

    return jax.lax.fori_loop(0, len(concentrations), one, concentrations)


@jax.jit
def likeliest_concentrations(mean_log: Array, n: Array) -> Array:
    """Return the concentrations of the greatest density, by coordinates: see `draw_concentrations`."""

    def one(i: Array, concentrations: Array) -> Array:
        k = i % len(mean_log)
        best = jnp.argmax(_log_density(mean_log, n, concentrations, k))
        return concentrations.at[k].set(jnp.asarray(_GRID, jnp.float32)[best])

    n_steps = _ROUNDS * len(mean_log)
    return jax.lax.fori_loop(0, n_steps, one, jnp.full(len(mean_log), 0.5, jnp.float32))


def _log_density(mean_log: Array, n: Array, concentrations: Array, k: Array) -> Array:
    grid = jnp.asarray(_GRID, jnp.float32)
    others = concentrations.sum() - concentrations[k]
    return n * (gammaln(grid + others) - gammaln(grid) + grid * mean_log[k]) + jnp.asarray(
        _LOG_PRIOR, jnp.float32
    )
