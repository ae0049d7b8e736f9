"""Make phase maps of truth and estimate: each pixel is given to its most abundant component.

A method that gives each pixel to a component itself is scored by its own labels. A pixel that holds nothing of any
component, or that the method leaves unassigned, has no phase, which counts as one more phase of the estimate. Pixels
that have none in the truth, vacuum and dead ones, are not asked.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from simulations.trial import Trial

NONE = -1


def phase_maps(trial: Trial, unmixing: Unmixing) -> tuple[np.ndarray, np.ndarray]:
    """Return the phase of every pixel.

    Returns
    -------
    truth, estimate : (P,) int arrays
        Number of the component, or `NONE`; where the truth has `NONE`, the pixel is not asked.
    """
    truth = np.where(trial.phantom.specimen, _most_abundant(trial.truth.abundances), NONE)
    labels = unmixing.labels
    return truth, _most_abundant(unmixing.estimate.abundances) if labels is None else labels


def confusion(trial: Trial, unmixing: Unmixing) -> np.ndarray:
    """Count the pixels of each true phase (rows) that each estimated phase has (columns).

    Returns
    -------
    pixels : (K, 1 + J) int array
        The first column is `NONE`, so that the phase of component k is column k + 1.
    """
    truth, estimate = phase_maps(trial, unmixing)
    asked = truth != NONE
    pixels = np.zeros((trial.truth.n_components, 1 + unmixing.estimate.n_components), int)
    np.add.at(pixels, (truth[asked], estimate[asked] + 1), 1)
    return pixels


def dice_coefficients(pixels: np.ndarray) -> np.ndarray:
    """Return the Dice coefficient of each phase that the true map has, from its table of `confusion`.

    Twice the pixels that both maps give to it, divided by the pixels of one and of the other (Dice 1945,
    https://doi.org/10.2307/1932409). A component that dominates no pixel of the truth is not asked, for there is
    nothing to find; pixels given to it are missed by the others.
    """
    in_truth, in_estimate = pixels.sum(axis=1), pixels.sum(axis=0)[1 : 1 + len(pixels)]
    common = np.diagonal(pixels, offset=1)
    present = in_truth > 0
    return 2 * common[present] / (in_truth + in_estimate)[present]


def _most_abundant(abundances: np.ndarray) -> np.ndarray:
    return np.where(abundances.max(axis=1) > 0, abundances.argmax(axis=1), NONE)
