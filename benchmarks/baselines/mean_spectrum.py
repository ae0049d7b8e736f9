"""Give the worst bound: every component is the mean spectrum of the image, and gets the same share of each pixel.

Its error bars have no width: the only draw is the estimate, so that its CRPS is the mean absolute error.
"""

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from benchmarks.baseline import BASELINES
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@BASELINES.register("mean_spectrum")
def mean_spectrum(trial: Trial | RecordedTrial, n_components: int) -> Unmixing:
    """Return the mean spectrum for every component."""
    spectrum = trial.image.sum_spectrum() / trial.image.n_photons
    share = trial.image.total_map().reshape(-1, 1) / n_components
    estimate = Factorization(np.tile(spectrum, (n_components, 1)), np.tile(share, n_components))
    return Unmixing(estimate, Posterior(estimate.endmembers[None, None], estimate.abundances[None, None]))
