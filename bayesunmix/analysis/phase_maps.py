"""Phase maps that may say "undecided": the probability that each component is the most abundant one of a pixel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from bayesunmix.data.draws import blocks, require_level
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing

NONE, UNDECIDED = -1, -2
VACUUM = 0.1  # of the counts of bright places


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """Which component is the most abundant.

    Parameters
    ----------
    labels : int array of the navigation shape
        Number of the component whose probability is at least `level`; -2 where none is, -1 where there is no specimen
        or a pixel takes no part.
    probability : float array, navigation axes then components
        Sums to one in every pixel; equal where it takes no part.
    level : float
    """

    labels: np.ndarray
    probability: np.ndarray
    level: float

    @property
    def undecided(self) -> float:
        """Share of the specimen's pixels that are undecided."""
        specimen = self.labels != NONE
        return float((self.labels[specimen] == UNDECIDED).mean()) if specimen.any() else 0.0


def phase_map(result: Unmixing, level: float = 0.9, *, specimen: Any = None) -> PhaseMap:
    """Find the most abundant component of every pixel, with its probability.

    The probability is the share of the posterior draws in which a component has the largest abundance: a feasible range
    (`bayesunmix.identify`) is not in it.

    Parameters
    ----------
    result : Unmixing
        With a posterior.
    level : float
        Least probability for a label; above 1/2, so that no two components reach it.
    specimen : bool array of the navigation shape, optional
        Pixels to label, where they take part. Where not given, those around which (3 pixels along each axis) the mean
        expected counts are at least a tenth of what bright places have; at few counts the prior fills vacuum, and a
        mask is better.

    Returns
    -------
    PhaseMap

    Raises
    ------
    ValueError
        If the result has no posterior, the level is not a share above 1/2, or the mask has another shape.
    """
    require_level(level)
    if level <= 0.5:
        raise ValueError(
            f"level must be above 0.5, so that one phase at most reaches it, got {level}; 0.9 is usual"
        )
    if result.posterior is None:
        raise ValueError(
            "a phase map with probabilities needs a result with a posterior; use method='bayes_gibbs'"
        )
    n_pixels, n_components = result.estimate.abundances.shape
    shape = (n_pixels,) if result.grid is None else result.grid.shape[:-1]
    probability = np.empty((n_pixels, n_components))
    for pixels, draws in blocks(result.posterior.abundances):
        first = draws.argmax(axis=2)
        probability[pixels] = np.stack([(first == k).mean(axis=0) for k in range(n_components)], axis=1)
    mask = None if result.grid is None else result.grid.mask
    takes_part = np.ones(shape, bool) if mask is None else mask
    probability[~takes_part.ravel()] = 1 / n_components
    labels = np.where(probability.max(axis=1) >= level, probability.argmax(axis=1), UNDECIDED).reshape(shape)
    totals = result.estimate.abundances.sum(axis=1).reshape(shape)
    where = (
        specimen_of(totals, takes_part) if specimen is None else require_mask(specimen, shape) & takes_part
    )
    return PhaseMap(np.where(where, labels, NONE), probability.reshape(*shape, n_components), level)


def specimen_of(totals: np.ndarray, takes_part: np.ndarray) -> np.ndarray:
    """Tell specimen from vacuum in a map of counts, also where many pixels of the specimen caught no photon."""
    # The mean over those around that take part, which are none only where the pixel itself takes none.
    counts, pixels = (uniform_filter(m.astype(np.float64), 3, mode="nearest") for m in (totals, takes_part))
    around = np.where(takes_part, counts / np.maximum(pixels, 1e-3), 0)
    return np.asarray((around >= VACUUM * np.quantile(around[takes_part], 0.9)) & (around > 1e-9))
