"""Test the estimate on photons that the method has not seen: their deviance, less that under a mean, per pixel.

With counts x, a mean m and the estimated mean mu, D = 2 sum(x log(m / mu) - m + mu) / (specimen pixels). mu has a
floor (see `scoring.expected_counts`).

For a phantom, x is a second exposure and m the noise-free mean. The mean of D over exposures is `deviance` if mixing is
linear; a single one scatters about it, and may be negative if an estimate is almost perfect. With absorption mixing is
not linear: the photons are the true ones, and m is the nearest linear mean, so that an estimate may be better than it.
The second exposure has the dose, the acquisition and the dead pixels of the trial; its photons come from a child of
the trial's seed, so that they are the same in every run and independent of the image. NaN for a trial without a seed.

For a recording, x is what thinning left over, weighted to the dose of the image, and m the recording's mean spectrum
in every pixel: an estimate that predicts photons better than that is negative. The whole recording makes m, so that
no channel with photons lacks one; m is the same for all methods.
"""

import numpy as np
from scipy import sparse

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from benchmarks.scoring.expected_counts import expected_counts
from simulations.photons import joined
from simulations.trial import Trial, expose


@metric(label="Held-out deviance", unit="per pixel", best="low", needs_truth=False)
def held_out_deviance(trial: Trial | RecordedTrial, unmixing: Unmixing) -> float:
    """Return the excess deviance of unseen photons per specimen pixel."""
    if trial.seed is None:
        return float("nan")
    if isinstance(trial, RecordedTrial):
        counts, known = trial.rest.counts, _mean_spectrum(trial)
        weight, n_pixels = trial.image.n_photons / trial.rest.n_photons, trial.image.n_pixels
    else:
        counts, known = _fresh_photons(trial, trial.seed), trial.truth
        weight, n_pixels = 1.0, int(np.count_nonzero(trial.phantom.specimen))
    total = 0.0
    for pixels, mean, mu in expected_counts(known, unmixing.estimate):
        x = counts[pixels].tocoo()
        total += weight * (x.data * np.log(mean[x.coords] / mu[x.coords])).sum() - mean.sum() + mu.sum()
    return float(2 * total / n_pixels)


def _fresh_photons(trial: Trial, seed: int) -> sparse.csr_array:
    """Draw the counts of the second exposure, (P, C)."""
    # The trial's own seed again, because it decides which pixels are dead.
    exposure, _ = expose(trial.phantom, trial.dose, seed, trial.acquisition)
    (child,) = np.random.SeedSequence(seed).spawn(1)
    return joined(exposure.draw(np.random.default_rng(child)))


def _mean_spectrum(trial: RecordedTrial) -> Factorization:
    """Return the mean of the recording as one endmember, in every pixel as much."""
    spectrum = trial.image.sum_spectrum() + trial.rest.sum_spectrum()
    counts = trial.image.n_photons / trial.image.n_pixels
    return Factorization((spectrum / spectrum.sum())[None], np.full((trial.image.n_pixels, 1), counts))
