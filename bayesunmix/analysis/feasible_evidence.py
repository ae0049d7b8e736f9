r"""Whether counts allow a factorisation to be rotated: the likelihood of a non-negative refit, and what noise explains.

With endmembers E (K, C) that sum to one, every T whose rows sum to one gives another factorisation of the same
product, :math:`A E = (A T^{-1}) (T E)`. It is a solution if both factors are non-negative within the noise of the
counts. Superpixels are refitted with non-negative abundances given :math:`T E`, and channels with non-negative
endmembers given :math:`A T^{-1}` (`bayesunmix.analysis.feasible_refit`). The refit loses log-likelihood, and the loss
is compared with what noise explains.

Let m be the number of amounts that the refit puts to zero. If the truth is non-negative, twice the loss is at most
chi-square with m degrees of freedom, given m [1]_ [2]_. No number of amounts that are truly zero has to be known. The
loss of the estimate itself is not counted: a range always contains the estimate.

References
----------
.. [1] P. C. Wollan and R. L. Dykstra, "Conditional tests with an order restriction as a null hypothesis", in Advances
   in Order Restricted Statistical Inference, 279 (Springer, 1986).
.. [2] E. Susko, "Likelihood ratio tests with boundary constraints using data-dependent degrees of freedom",
   Biometrika 100, 1019 (2013).
.. [3] W. H. Lawton and E. A. Sylvestre, "Self modeling curve resolution", Technometrics 13, 617 (1971): the two
   inequalities without noise.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from bayesunmix.analysis.feasible_refit import Refit, Rows, fitted, merging, refit, rows_of
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage

# Per superpixel: enough for its composition; and as few as the chi-square of a refit bears.
LEAST_COUNTS = 200, 50
MOST_SUPERPIXELS = 1024
LEAST_OF_GROUP = 300  # counts in a group of channels
MOST_GROUPS = 512
MOST_MERGED = 48
LEAST_RATE = 1e-3  # counts
REFINEMENTS = 2  # of the space that endmembers span
WORST_ROWS = 12  # that are looked at one by one
SMOOTH = 1e-4  # rounds the root of a part at zero
RIDGE = 1e-9  # of a unit diagonal: keeps equal endmembers solvable
# Of rotations. Beyond these, components that no count tells apart would run to infinity; real sets end far inside.
SMALLEST_VOLUME, LARGEST = 1e-6, 30.0


# What is asked of a rotation besides: parts of the test, (M,), and their derivatives, (M, K, K).
Constraint = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Losses(NamedTuple):
    """Log-likelihood that non-negativity costs: of the rows in which a component is at zero (K,), of each row (N,)."""

    of_component: np.ndarray
    of_row: np.ndarray


class Side(NamedTuple):
    """One side of the test: abundances of superpixels of one size, or endmembers of groups of channels.

    Attributes
    ----------
    rows : Rows
    largest_of_row : (K + 1,) array
        Largest loss of log-likelihood of one row for so many amounts at zero.
    at_estimate : Losses
        Under the estimate itself, which are not counted.
    of_endmembers : bool
    """

    rows: Rows
    largest_of_row: np.ndarray
    at_estimate: Losses
    of_endmembers: bool

    def turned(self, rotation: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what turns the dictionary of this side, and its inverse; abundances are that of endmembers."""
        return (back.T, rotation.T) if self.of_endmembers else (rotation, back)


class Evidence(NamedTuple):
    """What the counts say about every rotation.

    Attributes
    ----------
    sides : tuple of Side
        Abundances of superpixels, and endmembers of groups of channels, for superpixels of one or two sizes: large ones
        see a small loss that is everywhere, small ones a small place. In superpixels, channels with like shares of the
        endmembers are merged, and in channels superpixels of like composition.
    largest : (M + 1,) array
        Largest loss of log-likelihood for m amounts at zero, of all rows in which one component is at zero.
    constraints : tuple of Constraint
        Of assumptions (`bayesunmix.analysis.assumptions`).
    """

    sides: tuple[Side, ...]
    largest: np.ndarray
    constraints: tuple[Constraint, ...] = ()


def gather(image: SpectrumImage, endmembers: np.ndarray, confidence: float) -> Evidence:
    """Pool the counts and fit them without constraints; the true rotation passes with this confidence."""
    by_group = summing_matrix(_channel_groups(image.sum_spectrum())).astype(np.float64)
    blocks = dict.fromkeys(_block(image, least_counts) for least_counts in LEAST_COUNTS)
    pooled = [_rows(_pooled(image, block, by_group), endmembers @ by_group.T) for block in blocks]
    n_components = len(endmembers)
    identity = np.eye(n_components)
    tail = (1 - confidence) / (2 * len(pooled) * (n_components + 1))
    sides = tuple(
        Side(
            rows,
            _largest_loss(tail / len(rows.counts), n_components),
            _losses(rows, identity, identity),
            of_endmembers,
        )
        for both in pooled
        for rows, of_endmembers in zip(both, (False, True), strict=True)
    )
    most = max(len(side.rows.counts) for side in sides)
    return Evidence(sides, _largest_loss(tail, n_components * most))


