r"""Ask whether two claimed phases are different, although the labels were made from the same counts.

How different two groups of pixels are, A and B, is measured by

.. math:: X^2 = \frac{N_A N_B}{N_A + N_B} \sum_g (p_{Ag} - p_{Bg})^2 / m_g .

A program that is told to find two phases finds two, and they differ, even where there is one: the counts that made the
labels are the counts that are compared ("double dipping" [1]_). So the comparison is made again with permuted photons:

1. No labels whatever can make :math:`X^2` larger than the largest eigenvalue of the residuals of pixels x channel
   groups. Where it exceeds that of permuted photons, the phases are different, by whatever program they were found.
2. Otherwise permuted photons are clustered again, in the ways that vendors' programs may use, with patches of the map's
   size. The way in which they differ most counts: the program itself is not known.

Labels made elsewhere (EBSD, by hand, another detector) need neither: their photons are exchanged between the two.

How large the difference is: :math:`\delta^2 = \sum (p - q)^2 / m` without what noise adds; the total variation
distance is at most :math:`\delta / 2`. A debiased estimate of that distance itself would be blind to small differences.

References
----------
.. [1] A. Neufeld, A. Dharamshi, L. L. Gao and D. Witten, "Data thinning for convolution-closed distributions",
       Journal of Machine Learning Research 25 (2024) 1-35.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.phases.clustered_again import Clusterer
from bayesunmix.validation.phases.phase_pixels import counts_per_pixel
from bayesunmix.validation.phases.photon_list import PhotonList, list_photons
from bayesunmix.validation.phases.ranking import gumbel_tail
from bayesunmix.validation.words import say_interval, say_number, say_probability

COARSE_GROUPS = 40
EXCHANGES = 199  # of labels made elsewhere
PERMUTATIONS = 9  # for the bound on any labels, which hardly scatters
BEYOND = 1e-3  # probability below which the bound, by its tail, decides
CLUSTERINGS = 39
ENOUGH = 6  # clusterings, where what is seen is far beyond them
FEWEST_COUNTS = 100  # of each phase
FEWEST_PIXELS = 20
MOST_PHOTONS = 5e5
_STREAM = 5501

How = Literal["any labels", "clustered again", "exchanged"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Hold how different two phases are.

    Parameters
    ----------
    first, second : int
    distance : Quantity
        Half the chi-square distance of their spectra: the total variation distance is at most this. It is too large
        where the labels were made from these counts.
    p_value : float or None
        Probability that two parts of one phase differ as much. None for a pair that was not tested.
    how : {"any labels", "clustered again", "exchanged"} or None
        What the p-value was found by: see the module.
    """

    first: int
    second: int
    distance: Quantity
    p_value: float | None
    how: How | None


@dataclass(frozen=True, eq=False)
class Differences:
    """Hold how different all pairs of phases are, the most alike first.

    Parameters
    ----------
    pairs : tuple of Pair
    evidence : tuple of Evidence
        About each phase and the one that it is most like, and all that may be the same.
    """

    pairs: tuple[Pair, ...]
    evidence: tuple[Evidence, ...]


def differences(case: Case) -> Differences:
    """Test whether claimed phases are different.

    Each phase is tested against the one that it is most like: two that are the same are that to each other.
    """
    spectra = [case.spectrum_of(case.core_of(k)) for k in range(len(case.names))]
    tested = [k for k, spectrum in enumerate(spectra) if spectrum.sum() >= FEWEST_COUNTS]
    compared = [_compared(case, a, b, spectra[a], spectra[b]) for a, b in combinations(tested, 2)]
    compared.sort(key=lambda one: one.distance.mean)
    seen: set[int] = set()
    pairs, evidence = [], []
    for one in compared:
        nearest = not {one.first, one.second} <= seen
        seen |= {one.first, one.second}
        if not nearest and one.distance.lower > case.tolerance.difference:
            pairs.append(Pair(one.first, one.second, one.distance, None, None))
            continue
        p_value, how = _tested(case, one)
        pair = Pair(one.first, one.second, one.distance, p_value, how)
        pairs.append(pair)
        evidence.append(_evidence(case, pair, p_value, one.p_same))
    return Differences(tuple(pairs), tuple(evidence))


