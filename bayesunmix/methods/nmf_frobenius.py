r"""NMF under the Frobenius norm, by hierarchical alternating least squares (HALS).

It minimises :math:`\lVert X - A E \rVert_F^2` one column of A, then one row of E at a time, each in closed form. It
gives a channel with thousands of counts the same weight as an empty one, which is wrong for photons. Many tools do so,
and it is here for comparison; prefer `nmf`. The counts enter through sparse products only.

References
----------
A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor factorizations",
IEICE Trans. Fundam. E92-A, 708 (2009).
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.layout import Data, lay_out, project_on_abundances, project_on_endmembers
from bayesunmix.engine.fits.descent import Objective, descend
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, at_rest
from bayesunmix.engine.fits.starts import best_start


@METHODS.register("nmf_frobenius")
@dataclass(frozen=True)
class NMFFrobenius:
    """Least-squares NMF by HALS (Cichocki and Phan 2009), from the same binned start as `nmf`.

    Parameters
    ----------
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when no more than this fraction of the squared residual is left to gain, as extrapolated
        from the last iterations.
    max_iterations : int
        Largest number of HALS iterations.
    """

    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 1000

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers and abundances."""
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts)
        squared_norm = float((pixels.counts.data.astype(np.float64) ** 2).sum())
        objective = Objective(
            "squared residual",
            partial(_advance, data),
            partial(_squared_residual, data, squared_norm),
        )
        return descend(objective, start, image, pixels, self.tolerance, self.max_iterations)


@jax.jit
def _advance(data: Data, moving: Moving, iterations: int) -> Moving:
    """Do HALS iterations, which do not use momentum."""

    def step(_: int, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        abundances, endmembers = state
        projected = project_on_endmembers(data, endmembers, abundances.shape[1])
        abundances = _descend(abundances, projected, _gram(endmembers))
        projected = project_on_abundances(data, abundances, endmembers.shape[1])
        return abundances, _descend(endmembers, projected, _gram(abundances))

    return at_rest(*jax.lax.fori_loop(0, iterations, step, (moving.abundances, moving.endmembers)))


def _descend(rows: jax.Array, projected: jax.Array, gram: jax.Array) -> jax.Array:
    """Set each of the K rows in turn to the non-negative minimiser with the others fixed."""
    for k in range(rows.shape[0]):
        change = (projected[k] - gram[k] @ rows) / jnp.maximum(gram[k, k], LEAST_ENTRY)
        rows = rows.at[k].set(jnp.maximum(rows[k] + change, LEAST_ENTRY))
    return rows


def _gram(rows: jax.Array) -> jax.Array:
    return jnp.matmul(rows, rows.T, precision="highest")


@jax.jit
def _cross_products(data: Data, abundances: jax.Array, endmembers: jax.Array) -> jax.Array:
    return project_on_abundances(data, abundances, endmembers.shape[1])


def _squared_residual(data: Data, squared_norm: float, abundances: jax.Array, endmembers: jax.Array) -> float:
    """Return the squared residual from small products; the differences of large numbers are taken in float64."""
    cross = np.asarray(_cross_products(data, abundances, endmembers), np.float64)
    a, e = np.asarray(abundances, np.float64), np.asarray(endmembers, np.float64)
    return float(squared_norm - 2 * (cross * e).sum() + ((a @ a.T) * (e @ e.T)).sum())
