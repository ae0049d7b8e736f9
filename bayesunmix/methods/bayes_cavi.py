r"""Bayesian Poisson NMF by mean-field variational inference: a fast preview with intervals that are too narrow.

The posterior of the Gamma-Poisson model (see `bayesunmix.engine.sampling.gamma_poisson`) is approximated by independent
Gamma abundances and Dirichlet endmembers. Each update allocates photons in expectation, with the geometric means
:math:`\exp \mathrm{E} \log a` and :math:`\exp \mathrm{E} \log e` in place of a and e, and raises the evidence bound.
Mean-field ignores how abundances and endmembers move together, so its posterior is marked ``calibrated = False``.

References
----------
A. T. Cemgil, "Bayesian inference for nonnegative matrix factorisation models", Comput. Intell. Neurosci. 785152 (2009).
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma
from scipy.special import gammaln
from scipy.special import psi as digamma64

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior, affordable_draws
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.layout import (
    Data,
    allocate_to_channels,
    allocate_to_pixels,
    lay_out,
    log_likelihood,
    place_maps,
)
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.convergence import until_settled
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.sampling.gamma_poisson import Prior, prior_for


@METHODS.register("bayes_cavi")
@dataclass(frozen=True)
class BayesCAVI:
    """Coordinate-ascent variational inference for the blind Gamma-Poisson model (Cemgil 2009).

    Parameters
    ----------
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when ten updates change the evidence bound by less than this fraction of it.
    max_iterations : int
        Largest number of updates.
    n_draws : int
        Draws to return from the approximate posterior.
    most_draws_mib : float
        Memory for abundance draws, in MiB. Fewer are returned to stay below it, but at least 20.
    abundance_shape, abundance_rate, endmember_concentration
        Prior, as in `bayes_gibbs`.
    """

    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 1000
    n_draws: int = 200
    most_draws_mib: float = 256
    abundance_shape: float = 0.5
    abundance_rate: float | None = None
    endmember_concentration: float = 0.5

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Approximate the posterior of `n_components` endmembers and abundances."""
        start_key, draw_key = jax.random.split(key)
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, start_key, self.n_starts)
        prior = prior_for(
            pixels, n_components, self.abundance_shape, self.abundance_rate, self.endmember_concentration
        )
        n_real = pixels.pixels.size
        totals = image.n_photons * start.endmembers
        run = until_settled(
            _Allocated(place_maps(start.abundances), jnp.asarray(totals / n_components)),
            lambda allocated, iterations: _update(data, allocated, prior, iterations),
            lambda allocated: _evidence_bound(data, allocated, prior, n_real),
            self.tolerance,
            self.max_iterations,
            "CAVI",
        )
        by_pixel = pixels.restore(np.asarray(run.state.by_pixel, np.float64), image.n_pixels)
        by_channel = np.asarray(run.state.by_channel, np.float64)
        weights = prior.concentration + by_channel
        estimate = Factorization(
            weights / weights.sum(axis=1, keepdims=True), (prior.shape + by_pixel) / (prior.rate + 1)
        )
        posterior = self._draw(by_pixel, by_channel, prior, draw_key)
        return Unmixing(
            estimate, posterior, run.info("evidence lower bound", start.warnings) | start.agreement
        )

    def _draw(self, by_pixel: np.ndarray, by_channel: np.ndarray, prior: Prior, key: jax.Array) -> Posterior:
        """Draw from the approximation: by_pixel (P, K), by_channel (K, C)."""
        rng = numpy_generator(key)
        kept = affordable_draws(self.n_draws, by_pixel.size, self.most_draws_mib)
        abundances = np.empty((1, kept, *by_pixel.shape), np.float32)
        for draw in abundances[0]:
            draw[...] = rng.gamma(prior.shape + by_pixel, 1 / (prior.rate + 1))
        endmembers = rng.gamma(prior.concentration + by_channel, size=(1, self.n_draws, *by_channel.shape))
        endmembers /= endmembers.sum(axis=-1, keepdims=True)
        return Posterior(endmembers.astype(np.float32), abundances, calibrated=False)


class _Allocated(NamedTuple):
    """Hold counts allocated in expectation, by pixel (K, pixels) and by channel (K, C). They fix the approximation."""

    by_pixel: jax.Array
    by_channel: jax.Array


def _geometric_means(allocated: _Allocated, prior: Prior) -> tuple[jax.Array, jax.Array]:
    """Return exp E log of abundances and of endmembers."""
    shapes = prior.concentration + allocated.by_channel
    endmembers = jnp.exp(digamma(shapes) - digamma(shapes.sum(axis=1, keepdims=True)))
    return jnp.exp(digamma(prior.shape + allocated.by_pixel)) / (prior.rate + 1), endmembers


@jax.jit
def _update(data: Data, allocated: _Allocated, prior: Prior, iterations: int) -> _Allocated:
    def step(_: int, allocated: _Allocated) -> _Allocated:
        abundances, endmembers = _geometric_means(allocated, prior)
        allocated = allocated._replace(by_pixel=allocate_to_pixels(data, abundances, endmembers))
        abundances, endmembers = _geometric_means(allocated, prior)
        return allocated._replace(by_channel=allocate_to_channels(data, abundances, endmembers))

    return jax.lax.fori_loop(0, iterations, step, allocated)


def _evidence_bound(data: Data, allocated: _Allocated, prior: Prior, n_real: int) -> float:
    """Return the evidence lower bound at the optimal allocation, without the term of the counts alone; in float64."""
    explained = log_likelihood(data, *_geometric_means(allocated, prior))
    shape = prior.shape + np.asarray(allocated.by_pixel, np.float64)[:, :n_real]
    rate = prior.rate + 1
    abundance_gap = (
        (shape - prior.shape) * digamma64(shape)
        - gammaln(shape)
        + gammaln(prior.shape)
        + prior.shape * np.log(rate / prior.rate)
        + shape * (prior.rate - rate) / rate
    ).sum()
    weights = prior.concentration + np.asarray(allocated.by_channel, np.float64)
    total, n_channels = weights.sum(axis=1), weights.shape[1]
    endmember_gap = (
        (gammaln(total) - gammaln(weights).sum(axis=1)).sum()
        - len(total) * (gammaln(n_channels * prior.concentration) - n_channels * gammaln(prior.concentration))
        + ((weights - prior.concentration) * (digamma64(weights) - digamma64(total)[:, None])).sum()
    )
    return float(explained - shape.sum() / rate - abundance_gap - endmember_gap)