def _rows(counts: np.ndarray, spectra: np.ndarray) -> tuple[Rows, Rows]:
    """Fit superpixels, whose channels are merged, and channels, whose superpixels are merged, without constraints."""
    like_channels = merging(spectra.T, counts.sum(axis=0), MOST_MERGED)
    merged = counts @ like_channels
    solve = estimator(spectra, counts.sum(axis=0))
    dictionary = spectra
    for _ in range(REFINEMENTS):
        # Free amounts, because those of the estimate may have to be negative where it is not the truth.
        start = fitted(merged, np.maximum(dictionary @ like_channels, 0))
        abundances = rows_of(merged, dictionary @ like_channels, start)
        amounts = abundances.free.astype(np.float64)
        like_pixels = merging(np.maximum(amounts, 0), counts.sum(axis=1), MOST_MERGED)
        of_channels = rows_of(
            (like_pixels.T @ counts).T, (like_pixels.T @ amounts).T, np.maximum(dictionary.T, 0)
        )
        # What the counts say of the endmembers, but for a rotation: that of the estimate stays the identity.
        counted = of_channels.free.T.astype(np.float64)
        if np.linalg.cond(turn := counted @ solve.T) < LARGEST:
            dictionary = np.linalg.solve(turn, counted)
    return abundances, of_channels


def estimator(endmembers: np.ndarray, sum_spectrum: np.ndarray) -> np.ndarray:
    """Return B (K, C), the weighted least squares that turns counts into abundances; its columns sum to one."""
    share = np.full(len(endmembers), sum_spectrum.sum() / len(endmembers))
    # The weights need no more than a rough mean composition, and any one with mean spectrum > 0 is unbiased.
    for _ in range(200):
        share *= endmembers @ (sum_spectrum / np.maximum(share @ endmembers, RIDGE))
    expected = share @ endmembers
    seen = expected > RIDGE * expected.max()
    weighed = np.where(seen, endmembers / np.where(seen, expected, 1), 0)
    found = np.linalg.solve(_ridged(weighed @ endmembers.T), weighed)
    # Exactly one but for the ridge and for how far the composition has settled.
    total = found.sum(axis=0)
    return np.asarray(found + np.where(seen, (1 - total) / len(found), 1 / len(found)))


def excess(evidence: Evidence, rotations: np.ndarray) -> np.ndarray:
    """Return by what factor the worst part of the loss passes what noise explains, (n,): feasible up to one.

    Parameters
    ----------
    evidence : Evidence
    rotations : (n, K, K) array
        Rows sum to one. Those with huge entries, or of nearly no volume, are not feasible.
    """
    found = np.full(len(rotations), np.inf)
    proper, backs = _proper(rotations)
    for i, back in zip(proper, backs, strict=True):
        found[i] = _excess(evidence, rotations[i], back)
    return found


def misfit(evidence: Evidence) -> float:
    """Return Pearson's chi-square of the fit without constraints, per degree of freedom."""
    rows = evidence.sides[0].rows
    rate = np.maximum(rows.free.astype(np.float64) @ rows.dictionary, LEAST_RATE)
    seen = rate > LEAST_RATE
    squares = np.where(seen, (rows.counts - rate) ** 2 / rate, 0)
    return float(squares.sum() / max(np.count_nonzero(seen) - rows.free.size, 1))


def is_proper(rotation: np.ndarray) -> bool:
    """Return True unless two components have become the same, changed places, or nearly so."""
    return len(_proper(rotation[None])[0]) == 1


