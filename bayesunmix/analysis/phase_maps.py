"""Make phase maps from probabilities, with pixels that stay undecided.

A pixel is called by its composition: by the nearest phase (`bayesunmix.analysis.compositions`). The component with the
most counts would not do: it depends on how the counts that two components can explain were split between them. Which
component a phase belongs to may depend on that too. Then its pixels are undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from bayesunmix.analysis.compositions import Phases, find_phases
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_share
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import Include, require_include

NONE, UNDECIDED = -1, -2
# Of the counts of bright places; the second where the darkest places are empty.
VACUUM, DARK_VACUUM = 0.1, 0.03
FEW = 3.0  # counts in 3 x 3 pixels, below which stray ones look like specimen


@dataclass(frozen=True, eq=False)
class Bounds:
    """Hold what a phase map may be under other solutions that fit as well, and however mixed pixels are counted.

    Mixed is what lies between a third and two thirds of the way from one phase to another: half the area of a pixel is
    a third of its counts if the other half is twice as bright.

    Parameters
    ----------
    lowest, highest : float arrays, navigation axes then components
        The least and the largest probability over the solutions. Both are the probability where these do not matter.
    least_areas, most_areas : (D, K) float arrays
        In each posterior draw, the areas without and with mixed pixels, and phases that belong to another component
        under another solution.
    sure_areas, possible_areas : (K,) float arrays
        The same for the pixels that have the phase with probability `at_least`, and with more than 1 - `at_least`.
    """

    lowest: np.ndarray
    highest: np.ndarray
    least_areas: np.ndarray
    most_areas: np.ndarray
    sure_areas: np.ndarray
    possible_areas: np.ndarray


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """Hold the phase of each pixel, and its probability.

    A phase has the number of the component that it is linked to: of which it has most, and most in excess of the whole
    image (`bayesunmix.analysis.phase_links`).

    Parameters
    ----------
    labels : int array of the navigation shape
        Number of the phase whose probability is at least `at_least`; -2 where no phase reaches it, where the
        composition is far from that of every phase, or where the phase belongs to another component under a solution
        that fits as well; -1 in vacuum and outside the mask.
    probability : float array, navigation axes then components
        Probability of each phase to be the nearest in composition. It sums to one in every pixel, and is the same for
        all phases outside the mask.
    at_least : float
        Least probability for a label.
    areas : (D, K) float array
        In each posterior draw, the fraction of the specimen's pixels that each phase has.
    bounds : Bounds or None
        What other solutions and mixed pixels may change.
    warnings : tuple of str
        What other solutions leave open.

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
    bounds: Bounds | None = None
    warnings: tuple[str, ...] = ()

    @property
    def undecided(self) -> float:
        """Return the fraction of the specimen's pixels that are undecided."""
        specimen = self.labels != NONE
        return float((self.labels[specimen] == UNDECIDED).mean()) if specimen.any() else 0.0


