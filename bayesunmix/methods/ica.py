r"""Independent components of the PCA endmembers: FastICA, what HyperSpy calls blind source separation.

The K principal endmembers are spectra of C channels; ICA seeks the rotation in which they are as far from Gaussian
as possible, as spectra with few peaks are. Symmetric fixed-point iteration with :math:`G(u) = \log\cosh u`, from
several random rotations, keeping the one with the largest contrast. The abundances take the inverse transform, so
that the expected counts stay those of PCA. Signs are free: endmembers and abundances may be negative.

References
----------
A. Hyvarinen, "Fast and robust fixed-point algorithms for independent component analysis", IEEE Trans. Neural Netw.
10, 626 (1999).
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing
from bayesunmix.pca import principal_components
from bayesunmix.settings import require_positive

GAUSSIAN_LOGCOSH = 0.3745672075  # E log cosh of a standard normal variate


@METHODS.register("ica")
@dataclass(frozen=True)
class ICA:
    """FastICA (Hyvarinen 1999) on the endmembers of Poisson-weighted PCA.

    Parameters
    ----------
    n_starts : int
        Random rotations to start from.
    tolerance : float
        Converged when no component turns by more than this (1 - cosine) in an iteration.
    max_iterations : int
    """

    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 500

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Rotate the leading `n_components` of PCA."""
        components = principal_components(image, n_components)
        whitening, white = _whiten(components.endmembers)
        starts = jax.random.normal(key, (self.n_starts, n_components, n_components))
        rotations, turns, iterations = _fast_ica(
            jnp.asarray(white, jnp.float32), starts, self.tolerance, self.max_iterations
        )
        rotations = np.asarray(rotations, np.float64)
        contrasts = [_contrast(rotation @ white) for rotation in rotations]
        best = int(np.argmax(contrasts))
        mixing = rotations[best] @ whitening
        converged = bool(turns[best] <= self.tolerance)
        info = {
            "converged": converged,
            "iterations": int(iterations[best]),
            "objective": [float(contrasts[best])],
            "objective_name": "negentropy contrast",
            "starts": self.n_starts,
            "starts_agreeing": int(np.isclose(contrasts, contrasts[best], rtol=1e-3).sum()),
            "warnings": []
            if converged
            else [
                f"FastICA still turned after {self.max_iterations} iterations; the rotation may not be unique"
            ],
        }
        estimate = Factorization(
            mixing @ components.endmembers, components.abundances @ np.linalg.inv(mixing)
        )
        return Unmixing(estimate, info=info)


def _whiten(endmembers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (K, K) transform that makes the centred endmembers uncorrelated over channels, and the result."""
    centred = endmembers - endmembers.mean(axis=1, keepdims=True)
    left, size, right = np.linalg.svd(centred, full_matrices=False)
    size = np.maximum(size, 1e-12 * size[0]) if size[0] > 0 else np.ones_like(size)
    scale = np.sqrt(endmembers.shape[1])
    return scale * left.T / size[:, None], scale * right


def _contrast(sources: np.ndarray) -> float:
    return float(
        ((np.logaddexp(sources, -sources) - np.log(2)).mean(axis=1) - GAUSSIAN_LOGCOSH)
        @ np.ones(len(sources))
    )


@partial(jax.jit, static_argnames="max_iterations")
@partial(jax.vmap, in_axes=(None, 0, None, None))
def _fast_ica(
    white: jax.Array, start: jax.Array, tolerance: float, max_iterations: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Iterate one rotation until it stands still; return it, its last turn and the iterations done."""

    def step(state: tuple) -> tuple:
        rotation, _, iteration = state
        slope = jnp.tanh(rotation @ white)
        moved = slope @ white.T / white.shape[1] - (1 - slope**2).mean(axis=1)[:, None] * rotation
        moved = _orthogonal(moved)
        turn = jnp.abs(jnp.abs((moved * rotation).sum(axis=1)) - 1).max()
        return moved, turn, iteration + 1

    def unsettled(state: tuple) -> jax.Array:
        return (state[1] > tolerance) & (state[2] < max_iterations)

    return jax.lax.while_loop(unsettled, step, (_orthogonal(start), jnp.asarray(jnp.inf), jnp.asarray(0)))


def _orthogonal(matrix: jax.Array) -> jax.Array:
    """Return the nearest orthogonal matrix."""
    left, _, right = jnp.linalg.svd(matrix, full_matrices=False)
    return left @ right
