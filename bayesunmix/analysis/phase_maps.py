"""Make phase maps from probabilities, with pixels that stay undecided.

A pixel is called by its composition: by the nearest phase (`bayesunmix.analysis.compositions`). The component with the
most counts would not do: it depends on how the counts that two components can explain were split between them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from bayesunmix.analysis.compositions import find_phases
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_share
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing

NONE, UNDECIDED = -1, -2
VACUUM = 0.1  # of the counts of bright places


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """Hold the phase of each pixel, and its probability.

    A phase has the number of the component that it is linked to: of which it has most in excess of the whole image.

    Parameters
    ----------
    labels : int array of the navigation shape
        Number of the phase whose probability is at least `at_least`; -2 where no phase reaches it, or where the
        composition is far from that of every phase; -1 in vacuum and outside the mask.
    probability : float array, navigation axes then components
        Probability of each phase to be the nearest in composition. It sums to one in every pixel, and is the same for
        all phases outside the mask.
    at_least : float
        Least probability for a label.
    areas : (D, K) float array
        In each posterior draw, the fraction of the specimen's pixels that each phase has.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> phases = bu.phase_map(result, image)
    >>> phases.at_least
    0.9
    >>> sorted({int(label) for label in phases.labels.ravel()} | {-2})
    [-2, 0, 1]
    """

    labels: np.ndarray
    probability: np.ndarray
    at_least: float
    areas: np.ndarray

    @property
    def undecided(self) -> float:
        """Return the fraction of the specimen's pixels that are undecided."""
        specimen = self.labels != NONE
        return float((self.labels[specimen] == UNDECIDED).mean()) if specimen.any() else 0.0


def phase_map(
    result: Unmixing, image: SpectrumImage, *, at_least: float = 0.9, specimen: Any = None
) -> PhaseMap:
    """Label every pixel with the phase that is nearest in composition, where that is probable enough.

    The composition of a pixel is its expected spectrum. Other solutions of the same counts (`bayesunmix.identify`) have
    the same compositions, and so the same map. The probability is the fraction of the posterior draws in which the
    phase is the nearest. A mixed pixel belongs to the nearer phase; half-way between two it is undecided.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    at_least : float
        Least probability for a label, above 0.5, so that only one component can reach it.
    specimen : bool array of the navigation shape, optional
        True for the pixels to label. Where not given, vacuum is left out: a pixel belongs to the specimen if the 3 x 3
        pixels around it have at least a tenth of the expected counts of bright places. At few counts the prior
        fills the vacuum; pass a mask then.

    Returns
    -------
    PhaseMap

    Raises
    ------
    TypeError, ValueError
        If the result has no posterior or is not of this image, `at_least` is not above 1/2, or the mask has another
        shape.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> phases = bu.phase_map(result, image, at_least=0.9)
    >>> phases.labels.shape, phases.probability.shape
    ((8, 8), (8, 8, 2))
    >>> phases.undecided < 0.2
    True
    """
    require_result_of(result, image)
    require_share("at_least", at_least, "0.9 labels a pixel where one component has 90 % probability")
    if at_least <= 0.5:
        raise ValueError(
            f"at_least must be above 0.5, so that one phase at most reaches it, got {at_least}; 0.9 is usual"
        )
    posterior = require_posterior(result, "a phase map with probabilities")
    n_components, shape = result.estimate.n_components, image.navigation_shape
    takes_part = image.takes_part.reshape(shape)
    totals = result.estimate.abundances.sum(axis=1).reshape(shape)
    where = (
        specimen_of(totals, takes_part) if specimen is None else require_mask(specimen, shape) & takes_part
    )
    n_draws = posterior.abundances.shape[0] * posterior.abundances.shape[1]
    probability, is_far = np.empty((image.n_pixels, n_components)), np.zeros(image.n_pixels, bool)
    areas = np.zeros((n_draws, n_components))
    for pixels, component, far in find_phases(result, where.ravel()).classify(result):
        inside = where.ravel()[pixels]
        is_far[pixels] = far.mean(axis=0) > 0.5
        nowhere = (component < 0) / n_components
        for k in range(n_components):
            share = (component == k) + nowhere
            probability[pixels, k] = share.mean(axis=0)
            areas[:, k] += share[:, inside].sum(axis=1)
    probability[~takes_part.ravel()] = 1 / n_components
    labels = np.where(
        (probability.max(axis=1) >= at_least) & ~is_far, probability.argmax(axis=1), UNDECIDED
    ).reshape(shape)
    return PhaseMap(
        np.where(where, labels, NONE),
        probability.reshape(*shape, n_components),
        at_least,
        areas / max(int(where.sum()), 1),
    )


def specimen_of(totals: np.ndarray, takes_part: np.ndarray) -> np.ndarray:
    """Tell specimen from vacuum in a map of counts, also where many pixels of the specimen caught no photon."""
    # The mean over the unmasked pixels around, of which there are none only where the pixel itself is masked.
    counts, pixels = (uniform_filter(m.astype(np.float64), 3, mode="nearest") for m in (totals, takes_part))
    around = np.where(takes_part, counts / np.maximum(pixels, 1e-3), 0)
    return np.asarray((around >= VACUUM * np.quantile(around[takes_part], 0.9)) & (around > 1e-9))