def phase_map(
    result: Unmixing,
    image: SpectrumImage,
    *,
    at_least: float = 0.9,
    include: Include = "total",
    specimen: Any = None,
) -> PhaseMap:
    """Label every pixel with the phase that is nearest in composition, where that is probable enough.

    The composition of a pixel is its expected spectrum. Other solutions of the same counts (`bayesunmix.identify`) have
    the same compositions, and so the same phases. Only the component that a phase belongs to may change under them. The
    probability is the fraction of the posterior draws in which the phase is the nearest. A mixed pixel belongs to the
    nearer phase; half-way between two it is undecided.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    at_least : float
        Least probability for a label, above 0.5, so that only one component can reach it.
    include : {"total", "counting"}
        "total" leaves pixels undecided whose phase belongs to another component under a solution that fits as well
        (those of `unmix`; none if it was called with ``verdicts=False``). "counting" takes the split into components
        for certain.
    specimen : bool array of the navigation shape, optional
        True for the pixels to label. Where not given, vacuum is left out: the 3 x 3 pixels around a pixel of the
        specimen have at least a tenth of the counts of bright places, or 3 % where the darkest places are empty. At few
        counts the prior fills the vacuum; pass a mask then.

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
    require_include(include)
    posterior = require_posterior(result, "a phase map with probabilities")
    n_components, shape = result.estimate.n_components, image.navigation_shape
    takes_part = image.takes_part.reshape(shape)
    totals = result.estimate.abundances.sum(axis=1).reshape(shape)
    where = (
        specimen_of(totals, takes_part) if specimen is None else require_mask(specimen, shape) & takes_part
    )
    phases = find_phases(result, where.ravel())
    if include == "counting":
        phases = replace(phases, feasible=phases.component[None])
    n_draws = posterior.abundances.shape[0] * posterior.abundances.shape[1]
    probability = np.empty((3, image.n_pixels, n_components))  # that of the draws, the lowest, the highest
    areas, ends = np.zeros((3, n_draws, n_components)), np.zeros((2, n_components))
    is_far = np.zeros(image.n_pixels, bool)
    size = np.zeros(len(phases.centres))
    for called in phases.classify(result):
        pixels, inside = called.pixels, where.ravel()[called.pixels]
        is_far[pixels] = called.is_far.mean(axis=0) > 0.5
        size += [(called.nearest[:, inside] == phase).mean(axis=0).sum() for phase in range(len(size))]
        for k in range(n_components):
            share, least, most = _belongs(phases, called.nearest, k, n_components)
            probability[:, pixels, k] = share.mean(axis=0), least.mean(axis=0), most.mean(axis=0)
            mixed = called.is_mixed[..., k]
            counted = [of[:, inside] for of in (share, least & ~mixed, most | mixed)]
            areas[:, :, k] += [of.sum(axis=1) for of in counted]
            sure, possible = (of.mean(axis=0) for of in counted[1:])
            ends[:, k] += (sure >= at_least).sum(), (possible > 1 - at_least).sum()
    probability[:, ~takes_part.ravel()] = 1 / n_components
    labels = np.where(
        (probability[1].max(axis=1) >= at_least) & ~is_far, probability[1].argmax(axis=1), UNDECIDED
    )
    n_pixels = max(int(where.sum()), 1)
    own, least_areas, most_areas = areas / n_pixels
    found, lowest, highest = probability.reshape(3, *shape, n_components)
    return PhaseMap(
        np.where(where, labels.reshape(shape), NONE),
        found,
        at_least,
        own,
        Bounds(lowest, highest, least_areas, most_areas, ends[0] / n_pixels, ends[1] / n_pixels),
        _turned_over(phases, size / n_pixels, result.names),
    )


def _belongs(
    phases: Phases, nearest: np.ndarray, component: int, n_components: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell whether draws of pixels belong to a component: by themselves, under every solution, and under any."""
    in_draw = np.take_along_axis(phases.of_draw == component, np.maximum(nearest, 0), axis=1)
    always, ever = ((phases.feasible == component).all(axis=0), (phases.feasible == component).any(axis=0))
    is_empty = nearest < 0
    own = in_draw & ~is_empty
    return own + is_empty / n_components, own & always[nearest], own | ever[nearest] | is_empty


def _turned_over(phases: Phases, size: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """Say how much of the specimen is undecided because of other solutions, and between which components."""
    is_open = (phases.feasible != phases.component).any(axis=0) & (size > 0)
    if not is_open.any():
        return ()
    between = [names[k] for k in np.unique(phases.feasible[:, is_open])]
    return (
        f"Solutions that fit as well give {100 * size[is_open].sum():.1f} % of the specimen to different components "
        f"({', '.join(between)}); these pixels are undecided, and what you know of components decides them (assume=).",
    )


def specimen_of(totals: np.ndarray, takes_part: np.ndarray) -> np.ndarray:
    """Tell specimen from vacuum in a map of counts, also where many pixels of the specimen caught no photon.

    Specimen has a tenth of the counts of bright places. Where vacuum is dark, a thin film or the edge of a wedge is not
    lost: three times the counts of the darkest places are enough, if they are 3 % of those of bright places and three
    counts in the 3 x 3 pixels around.
    """
    # The mean over the unmasked pixels around, of which there are none only where the pixel itself is masked.
    counts, pixels = (uniform_filter(m.astype(np.float64), 3, mode="nearest") for m in (totals, takes_part))
    around = np.where(takes_part, counts / np.maximum(pixels, 1e-3), 0)
    dark, bright = np.quantile(around[takes_part], [0.01, 0.9])
    least = min(max(3 * dark, DARK_VACUUM * bright, FEW / 9), VACUUM * bright)
    return np.asarray((around >= least) & (around > 1e-9))
