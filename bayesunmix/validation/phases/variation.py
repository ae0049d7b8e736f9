r"""Say by how much one phase varies from place to place, from its scan and the ranks of its statistics.

What varies is reckoned in counts: a phase that holds a share a of something else, from which its spectrum differs by
the total variation distance d, has a share a d of other counts. Over places of 8 x 8 pixels the mean square of it is
what the scores exceed those of permuted photons by.

Three things contradict that a phase is one thing. A piece of it is mostly something else; or its counts vary by more
than the tolerance; or it holds two things that differ by more than one tolerance, of which the smaller has a share
above the other. These are two kinds of connected pieces, or what the places show along the direction of most variation.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.phases.mixing_fit import fit_mixture
from bayesunmix.validation.phases.ranking import Ranked
from bayesunmix.validation.phases.scan import LEAST_APART, PLACE, Scan
from bayesunmix.validation.phases.suspects_of_scan import Suspect

OTHERS = 1 / 3  # of the counts of a piece, at least, are others: its label is wrong
CLEAR = 3.0  # standard deviations
TWO_THINGS = "two things"
KINDS_OF_PIECES = "two kinds of pieces"
CONSTANT = 1e-6  # sd of a statistic that permutations leave as it is: one place, or one group of channels


@dataclass(frozen=True, eq=False)
class PhaseExchange:
    """Hold what the test says of one phase.

    Parameters
    ----------
    phase : int
    pixels, photons : int
        In its core; of the photons, those that were used.
    kept : float
        Fraction of the photons of the core that were used.
    p_value : float
        Probability that a phase that is one thing looks as mixed as this one.
    is_unusual : bool
        True if hardly any report on a claim that is right holds a phase that looks as mixed.
    z : float
        Largest statistic, in standard deviations of the permutations.
    found_by : str
        Name of that statistic.
    at_edges : bool
        True if the phase varies, but its inner pixels do not.
    leans_to : str
        What the suspect pixels hold, "Cr_K lines"; empty where nothing was found.
    varies : dict of str to Quantity
        For each direction, how much its share of the counts varies between places of 8 x 8 pixels (rms).
    unseen : float
        Upper 95 % limit of the variation (total variation distance, rms between places) in a direction that nobody
        named.
    effect : Quantity
        What is compared with `tolerance`.
    tolerance : float
    """

    phase: int
    pixels: int
    photons: int
    kept: float
    p_value: float
    is_unusual: bool
    z: float
    found_by: str
    at_edges: bool
    leans_to: str
    varies: dict[str, Quantity]
    unseen: float
    effect: Quantity
    tolerance: float


def phase_exchange(
    case: Case,
    k: int,
    scan: Scan,
    rank: Ranked,
    places: list[Suspect],
    *,
    is_unusual: bool,
    at_edges: bool,
) -> PhaseExchange:
    """Return what the test says of phase k."""
    names = scan.names
    varies = _varies(scan, rank, "places")
    best = int(rank.z.argmax())
    chi2 = names.index(f"chi2 {PLACE}")
    total = float(scan.parts["places"][1].sum())
    nowhere = _rms(rank.z[chi2] * rank.sd[chi2], rank.sd[chi2], 4 * total)
    said = {one.name: one.said for one in scan.directions}
    least_bounded, about = max(
        [(nowhere, ""), *((varies[name], said[name]) for name in varies)], key=lambda one: one[0].upper
    )
    effect, tolerance, leans_to = least_bounded, case.tolerance.content, about
    if is_unusual:
        # Something varies, but perhaps no direction says by how much: only the upper end holds.
        effect = replace(least_bounded, lower=0.0)
        effect, tolerance, leans_to = _against(case, scan, rank, places) or (effect, tolerance, leans_to)
    return PhaseExchange(
        k,
        scan.photons.pixels.size,
        scan.photons.groups.size,
        scan.photons.kept,
        rank.p_value,
        is_unusual,
        float(rank.z[best]),
        names[best],
        at_edges,
        leans_to,
        varies,
        nowhere.upper,
        effect,
        tolerance,
    )


def _varies(scan: Scan, rank: Ranked, part: str) -> dict[str, Quantity]:
    """Return by how much the share of each direction varies between places, or pieces."""
    found, total = {}, float(scan.parts[part][1].sum())
    for index, one in enumerate(scan.directions):
        which = scan.names.index(f"{one.name} {part}")
        information = total * float(scan.slopes[index] / max(scan.apart[index], LEAST_APART)) ** 2
        found[one.name] = _rms(rank.z[which] * rank.sd[which], rank.sd[which], information)
    return found


def _against(
    case: Case, scan: Scan, rank: Ranked, places: list[Suspect]
) -> tuple[Quantity, float, str] | None:
    """Return the effect that speaks against a phase, its tolerance, and what it is about; None if none does."""
    tolerance, names = case.tolerance.content, scan.names
    for place in places:
        if place.content.lower > OTHERS:
            return place.content, OTHERS, place.leans_to
    # What the places or pieces lean to clearly: a line may be seen more clearly than the phase that it is a part of.
    said = {one.name: one.said for one in scan.directions}
    named = [
        (float(rank.z[names.index(f"{name} {part}")]), amount, said[name])
        for part in scan.parts
        for name, amount in _varies(scan, rank, part).items()
    ]
    clear = max(2 * CLEAR, *(z for z, _, _ in named)) / 2 if named else CLEAR
    large = [(amount, about) for z, amount, about in named if z > clear and amount.lower > tolerance]
    if large:
        amount, about = max(large, key=lambda one: one[0].lower)
        return amount, tolerance, about
    if kinds := _kinds_of_pieces(scan, rank):
        smaller_kind, difference = kinds
        if difference.lower > case.tolerance.difference and smaller_kind > tolerance:
            return difference, case.tolerance.difference, KINDS_OF_PIECES
    own = names.index(f"own direction {PLACE}")
    if rank.z[own] > CLEAR:
        positions, of_counts = scan.along_own_direction()
        counts = scan.parts["places"][1]
        along = _rms(rank.z[own] * rank.sd[own], rank.sd[own], counts.sum() / max(of_counts, 1e-12) ** 2)
        # Two things that differ by d, in shares f and 1 - f, vary by d sqrt(f (1 - f)): at most by half of d.
        if along.lower > tolerance:
            return along, tolerance, ""
        smaller = _smaller_share(along, of_counts, positions, counts)
        if 2 * along.lower > case.tolerance.difference and smaller.lower > tolerance:
            return smaller, tolerance, TWO_THINGS
    return None


def _kinds_of_pieces(scan: Scan, rank: Ranked) -> tuple[float, Quantity] | None:
    """Part the pieces of a phase in two kinds; return the share of the smaller, and by how much they differ."""
    if "pieces" not in scan.parts or not scan.directions:
        return None
    z = [rank.z[scan.names.index(f"{one.name} pieces")] for one in scan.directions]
    direction = int(np.argmax(z))
    if z[direction] <= CLEAR:
        return None
    sums, counts = scan.parts["pieces"]
    score = (sums @ scan.photons.scores(scan.photons.groups, scan.values))[:, direction]
    order = np.argsort(score / counts)
    # The cut between which the two kinds differ most.
    below, first = np.cumsum(score[order])[:-1], np.cumsum(counts[order])[:-1]
    second = counts.sum() - first
    cut = int(np.argmax((below / first - (score.sum() - below) / second) ** 2 * first * second)) + 1
    kinds = scan.spectra_of_pieces(order[:cut]), scan.spectra_of_pieces(order[cut:])
    smaller, larger = sorted(kinds, key=lambda spectrum: spectrum.sum())
    return float(smaller.sum() / (smaller.sum() + larger.sum())), fit_mixture(smaller, [larger]).moved


def _smaller_share(along: Quantity, share: float, positions: np.ndarray, counts: np.ndarray) -> Quantity:
    """Return the share of the smaller of two things that vary so much and lie so far apart; at least."""
    order = np.argsort(positions)
    reached = np.cumsum(counts[order]) / counts.sum()
    low, high = (
        float(positions[order][min(int(np.searchsorted(reached, end)), order.size - 1)])
        for end in (0.02, 0.98)
    )
    width = max(high - low, 1e-12) * share  # with noise, and therefore rather too large
    mean, lower, upper = (
        (1 - math.sqrt(1 - min(4 * (value / width) ** 2, 1.0))) / 2
        for value in (along.mean, along.lower, along.upper)
    )
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * HALF_90), 0.0, None)


def _rms(excess: float, sd: float, information: float) -> Quantity:
    """Return a root mean square with its 90 % interval, from an excess of squares over what noise gives."""
    if sd < CONSTANT or not information > 0:
        return Quantity(0.0, 0.0, 1.0, 0.9, None, 1 / HALF_90, 0.0, None)
    seen = max(excess, 0.0)  # below what noise gives nothing is learnt
    error = math.sqrt(sd**2 + 4 * seen)
    mean, lower, upper = (
        math.sqrt(min(max(seen + shift * error, 0.0) / information, 1.0)) for shift in (0, -HALF_90, HALF_90)
    )
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * HALF_90), 0.0, None)