def parts(evidence: Evidence, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of the test, (M,), and their derivatives by the entries of the rotation, (M, K, K).

    Each part is a loss over what noise explains: of each component and of the worst rows, side by side, and then of
    the constraints.
    """
    back = np.linalg.inv(rotation)
    values, slopes = [], []
    for side in evidence.sides:
        some, turned = _part(evidence, side, *side.turned(rotation, back))
        if side.of_endmembers:
            turned = -np.swapaxes(back @ turned @ back, 1, 2)  # by the rotation, not by its inverse
        values.append(some)
        slopes.append(turned)
    for constraint in evidence.constraints:
        some, turned = constraint(rotation)
        values.append(some)
        slopes.append(turned)
    return np.concatenate(values), np.concatenate(slopes)


def roots(values: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the roots of parts and their derivatives: beyond the edge of the set they are nearly linear in T."""
    root = np.sqrt(np.maximum(values, 0) + SMOOTH)
    return root, slopes / (2 * root[:, None, None])


def _excess(evidence: Evidence, rotation: np.ndarray, back: np.ndarray) -> float:
    worst = max((constraint(rotation)[0].max() for constraint in evidence.constraints), default=0.0)
    for side in evidence.sides:
        if worst > 1:
            break
        worst = max(worst, _worst(evidence, side, *side.turned(rotation, back)))
    return float(worst)


def _proper(rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rotations (n, K, K) that are proper, and their inverses."""
    indices = np.flatnonzero(np.linalg.det(rotations) > SMALLEST_VOLUME)
    backs = np.linalg.inv(rotations[indices])
    largest = np.maximum(*(np.abs(entries).max(axis=(1, 2)) for entries in (rotations[indices], backs)))
    return indices[largest < LARGEST], backs[largest < LARGEST]


class _Parts(NamedTuple):
    """Hold the parts of one side of the test, and what they are divided by.

    Attributes
    ----------
    of_component : (K,) array
    of_row : (n,) array
        Of the rows that were refitted.
    found : Refit
    largest : (K,) array
    largest_of_row : (n,) array
    """

    of_component: np.ndarray
    of_row: np.ndarray
    found: Refit
    largest: np.ndarray
    largest_of_row: np.ndarray


def _all_parts(evidence: Evidence, side: Side, turn: np.ndarray, back: np.ndarray) -> _Parts:
    """Return all parts of one side."""
    found = refit(side.rows, turn, back)
    free = side.at_estimate
    number = found.at_zero.sum(axis=1)
    largest = evidence.largest[number @ found.at_zero]
    largest_of_row = side.largest_of_row[number]
    of_component = (found.cost @ found.at_zero - free.of_component) / largest
    of_row = (found.cost - free.of_row[found.broken]) / largest_of_row
    return _Parts(of_component, of_row, found, largest, largest_of_row)


def _worst(evidence: Evidence, side: Side, turn: np.ndarray, back: np.ndarray) -> float:
    """Return the largest part, without its derivatives: most rotations are asked for no more."""
    of_component, of_row, *_ = _all_parts(evidence, side, turn, back)
    return float(max(of_component.max(), of_row.max(initial=-np.inf)))


def _part(
    evidence: Evidence, side: Side, turn: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of one side that are looked at, and their derivatives."""
    of_component, of_row, found, largest, largest_of_row = _all_parts(evidence, side, turn, back)
    worst = np.argsort(-of_row, kind="stable")[:WORST_ROWS]
    weights = np.zeros((len(of_row), len(back) + WORST_ROWS))
    weights[:, : len(back)] = found.at_zero / largest
    weights[worst, len(back) + np.arange(len(worst))] = 1 / largest_of_row[worst]
    slopes = found.derivatives(side.rows)
    derivatives = weights.T @ slopes.reshape(len(of_row), len(back) ** 2)
    values = np.zeros(len(back) + WORST_ROWS)
    values[: len(back)], values[len(back) : len(back) + len(worst)] = of_component, of_row[worst]
    return values, -derivatives.reshape(-1, len(back), len(back))


def _losses(rows: Rows, turn: np.ndarray, back: np.ndarray) -> Losses:
    found = refit(rows, turn, back)
    of_row = np.zeros(len(found.broken))
    of_row[found.broken] = found.cost
    return Losses(found.cost @ found.at_zero, of_row)


def _largest_loss(tail: float, most: int) -> np.ndarray:
    quantile = chi2.isf(tail, np.arange(1, most + 1)) / 2
    return np.concatenate([quantile[:1], quantile])


def _ridged(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(matrix + RIDGE * np.trace(matrix) / len(matrix) * np.eye(len(matrix)))


def _pooled(image: SpectrumImage, block: tuple[int, ...], by_group: np.ndarray) -> np.ndarray:
    """Sum the counts of superpixels and of groups of channels, and leave out superpixels without counts."""
    by_block = summing_matrix(image.block_of_pixel(block)).astype(np.float64)
    counts = (by_block @ image.counts.astype(np.float64) @ by_group.T).toarray()
    return np.asarray(counts[counts.any(axis=1)])


def _block(image: SpectrumImage, least_counts: float) -> tuple[int, ...]:
    """Pixels per superpixel along each axis: the smallest power of two that gathers enough counts."""
    occupied = np.count_nonzero(np.diff(image.counts.indptr))
    n_axes, size = len(image.navigation_shape), 1
    while size < max(image.navigation_shape) and (
        image.n_photons / occupied * size**n_axes < least_counts or occupied / size**n_axes > MOST_SUPERPIXELS
    ):
        size *= 2
    return tuple(min(size, side) for side in image.navigation_shape)


def _channel_groups(spectrum: np.ndarray) -> np.ndarray:
    """Group of each channel: neighbours are merged until they hold enough counts."""
    enough = max(LEAST_OF_GROUP, spectrum.sum() / MOST_GROUPS / 4)
    before = np.concatenate([[0], np.cumsum(spectrum)[:-1]])
    group, start = np.zeros(spectrum.size, int), 0
    for channel in range(1, spectrum.size):
        full = before[channel] - before[start] >= enough
        group[channel] = group[channel - 1] + full
        start = channel if full else start
    return group
