r"""Find how far the counts determine an answer: its range over all solutions that the noise allows.

A blind factorisation X = A E has others, :math:`(A T^{-1})(T E)`, that fit as well and are also non-negative. This is
called rotational ambiguity, and in chemometrics the area of feasible solutions [1]_ [2]_. A rotation T is accepted if a
refit with non-negative factors keeps the likelihood within the noise of the counts
(`bayesunmix.analysis.feasible_evidence`). Random walks (`bayesunmix.analysis.feasible_walk`) and a climb
(`bayesunmix.analysis.feasible_climb`) find the extreme ones. The draws of a posterior do not include this range; the
intervals that `unmix` and `region` give do (`bayesunmix.data.rotations`). More dose narrows it only down to what
non-negativity leaves open.

References
----------
.. [1] W. H. Lawton and E. A. Sylvestre, "Self modeling curve resolution", Technometrics 13, 617 (1971).
.. [2] A. Golshan et al., "A review of recent methods for the determination of ranges of feasible solutions resulting
   from soft modelling analyses of multivariate data", Anal. Chim. Acta 911, 1 (2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from bayesunmix.analysis.assumptions import Assumption, assumed, listed
from bayesunmix.analysis.contradictions import contradicted, unexplained
from bayesunmix.analysis.feasible_climb import climb_all, settle
from bayesunmix.analysis.feasible_evidence import Constraint, estimator, excess, gather, is_proper, misfit
from bayesunmix.analysis.feasible_walk import most_extreme, objectives, sample, walk
from bayesunmix.contracts.arguments import (
    require_nonnegative,
    require_result_of,
    require_seed,
    require_share,
)
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import endmember_range

BLOCK_ENTRIES = 2**22
MISFIT = 1.5  # chi-square per degree of freedom; drift and absorption of real recordings stay below


class Range(NamedTuple):
    """Hold the lowest and the highest value over the feasible solutions."""

    lower: np.ndarray
    upper: np.ndarray

    @property
    def half_width(self) -> np.ndarray:
        """Return half of the width of the range."""
        return (self.upper - self.lower) / 2


@dataclass(frozen=True, eq=False)
class Identified:
    """Hold the ranges that the counts leave open.

    Every range is taken over `rotations`, which are some of the feasible ones: the true range may be wider.

    Parameters
    ----------
    endmembers : Range of (K, C) arrays
        Range of each channel of each endmember, whose channels sum to one.
    fractions : Range of (P, K) arrays
        Range of each component's fraction of the counts of a pixel; 0 to 1 in pixels without counts.
    overall : Range of (K,) arrays
        Range of each component's fraction of all counts.
    rotations : (n, K, K) array
        Feasible T, with rows that sum to one: the other solutions are A T^-1 and T E. The first is the identity unless
        something is assumed, and those that reach the extremes are kept.
    amounts : (P, K) array
        Estimates of abundance that are linear in the counts, so that sums over regions are unbiased; some are negative.
    known : (K,) bool array
        True for components whose endmember is given and does not rotate.
    navigation_shape : tuple of int
    warnings : tuple of str
    assumptions : tuple of str
        What the ranges rest on besides the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> found = bu.identify(result, image)
    >>> found.rotations.shape[1:]
    (2, 2)
    >>> found.fractions_of(np.ones((8, 8), bool)).lower.shape
    (2,)
    """

    endmembers: Range
    fractions: Range
    overall: Range
    rotations: np.ndarray
    amounts: np.ndarray
    known: np.ndarray
    navigation_shape: tuple[int, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...] = ()

    def fractions_of(self, mask: Any, weight: Literal["counts", "area"] = "counts") -> Range:
        """Return the range of every component's fraction of a region, two (K,) arrays.

        Parameters
        ----------
        mask : bool array of `navigation_shape`
        weight : {"counts", "area"}
            Fraction of the counts of the region, or mean of the fractions of its pixels that have counts.

        Raises
        ------
        ValueError
            If the mask has another shape, or the weight another name.
        """
        under = self.fractions_under(mask, weight)
        return Range(under.min(axis=0), under.max(axis=0))

    def fractions_under(self, mask: Any, weight: Literal["counts", "area"] = "counts") -> np.ndarray:
        """Return the fractions of a region under each of `rotations`, (n, K); see `fractions_of`."""
        return self._under(self.rotations, mask, weight)

    def own_fractions(self, mask: Any, weight: Literal["counts", "area"] = "counts") -> np.ndarray:
        """Return the fractions of a region by the estimate itself, (K,), reckoned as those of `fractions_of`."""
        return self._under(np.eye(len(self.known))[None], mask, weight)[0]

    def _under(self, rotations: np.ndarray, mask: Any, weight: str) -> np.ndarray:
        mask = require_mask(mask, self.navigation_shape)
        if weight not in ("counts", "area"):
            raise ValueError(f"weight must be 'counts' or 'area', got {weight!r}")
        amounts = self.amounts[mask.ravel()]
        totals = amounts.sum(axis=1, keepdims=True)
        inside = totals[:, 0] > 0.5  # of a count
        if weight == "area":
            amounts = amounts / np.where(inside[:, None], totals, 1)
        total = amounts[inside].sum(axis=0)
        if not inside.any():
            everything = np.array([[0.0], [1.0]])  # an empty region may be anything
            return np.repeat(everything, total.size, axis=1)  # under any rotation
        return _shares(total @ np.linalg.inv(rotations))


def identify(
    result: Unmixing,
    image: SpectrumImage,
    *,
    known: Sequence[bool] | None = None,
    confidence: float = 0.95,
    n_steps: int = 20,
    seed: int = 0,
    assume: Sequence[Assumption] | Assumption = (),
) -> Identified:
    """Find the feasible range of every endmember and every fraction.

    Ask it of every blind result before you believe its spectra or fractions.

    Parameters
    ----------
    result : Unmixing
        A result without negative values (no PCA or ICA).
    image : SpectrumImage
        The image that was unmixed.
    known : K bools, optional
        True for components whose spectra are known. Where not given: those that the result marks as known or unique.
    confidence : float
        The true rotation passes the test with at least about this probability.
    n_steps : int
        Steps of each random walk, from whose ends the extremes are climbed to.
    seed : int
        The same seed gives the same result.
    assume : sequence of PureAreas, Owns or Reference
        What is believed besides the counts. It narrows the range, and the counts may contradict it, which a warning
        says. The range need not contain the estimate then.

    Returns
    -------
    Identified

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, or the result is not of this image.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(element).record(energy_kev, Detector()) for element in ("Cr", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "nmf")
    >>> found = bu.identify(result, image)
    >>> bool((found.overall.lower <= found.overall.upper).all())
    True
    >>> found.fractions.lower.shape, found.endmembers.upper.shape
    ((64, 2), (2, 450))
    """
    estimate = _validated(result, image, confidence, n_steps)
    require_seed(seed)
    held = _known(result, known)
    assume = listed(assume)
    amounts = image.counts @ estimator(estimate.endmembers, image.sum_spectrum()).T
    asked = assumed(assume, estimate, image, result.names, amounts)
    misses = unexplained(assume, asked.rows, held, result.names, estimate, image)
    if held.all() or held.size == 1:
        alone = np.eye(held.size)
        worst = max((constraint(alone)[0].max(initial=0) for constraint in asked.constraints), default=0.0)
        warnings = (*contradicted(assume, worst), *misses)
        return _over(
            alone[None], image, estimate, estimate.abundances, held, warnings, tuple(map(str, assume))
        )
    # The answer must not depend on how components are numbered: the walk has an order of its own.
    order = np.lexsort((estimate.endmembers @ image.spectral_axis.values, -estimate.abundances.sum(axis=0)))
    back = np.argsort(order)
    ordered = estimate.reorder(order)
    given = ~np.isnan(asked.rows[order]).any(axis=1) & ~held[order]
    free = ~held[order] & ~given
    start = np.where(given[:, None], asked.rows[order][:, order], np.eye(held.size))
    rng = np.random.default_rng(seed)
    evidence = gather(image, ordered.endmembers, confidence)
    evidence = evidence._replace(
        constraints=tuple(_in_order(constraint, back, order) for constraint in asked.constraints)
    )
    test = partial(excess, evidence)
    occupied = np.flatnonzero(ordered.abundances.sum(axis=1))
    quantities = sample(ordered.endmembers, ordered.abundances[occupied], image.sum_spectrum(), free, rng)
    with threadpool_limits(1):  # many small products: threads would only wait for each other
        goals = objectives(quantities, rng)
        if not is_proper(start):
            start, worst = np.eye(held.size), np.inf
        else:
            start, worst = settle(evidence, start, free) if assume else (start, 0.0)
        found = start[None]
        if worst <= 1 and free.any():
            found = climb_all(evidence, walk(test, start, goals, free, n_steps, rng), free, goals)
    kept = found[most_extreme(found, quantities)]
    first = start[back][:, back]
    others = [rotation for rotation in kept[:, back][:, :, back] if not np.array_equal(rotation, first)]
    rotations = np.array([first, *others])
    warnings = (*_warnings(misfit(evidence)), *contradicted(assume, worst), *misses)
    return _over(rotations, image, estimate, amounts, held, warnings, tuple(map(str, assume)))


def recalled(result: Unmixing, image: SpectrumImage) -> Identified | None:
    """Return the ranges over the rotations that a result has already, or None if it has none."""
    posterior = result.posterior
    if posterior is None or posterior.rotations is None:
        return None
    estimate = result.estimate.canonical()
    amounts = image.counts @ estimator(estimate.endmembers, image.sum_spectrum()).T
    assumptions = tuple(result.info.get("assumptions", ()))
    return _over(posterior.rotations, image, estimate, amounts, _known(result, None), (), assumptions)


def _validated(result: Unmixing, image: SpectrumImage, confidence: float, n_steps: int) -> Factorization:
    require_result_of(result, image)
    require_nonnegative(result, "what is feasible is decided by non-negativity")
    require_share("confidence", confidence, "0.95 is usual")
    if isinstance(n_steps, bool) or not isinstance(n_steps, int | np.integer) or n_steps < 1:
        raise ValueError(f"n_steps must be a whole number, at least 1, got {n_steps!r}; for example 20")
    return result.estimate.canonical()


def _known(result: Unmixing, known: Sequence[bool] | None) -> np.ndarray:
    if known is None:
        return np.array(result.known) | np.array(result.unique)
    given, n_components = np.asarray(known), result.estimate.n_components
    if given.shape != (n_components,) or given.dtype != bool:
        raise ValueError(f"known must be one bool for each of the {n_components} components, got {known!r}")
    return given


def _over(
    rotations: np.ndarray,
    image: SpectrumImage,
    estimate: Factorization,
    amounts: np.ndarray,
    known: np.ndarray,
    warnings: tuple[str, ...],
    assumptions: tuple[str, ...],
) -> Identified:
    """Evaluate every quantity under every rotation."""
    back = np.linalg.inv(rotations)
    fractions = np.zeros((2, *estimate.abundances.shape))
    fractions[1] = 1
    occupied = np.flatnonzero(estimate.abundances.sum(axis=1))
    step = max(BLOCK_ENTRIES // back[:, 0].size, 1)
    for i in range(0, occupied.size, step):
        rows = occupied[i : i + step]
        under = _shares(estimate.fractions[rows] @ back)
        fractions[:, rows] = under.min(axis=0), under.max(axis=0)
    overall = _shares(amounts.sum(axis=0) @ back)
    return Identified(
        Range(*endmember_range(rotations, estimate.endmembers)),
        Range(*fractions),
        Range(overall.min(axis=0), overall.max(axis=0)),
        rotations,
        amounts,
        known,
        image.navigation_shape,
        warnings,
        assumptions,
    )


def _shares(values: np.ndarray) -> np.ndarray:
    """Leave out what is negative within the noise, and divide by the sum along the last axis."""
    clipped = np.maximum(values, 0)
    return np.asarray(clipped / np.maximum(clipped.sum(axis=-1, keepdims=True), 1e-300))


def _in_order(constraint: Constraint, back: np.ndarray, order: np.ndarray) -> Constraint:
    """Ask a constraint of a rotation whose components have another order."""

    def reordered(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = constraint(rotation[back][:, back])
        return values, slopes[:, order][:, :, order]

    return reordered


def _warnings(misfit: float) -> tuple[str, ...]:
    if misfit < MISFIT:
        return ()
    return (
        f"The components do not explain the counts within their noise (chi-square {misfit:.1f} per degree of freedom). "
        "The number of components or the model may be wrong, and so may these ranges.",
    )
