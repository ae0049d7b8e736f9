"""Deviance of fresh photons under the estimate, over that under the truth, per specimen pixel.

With counts x of a second exposure of the same specimen, noise-free mean m and estimated mean mu,
D = 2 sum(x log(m / mu) - m + mu) / (specimen pixels). Its mean over exposures is `deviance` where mixing is linear;
a single one scatters about it, and may be negative where an estimate is almost perfect. It is what an experiment that
knows no m can measure, but for a constant. Where absorption bends the mixing, the photons are what truly comes, and m
is the nearest linear mean: an estimate may be better than it.

The second exposure has the dose, the acquisition and the dead pixels of the trial; its photons come from a child of
the trial's seed, so that they are the same in every run and independent of the image. NaN for a trial without a seed.
mu has a floor (see `scoring.expected_counts`).
"""

import numpy as np
from scipy import sparse

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.expected_counts import expected_counts
from simulations.phantom import Trial
from simulations.photons import joined


@metric(label="Held-out deviance", unit="per pixel", best="low")
def held_out_deviance(trial: Trial, unmixing: Unmixing) -> float:
    """Excess deviance of fresh photons per specimen pixel."""
    if trial.seed is None:
        return float("nan")
    counts = _fresh_photons(trial, trial.seed)
    total = 0.0
    for pixels, mean, mu in expected_counts(trial.truth, unmixing.estimate):
        x = counts[pixels].tocoo()
        total += (x.data * np.log(mean[x.coords] / mu[x.coords])).sum() - mean.sum() + mu.sum()
    return float(2 * total / np.count_nonzero(trial.phantom.specimen))


def _fresh_photons(trial: Trial, seed: int) -> sparse.csr_array:
    """Draw the counts of the second exposure, (P, C)."""
    # The trial's own seed again, because it decides which pixels are dead.
    exposure, _ = trial.phantom.expose(trial.dose, seed, trial.acquisition)
    (child,) = np.random.SeedSequence(seed).spawn(1)
    return joined(exposure.draw(np.random.default_rng(child)))
