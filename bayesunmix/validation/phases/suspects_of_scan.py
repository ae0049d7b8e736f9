"""Find the places of a phase that are not like the rest of it."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.validation.phases.directions import UNNAMED, Direction
from bayesunmix.validation.phases.mixing_fit import fit_mixture
from bayesunmix.validation.phases.ranking import Ranked, rank_permuted
from bayesunmix.validation.phases.scan import LEAST_APART, WINDOWS, Scan

FEW = 10.0  # photons per pixel


@dataclass(frozen=True, eq=False)
class Suspect:
    """Hold one place that is not like the rest of its phase.

    Parameters
    ----------
    phase : int
        What its label says.
    pixels : (n,) int array
        Flat indices.
    photons : int
    leans_to : str
        What it holds more than the rest: "phase Ni", "Ca_K lines".
    leans_to_phase : int or None
        Number of that phase.
    z : float
        Of its clearest window, in standard deviations.
    content : Quantity
        Share of the counts of its clearest window that is something else. The lower end counts in that the window was
        chosen among all.
    """

    phase: int
    pixels: np.ndarray
    photons: int
    leans_to: str
    leans_to_phase: int | None
    z: float
    content: Quantity


def find_suspects(scan: Scan, phase: int, rank: Ranked, shape: tuple[int, int]) -> list[Suspect]:
    """Return the suspect places of one phase, from windows beyond the thresholds; the clearest first."""
    windows, n_directions = scan.windows, len(scan.directions)
    if not n_directions or not windows.first.size:
        return []
    scores = scan.photons.scores(scan.photons.groups, scan.values)
    z = scan.z_of_windows(scores)
    of_size = rank.threshold[: n_directions * windows.first.size].reshape(-1, n_directions)
    row_of_size = {int(windows.size[first]): row for row, first in enumerate(windows.first)}
    rows = np.array([row_of_size.get(size, 0) for size in range(len(WINDOWS) + 1)])[windows.size]
    limit = scan.z_at(of_size[rows])
    beyond = z > limit
    # Where most of a phase leans to something, the smaller part is the one that is suspect.
    pieces = windows.size == len(WINDOWS)
    leaning = windows.counts[pieces] @ beyond[pieces]
    beyond[pieces] &= leaning <= scan.photons.groups.size / 2
    if not beyond.any():
        return []
    flagged = np.zeros(shape[0] * shape[1], bool)
    inside = np.asarray(windows.members.T @ beyond.any(axis=1).astype(np.float64)) > 0
    flagged[scan.photons.pixels[inside]] = True
    regions, n_regions = ndimage.label(flagged.reshape(shape), np.ones((3, 3)))
    of_pixel = regions.ravel()[scan.photons.pixels]
    # A window lies in the region of any of its pixels that are flagged: all of them are.
    first_member = windows.members.indices[windows.members.indptr[:-1]]
    of_window = np.where(beyond.any(axis=1), of_pixel[first_member], 0)
    root = np.sqrt(windows.counts)
    # Of a phase, the share that is it; of lines, the share of the counts that are others.
    is_phase = np.array([one.phase is not None for one in scan.directions])
    slopes = scan.slopes / np.where(is_phase, 1.0, np.maximum(scan.apart, LEAST_APART))
    content = z / (root[:, None] * slopes)
    least = (z - limit) / (root[:, None] * slopes)
    found = []
    for region in range(1, n_regions + 1):
        mine = np.flatnonzero(of_window == region)
        if not mine.size:
            continue
        within = np.where(beyond[mine], z[mine], -np.inf)
        direction = int(within.max(axis=0).argmax())
        window = mine[int(np.where(beyond[mine, direction], least[mine, direction], -np.inf).argmax())]
        one = scan.directions[direction]
        mean, lower = float(content[window, direction]), float(least[window, direction])
        sd = float(1 / (root[window] * slopes[direction]))
        ends = min(max(lower, 0.0), 1.0), min(mean + HALF_90 * sd, 1.0)
        ours = of_pixel == region
        ours &= _holding(scan, scores[:, direction], direction, mean / 2, shape)
        if not ours.any():
            ours = of_pixel == region
        found.append(
            Suspect(
                phase,
                scan.photons.pixels[ours],
                int(scan.photons.totals[ours].sum()),
                one.said,
                one.phase,
                float(within[:, direction].max()),
                Quantity(min(mean, 1.0), *ends, 0.9, None, sd, 0.0, None),
            )
        )
    return sorted(found, key=lambda one: -one.z)


def find_unnamed(
    scan: Scan, phase: int, rng: np.random.Generator, level: float, permutations: int = 39
) -> list[Suspect]:
    """Return the places that are like the strangest one, of a phase that is known not to be one thing.

    What varies need not be a phase or an element that anybody named.
    """
    stranger = Direction(UNNAMED, None, scan.strangest_place())
    one = Scan(scan.photons, scan.shape, (stranger,), scan.n_groups, scan.coarse)
    rank = rank_permuted(one.statistics, scan.photons.groups, permutations, level, rng)
    found = []
    for place in find_suspects(one, phase, rank, scan.shape):
        # The direction was fitted to counts, whose noise would count as content.
        members = np.isin(scan.photons.pixels, place.pixels)[scan.photons.pixel_of_photon]
        counts = np.bincount(scan.photons.groups[members], minlength=scan.n_groups)
        rest = np.bincount(scan.photons.groups[~members], minlength=scan.n_groups)
        if counts.any() and rest.any():
            found.append(replace(place, content=fit_mixture(counts, [rest]).moved))
    return found


def _holding(
    scan: Scan, score: np.ndarray, direction: int, least: float, shape: tuple[int, int]
) -> np.ndarray:
    """Return True for the pixels about which there is at least so much of a direction, (n,): windows reach further."""
    sums = np.zeros((2, shape[0] * shape[1]))
    sums[:, scan.photons.pixels] = score, scan.photons.totals
    is_few = scan.photons.totals.mean() < FEW
    score, counts = ndimage.uniform_filter(
        sums.reshape(2, *shape), (0, *2 * (5 if is_few else 3,)), mode="constant"
    )
    slope = scan.slopes[direction] / (
        1 if scan.directions[direction].phase is not None else max(scan.apart[direction], LEAST_APART)
    )
    return np.asarray((score > least * slope * counts).ravel()[scan.photons.pixels])