class _Compared(NamedTuple):
    """Hold the counts of two phases in channel groups, their distance, and how probable one as small is.

    `p_same` is the probability that phases which differ by the tolerance look as alike as they do.
    """

    first: int
    second: int
    group: np.ndarray
    counts: tuple[np.ndarray, np.ndarray]
    distance: Quantity
    p_same: float


def _compared(case: Case, a: int, b: int, first: np.ndarray, second: np.ndarray) -> _Compared:
    group = groups_by_counts(first + second, COARSE_GROUPS)
    one, other = (np.bincount(group, spectrum).astype(np.int64) for spectrum in (first, second))
    return _Compared(a, b, group, (one, other), *_distance(one, other, case.tolerance.difference))


def _tested(case: Case, pair: _Compared) -> tuple[float, How]:
    """Return the probability that two parts of one phase differ as much, and how it was found."""
    a, b, group = pair.first, pair.second, pair.group
    rng = np.random.default_rng([case.seed, _STREAM, a, b])
    if case.claim.made_from == "elsewhere":
        one, total = pair.counts[0], pair.counts[0] + pair.counts[1]
        drawn = rng.multivariate_hypergeometric(total, int(one.sum()), EXCHANGES, method="marginals")
        others = np.array([_chi_square(part, total - part, total) for part in drawn])
        return _p_value(_chi_square(one, total - one, total), others), "exchanged"
    region = _region(case, a, b)
    photons = list_photons(case.image, region, group, MOST_PHOTONS, rng)
    seen = _chi_square_of(photons, (case.labels.ravel() == a)[photons.pixels])
    bound = np.array([_largest(photons, rng.permutation(photons.groups)) for _ in range(PERMUTATIONS)])
    p_value = gumbel_tail(bound, seen)
    if p_value <= BEYOND:
        return p_value, "any labels"
    return _clustered_again(case, a, b, region, rng), "clustered again"


def _region(case: Case, a: int, b: int) -> np.ndarray:
    """Return the pixels of both phases that no third label reaches, or all of them where these are too few."""
    both = np.isin(case.labels, (a, b))
    if both.all():
        return both
    steps = ndimage.distance_transform_cdt(np.pad(both, 1, "edge"), "chessboard")[1:-1, 1:-1]
    inner = both & (steps > case.radius)
    fewest = min(np.count_nonzero(inner & (case.labels == k)) for k in (a, b))
    return inner if fewest >= FEWEST_PIXELS else both


def _clustered_again(case: Case, a: int, b: int, region: np.ndarray, rng: np.random.Generator) -> float:
    """Return how often permuted photons make two clusters that differ as much."""
    clusterer = Clusterer(case.image, region, case.seed)
    clusterer.match(np.where(region, case.labels, -1), (a, b), rng)
    photons = clusterer.photons(rng)
    group = groups_by_counts(np.bincount(photons.groups), COARSE_GROUPS)
    in_groups = photons._replace(groups=group[photons.groups])
    seen = _chi_square_of(in_groups, (case.labels.ravel() == a)[photons.pixels])
    others: list[float] = []
    for _ in range(CLUSTERINGS):
        permuted = rng.permutation(photons.groups)
        again = in_groups._replace(groups=group[permuted])
        found = [labels[photons.pixels] for labels in clusterer.labels(photons, permuted)]
        others.append(max(_chi_square_of(again, labels == 0, labels == 1) for labels in found))
        if np.count_nonzero(np.array(others) >= seen) > case.level * (CLUSTERINGS + 1) - 1:
            break  # whatever follows, it is not small
        if len(others) >= ENOUGH and (p_value := gumbel_tail(np.array(others), seen)) <= BEYOND:
            return p_value
    return _p_value(seen, np.array(others))


def _p_value(seen: float, others: np.ndarray) -> float:
    return (1 + int(np.count_nonzero(others >= seen - 1e-9))) / (len(others) + 1)


