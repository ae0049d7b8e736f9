r"""Check claimed area fractions: against the claimed map, exactly, and against the counts, with errors.

A fraction is of all pixels or of those that have a phase; a table seldom says which, so both count as right. Half a
unit of its last digit is granted. "Area" has two more meanings where pixels are mixtures: the mean of the pixels'
shares, and the pixels that have most of a phase. Both are compared, and a claim is contradicted only if it is off in
both.

How much a boundary says is its edge band: half a pixel to either side of the whole boundary, as a fraction of the area.
What another field of the specimen would give is told by the number of pieces, and not of pixels, which are alike in a
grain: pieces of areas a that fall by chance give the fraction f an error of :math:`f (1 - f) \sqrt{\sum a^2} / \sum a`
[1]_.

References
----------
.. [1] S. N. Chiu, D. Stoyan, W. S. Kendall and J. Mecke, "Stochastic Geometry and its Applications", Wiley (2013),
   chapter 3: the Boolean model.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from bayesunmix.analysis.phase_maps import phase_map
from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.claims.claim import UNDECIDED
from bayesunmix.claims.claimed_parts import ClaimedArea
from bayesunmix.data.draws import quantile
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.amounts.confusion import Confusion
from bayesunmix.validation.amounts.counts_needed import counts_for
from bayesunmix.validation.amounts.photon_rows import INTERVAL
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence, Judgement
from bayesunmix.validation.words import say_phase, say_with_error

LEAST_PIECES = 5  # of a phase, for their sizes to say how much another field would differ
ROUNDING = 1e-9
FAR = 10.0  # times as narrow an interval: what is so near to the tolerance is not promised to be decided


@dataclass(frozen=True, eq=False)
class Area:
    """Hold what a claim and the counts say of the area of one phase.

    Parameters
    ----------
    name : str
    claimed : ClaimedArea or None
        None where the claim has no number for it.
    of_assigned, of_all : float
        Fraction of the claimed map, among the pixels that have a phase, and among all of its pixels.
    share : Quantity or None
        Mean of the shares that the pixels with a phase have of it, by the counts. None without an unmixing that has a
        component for it.
    majority : Quantity or None
        Fraction of these pixels that have most of it. None where the unmixing has no draws of maps.
    edge_band : float
        Half a pixel along its boundary, as a fraction of the pixels that have a phase.
    sampling_sd : float
        Scatter that other fields of the same specimen would have; NaN where there are less than five pieces.
    """

    name: str
    claimed: ClaimedArea | None
    of_assigned: float
    of_all: float
    share: Quantity | None
    majority: Quantity | None
    edge_band: float
    sampling_sd: float


@dataclass(frozen=True, eq=False)
class Areas:
    """Hold the area fractions of all phases.

    Parameters
    ----------
    areas : tuple of K Area
    evidence : tuple of Evidence
    """

    areas: tuple[Area, ...]
    evidence: tuple[Evidence, ...]

    def __getitem__(self, name: str) -> Area:
        """Return the area of a phase."""
        return next(area for area in self.areas if area.name == name)


def area_fractions(case: Case, confusion: Confusion | None = None, result: Unmixing | None = None) -> Areas:
    """Check the claimed area fractions, and say what the map and the counts give.

    Parameters
    ----------
    case : Case
    confusion : Confusion, optional
        What the counts say of each label; without it only the claimed map is compared.
    result : Unmixing, optional
        What it was made from; with draws of maps it also tells the pixels that have most of a phase.
    """
    majorities = _majorities(case, confusion, result)
    areas = tuple(_area(case, k, confusion, majorities[k]) for k in range(len(case.names)))
    claimed = [area for area in areas if area.claimed is not None]
    evidence = [_against_the_map(area, case) for area in claimed]
    evidence += [_against_the_counts(area, case) for area in claimed if area.share is not None]
    return Areas(areas, tuple(evidence))


def _area(case: Case, phase: int, confusion: Confusion | None, majority: Quantity | None) -> Area:
    assigned, own = case.labels >= 0, case.labels == phase
    claimed_map = case.claim.labels if case.claim.labels is not None else case.labels
    of_map = claimed_map == phase
    share = None if confusion is None else confusion.areas[phase]
    return Area(
        case.names[phase],
        case.claim.areas.get(case.names[phase]),
        float(of_map.sum() / max((claimed_map >= 0).sum(), 1)),
        float(of_map.mean()),
        share,
        majority,
        float(_boundary(own, assigned) / 2 / max(assigned.sum(), 1)),
        _sampling_sd(own, assigned),
    )


def _boundary(own: np.ndarray, assigned: np.ndarray) -> float:
    """Return the length of the boundary to other phases, in pixels: steps along rows and columns exaggerate slants."""
    length = 0
    for axis in (0, 1):
        a, b = (np.take(own, range(k, own.shape[axis] - 1 + k), axis) for k in (0, 1))
        both = np.take(assigned, range(own.shape[axis] - 1), axis) & np.take(
            assigned, range(1, own.shape[axis]), axis
        )
        length += int(((a != b) & both).sum())
    return length


def _sampling_sd(own: np.ndarray, assigned: np.ndarray) -> float:
    """Return the scatter of an area fraction over fields in which as many pieces fall by chance, with these areas."""
    sizes = np.bincount(ndimage.label(own)[0].ravel())[1:].astype(np.float64)
    if sizes.size < LEAST_PIECES:
        return math.nan
    fraction = sizes.sum() / assigned.sum()
    return float(fraction * (1 - fraction) * np.sqrt((sizes**2).sum()) / sizes.sum())


def _majorities(case: Case, confusion: Confusion | None, result: Unmixing | None) -> list[Quantity | None]:
    """Return the fraction of the pixels with a label that have most of each phase."""
    if confusion is None or result is None or result.posterior is None:
        return [None] * len(case.names)
    found = phase_map(result, case.image, specimen=case.labels >= 0)
    assert found.bounds is not None
    kinds = found.areas, found.bounds.least_areas, found.bounds.most_areas
    return [
        None if share is None else _of_draws(*(kind[:, list(members)].sum(axis=1) for kind in kinds))
        for share, members in zip(confusion.areas, confusion.members, strict=True)
    ]


def _of_draws(areas: np.ndarray, least: np.ndarray, most: np.ndarray) -> Quantity:
    """Return an area whose mixed pixels may count or not."""
    lower, upper = (
        float(quantile(some, [level])[0])
        for some, level in ((least, (1 - INTERVAL) / 2), (most, (1 + INTERVAL) / 2))
    )
    ends = float(least.mean()), float(most.mean())
    return Quantity(float(areas.mean()), lower, upper, INTERVAL, None, float(areas.std()), 0.0, ends)


def _against_the_map(area: Area, case: Case) -> Evidence:
    """Compare with the claimed map, in which some pixels may not be told: no noise is involved."""
    assert area.claimed is not None
    labels = case.labels if case.claim.labels is None else case.claim.labels
    own, assigned, unsure = (
        int(some.sum()) for some in (labels == case.names.index(area.name), labels >= 0, labels == UNDECIDED)
    )
    granted = max(case.tolerance.area, area.claimed.half_unit) + ROUNDING
    off: dict[str, tuple[float, float]] = {}
    for meaning, of in (("the pixels that have a phase", assigned + unsure), ("all pixels", labels.size)):
        least, most = own / max(of, 1), (own + unsure) / max(of, 1)
        near = max(least - area.claimed.fraction, area.claimed.fraction - most, 0.0)
        off[meaning] = near, max(abs(least - area.claimed.fraction), abs(most - area.claimed.fraction))
    best = min(off, key=lambda meaning: off[meaning])
    near, far = off[best]
    verdict: Judgement = (
        "contradicted" if near > granted else "supported" if far <= granted else "undecidable"
    )
    value = area.of_assigned if best.startswith("the") else area.of_all
    return Evidence(
        f"area of {area.name}",
        "Does it agree with the claimed map?",
        "areas",
        f"{say_phase(area.name)} is said to have {_percent(area.claimed.fraction)} of the area, and the claimed map "
        f"gives it {_percent(value)} of {best}",
        tolerance=granted,
        exact=verdict,
    )


def _against_the_counts(area: Area, case: Case) -> Evidence:
    """Compare with what the counts say, in the meaning of "area" and of the whole that fits best."""
    assert area.claimed is not None and area.share is not None
    tolerance = max(case.tolerance.area, area.claimed.half_unit)
    assigned = float((case.labels >= 0).mean())
    off = [
        _distance(q, scale, area.claimed.fraction)
        for q in (area.share, area.majority)
        if q is not None
        for scale in (1.0, assigned)  # of the pixels that have a phase, and of all
    ]
    nearest = min(off, key=lambda distance: distance.mean)
    p_against = max(_p_beyond(distance, tolerance) for distance in off)
    cannot = area.majority is None and nearest.lower > tolerance
    counts_needed, remedy = _decides(nearest, tolerance, case)
    of_share = area.share.mean
    parts = [f"by the counts {_percent(of_share, area.share.sd)} (mean share of the pixels)"]
    if area.majority is not None:
        parts.append(f"{_percent(area.majority.mean, area.majority.sd)} (pixels that have most of it)")
    parts.append(f"half a pixel along its boundary is {_percent(area.edge_band)}")
    if not math.isnan(area.sampling_sd):
        parts.append(f"another field of the same specimen would differ by {_percent(area.sampling_sd)}")
    return Evidence(
        f"area of {area.name}",
        "Does it agree with the counts?",
        "areas",
        f"{say_phase(area.name)} is said to have {_percent(area.claimed.fraction)} of the area; {', '.join(parts)}",
        nearest,
        tolerance,
        p_against=p_against,
        exact="undecidable" if cannot else None,
        counts_needed=None if cannot else counts_needed,
        remedy="an unmixing with draws of maps tells the pixels that have most of it" if cannot else remedy,
    )


def _decides(distance: Quantity, tolerance: float, case: Case) -> tuple[float | None, str]:
    """Return the counts per pixel that would decide, or else what leaves it open."""
    arm = HALF_90 * distance.sd
    if 2 * arm < (distance.upper - distance.lower) / 2:
        return None, "mixed pixels, or other solutions that fit as well, leave a range"
    gap = abs(tolerance - distance.mean)
    per_pixel = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    return (counts_for(per_pixel, arm, gap), "") if gap > arm / FAR else (None, "more counts per pixel would")


def _distance(q: Quantity, scale: float, claimed: float) -> Quantity:
    """Return how far a claimed fraction is from what the counts say."""
    low, high = scale * q.lower - claimed, scale * q.upper - claimed
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    mean = abs(scale * q.mean - claimed)
    return Quantity(
        max(mean, nearest),
        nearest,
        max(abs(low), abs(high)),
        q.interval,
        None,
        scale * q.counting_sd,
        scale * q.endmember_sd,
        None,
    )


def _p_beyond(distance: Quantity, tolerance: float) -> float:
    """Return the probability of a distance like this if it is just tolerable."""
    return float(ndtr((tolerance - distance.lower) / max(distance.sd, 1e-9) - HALF_90))


def _percent(value: float, sd: float | None = None) -> str:
    return f"{100 * value:.2f} %" if sd is None else say_with_error(value, sd)
