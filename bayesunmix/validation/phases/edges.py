"""Measure how the counts change across the longest boundary of a map: a step in the claim, a slope in the counts.

The share of one phase is estimated without a fit (`bayesunmix.validation.amounts.photon_weights`) in pixels of equal
distance from the boundary. Both spectra come from the cores of the two phases.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.amounts.photon_weights import photon_weights
from bayesunmix.validation.case import Case

FARTHEST = 6  # pixels from the boundary


class EdgeProfile(NamedTuple):
    """Hold the share of one phase against the distance from its boundary to another.

    Attributes
    ----------
    inside, outside : int
        The two phases.
    distance_px : (n,) array
        Positive inside; the boundary is at 0.
    share : (n,) array
        Share of the counts of both that belong to the phase inside.
    sd : (n,) array
        From counting.
    n_pixels : (n,) int array
    """

    inside: int
    outside: int
    distance_px: np.ndarray
    share: np.ndarray
    sd: np.ndarray
    n_pixels: np.ndarray


def edge_profile(case: Case) -> EdgeProfile | None:
    """Return the profile across the longest boundary of two phases that both have a core.

    None where there is none, or it has too few counts.
    """
    with_core = [k for k in range(case.claim.n_phases) if case.spectrum_of(case.core_of(k)).any()]
    lengths = {pair: _boundary_length(case.labels, *pair) for pair in combinations(with_core, 2)}
    if not lengths or max(lengths.values()) == 0:
        return None
    inside, outside = max(lengths, key=lambda pair: lengths[pair])
    spectra = np.array([case.spectrum_of(case.core_of(k)) for k in (inside, outside)], float)
    groups = groups_by_counts(spectra.sum(axis=0))
    gather = np.eye(groups.max() + 1)[groups]
    grouped = spectra @ gather
    grouped /= grouped.sum(axis=1, keepdims=True)
    weights = photon_weights(grouped, grouped.mean(axis=0)).values
    distance = _signed_distance(case.labels == inside, case.labels == outside)
    rows = []
    for low in np.arange(-FARTHEST, FARTHEST):
        where = (distance > low) & (distance <= low + 1)
        counts = case.spectrum_of(where) @ gather
        if counts.sum() < 10:
            continue
        found, variance = weights @ counts, (weights**2) @ counts
        total = found.sum()
        sd = np.sqrt((variance * [found[1] ** 2, found[0] ** 2]).sum()) / total**2
        rows.append((low + 0.5, found[0] / total, sd, int(where.sum())))
    if not rows:
        return None
    at, share, sds, n_pixels = map(np.array, zip(*rows, strict=True))
    return EdgeProfile(inside, outside, at, share, sds, n_pixels)


def _boundary_length(labels: np.ndarray, a: int, b: int) -> int:
    """Return how many pixels of one phase touch the other, in pixel edges."""
    pairs = ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1]))
    return sum(int((((x == a) & (y == b)) | ((x == b) & (y == a))).sum()) for x, y in pairs)


def _signed_distance(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return the distance of pixels from the boundary of two phases; nan elsewhere, and where a third is nearer."""
    away, to = ndimage.distance_transform_edt(~outside), ndimage.distance_transform_edt(~inside)
    elsewhere = ~(inside | outside)
    third = ndimage.distance_transform_edt(~elsewhere) if elsewhere.any() else np.full(inside.shape, np.inf)
    distance = np.where(inside, away - 0.5, np.where(outside, 0.5 - to, np.nan))
    return np.where(third > np.abs(distance), distance, np.nan)