def _chi_square_of(photons: PhotonList, first: np.ndarray, second: np.ndarray | None = None) -> float:
    """Return the statistic for two sets of the listed pixels."""
    of_pixel = photons.pixel_of_photon
    n_groups = int(photons.groups.max()) + 1
    total = np.bincount(photons.groups, minlength=n_groups)
    in_first = np.bincount(photons.groups[first[of_pixel]], minlength=n_groups)
    if second is None:
        in_second = total - in_first
    else:
        in_second = np.bincount(photons.groups[second[of_pixel]], minlength=n_groups)
    return _chi_square(in_first, in_second, total)


def _chi_square(first: np.ndarray, second: np.ndarray, total: np.ndarray) -> float:
    n_first, n_second = int(first.sum()), int(second.sum())
    if not n_first or not n_second:
        return 0.0
    mean = total / total.sum()
    apart = np.square(first / n_first - second / n_second)
    return float(n_first * n_second / (n_first + n_second) * (apart[mean > 0] / mean[mean > 0]).sum())


def _largest(photons: PhotonList, groups: np.ndarray) -> float:
    """Return the largest value that the statistic can have for any two sets of pixels."""
    n_groups, n_pixels = int(groups.max()) + 1, photons.pixels.size
    cells = photons.pixel_of_photon.astype(np.int64) * n_groups + groups
    counts = np.bincount(cells, minlength=n_pixels * n_groups).reshape(n_pixels, n_groups)
    counts = counts[photons.totals > 0]
    total = counts.sum(axis=1, keepdims=True)
    expected = total * (counts.sum(axis=0) / total.sum())
    occurs = expected.any(axis=0)
    residual = (counts - expected)[:, occurs] / np.sqrt(expected[:, occurs])
    return float(np.linalg.eigvalsh(residual.T @ residual)[-1])


def _distance(first: np.ndarray, second: np.ndarray, tolerance: float) -> tuple[Quantity, float]:
    """Return half the chi-square distance, and the probability of one as small if it were the tolerance."""
    n_first, n_second = float(first.sum()), float(second.sum())
    p, q = first / n_first, second / n_second
    mean = (p + q) / 2
    occurs = mean > 0
    noise = 1 / n_first + 1 / n_second
    freedom = np.count_nonzero(occurs) - 1
    square = float(((p - q)[occurs] ** 2 / mean[occurs]).sum()) - noise * freedom

    def sd(true: float) -> float:
        return math.sqrt(2 * freedom * noise**2 + 4 * max(true, 0.0) * noise)

    error = sd(square)
    centre, lower, upper = (
        math.sqrt(min(max(max(square, 0.0) + shift * error, 0.0), 4.0)) / 2
        for shift in (0, -HALF_90, HALF_90)
    )
    limit = 4 * tolerance**2
    p_same = float(ndtr((square - limit) / max(sd(limit), 1e-300)))
    return Quantity(centre, lower, upper, 0.9, None, (upper - lower) / (2 * HALF_90), 0.0, None), p_same


def _evidence(case: Case, pair: Pair, p_value: float, p_same: float) -> Evidence:
    a, b = (case.names[k] for k in (pair.first, pair.second))
    distance, tolerance = pair.distance, case.tolerance.difference
    if distance.upper <= tolerance:
        says = f"the spectra of {a} and {b} differ by less than {say_number(tolerance)} (upper bound "
        says += f"{say_number(distance.upper)}): one phase, split in two"
    else:
        none = distance.mean <= 0
        size = f"{say_number(distance.upper) if none else say_interval(distance)} of the counts"
        seldom = {
            "any labels": "more than any labels of one phase could",
            "clustered again": f"as two clusters of one phase would in {say_probability(p_value)}",
            "exchanged": f"as two parts of one phase would in {say_probability(p_value)}",
        }
        says = f"the spectra of {a} and {b} differ by up to {size}, {seldom[pair.how or 'exchanged']}"
    needed = None
    if distance.upper > tolerance and (p_value > case.level or distance.lower <= tolerance):
        needed = counts_per_pixel(case) * (distance.upper**2 - distance.mean**2) / tolerance**2
    return Evidence(
        f"phases {a} and {b}",
        "Are they different?",
        "difference",
        says,
        distance,
        tolerance,
        wrong_side="below",
        p_against=p_same,
        p_for=p_value,
        counts_needed=needed,
    )
