"""The lower bound: every component is the mean spectrum of the image, and shares a pixel's counts equally."""

import numpy as np

from bayesunmix.factorization import Factorization
from benchmarks.baseline import BASELINES
from benchmarks.recording import RecordedTrial
from simulations.phantom import Trial


@BASELINES.register("mean_spectrum")
def mean_spectrum(trial: Trial | RecordedTrial, n_components: int) -> Factorization:
    """One spectrum for all."""
    spectrum = trial.image.sum_spectrum() / trial.image.n_photons
    share = trial.image.total_map().reshape(-1, 1) / n_components
    return Factorization(np.tile(spectrum, (n_components, 1)), np.tile(share, n_components))
