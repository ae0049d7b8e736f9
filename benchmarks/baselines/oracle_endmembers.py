"""Give the best bound for methods that treat each pixel alone: true endmembers, abundances by maximum likelihood.

Given E with rows that sum to one, expectation maximisation (Richardson 1972, Lucy 1974) raises the likelihood of
every pixel by A_pk <- A_pk sum_c E_kc X_pc / (A E)_pc. It touches entries with photons only.
Error bars are those of each pixel's Fisher information, given E (`bayesunmix.engine.fits.fisher`). A method that shares
information between pixels may do better than this.
"""

import numpy as np
from scipy import sparse

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior, affordable_draws
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.fisher import abundance_draws
from benchmarks.baseline import BASELINES
from benchmarks.missing import Missing
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial

_MAX_ITERATIONS = 1000
_TOLERANCE = 1e-4
_DRAWS = 100
_DRAWS_MIB = 256


@BASELINES.register("oracle_endmembers")
def oracle_endmembers(trial: Trial | RecordedTrial, n_components: int) -> Unmixing:
    """Fit the abundances with the true endmembers.

    Raises
    ------
    Missing
        If the trial is of a recording.
    """
    if trial.truth is None:
        raise Missing("nobody knows the endmembers of a recording; leave oracle_endmembers out of the suite")
    endmembers = trial.truth.endmembers
    estimate = Factorization(endmembers, _abundances(trial.image, endmembers))
    kept = affordable_draws(_DRAWS, estimate.abundances.size, _DRAWS_MIB)
    draws = abundance_draws(estimate, kept, np.random.default_rng(0))
    return Unmixing(
        estimate, Posterior(np.broadcast_to(endmembers, (1, kept, *endmembers.shape)), draws[None])
    )


def _abundances(image: SpectrumImage, endmembers: np.ndarray) -> np.ndarray:
    """Return the Poisson maximum-likelihood abundances of every pixel, (P, K)."""
    counts = image.counts.astype(np.float64)
    pixel, channel = np.repeat(np.arange(image.n_pixels), np.diff(counts.indptr)), counts.indices
    of_channel = np.ascontiguousarray(endmembers.T)[channel]
    abundances = np.repeat(counts.sum(axis=1)[:, None] / len(endmembers), len(endmembers), axis=1)
    for _ in range(_MAX_ITERATIONS):
        expected = np.einsum("nk,nk->n", abundances[pixel], of_channel)
        ratio = np.divide(counts.data, expected, out=np.zeros_like(expected), where=expected > 0)
        updated = abundances * (
            sparse.csr_array((ratio, channel, counts.indptr), shape=counts.shape) @ endmembers.T
        )
        change = np.abs(updated - abundances).max()
        abundances = updated
        if change < _TOLERANCE * max(abundances.mean(), 1e-300):
            break
    return abundances
