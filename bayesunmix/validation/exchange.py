r"""Ask whether each claimed phase is one thing, without its spectrum: an exact permutation test.

If the pixels of a phase's core share one spectrum, then, given how many photons each pixel has, the photons can be
exchanged between them, whatever the thickness [1]_. So photons are permuted within each core, again and again, and what
was seen is ranked among the permutations (`bayesunmix.validation.ranking`, `bayesunmix.validation.scan`).

A small p-value alone contradicts nothing: with ten million photons shadowing or a drift of the detector shows in every
map. The effect must be large, too: either a piece of the phase is mostly something else, so that its label is wrong, or
the content of the phase varies from place to place by more than the tolerance.

References
----------
.. [1] P. Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3rd ed. (Springer, 2005), chapter 3.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.case import Case
from bayesunmix.validation.cores import find_cores
from bayesunmix.validation.directions import Direction, find_directions
from bayesunmix.validation.finding import Evidence, say_number
from bayesunmix.validation.photon_list import list_photons
from bayesunmix.validation.ranking import Ranked, ranked
from bayesunmix.validation.scan import PLACE, Scan
from bayesunmix.validation.suspects_of_scan import Suspect, find_suspects

MOST_PHOTONS = 2e6  # of a phase: more are thinned
FEWEST_PHOTONS = 50
FEWEST_PIXELS = 20
COARSE_GROUPS = 40
WRONG_LABEL = 1 / 3  # of the counts of a piece that are another phase, at least: the label is wrong
WRONG_LINES = 0.25  # of the counts of a piece that are lines its phase has not
INNER = 0.3  # of the pixels of a core that are asked again where it is not one thing
WIDEST_EDGE = 6  # pixels from a boundary: what varies over more is no edge
CLEAR = 3.0  # standard deviations
TWO_THINGS = "two things"
NORMAL = 1.6448536  # of a 90 % interval
_STREAM = 5201


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
        Probability that any phase of a claim that is right looks as mixed as this one.
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
    z: float
    found_by: str
    at_edges: bool
    leans_to: str
    varies: dict[str, Quantity]
    unseen: float
    effect: Quantity
    tolerance: float


@dataclass(frozen=True, eq=False)
class Exchange:
    """Hold what the test says of all phases.

    Parameters
    ----------
    phases : tuple of PhaseExchange
        Those with enough pixels and photons.
    suspects : tuple of Suspect
        Places that are not like the rest of their phase, beyond what any phase of a right claim would show in 95 % of
        the reports; the clearest first.
    directions : tuple of Direction
        What was looked for.
    permutations : int
    evidence : tuple of Evidence
    """

    phases: tuple[PhaseExchange, ...]
    suspects: tuple[Suspect, ...]
    directions: tuple[Direction, ...]
    permutations: int
    evidence: tuple[Evidence, ...]


def exchangeability(case: Case, permutations: int = 199) -> Exchange:
    """Test whether the pixels of each phase share one spectrum.

    Parameters
    ----------
    case : Case
    permutations : int
        Times that the photons are permuted; the same for all phases.
    """
    group = groups_by_counts(case.image.sum_spectrum())
    directions = find_directions(case, group)
    scans = _scans(case, group, directions, case.core)
    untested = tuple(_too_small(case, k) for k in range(len(case.names)) if k not in scans)
    if not scans:
        return Exchange((), (), directions, permutations, untested)
    rank = _permuted(scans, permutations, case, 1)
    suspects = [place for k in scans for place in find_suspects(scans[k], k, rank[k], case.labels.shape)]
    suspects.sort(key=lambda one: -one.z)
    cores = find_cores(case.image, case.labels, len(case.names))
    alarms = [k for k in scans if rank[k].p_value <= case.level]
    inside = _scans(case, group, directions, _far_inside(case, cores.radius_of)) if alarms else {}
    asked = {k: inside[k] for k in alarms if k in inside}
    again = _permuted(asked, permutations, case, 2, {k: _unusual(scans[k], rank[k], asked[k]) for k in asked})
    phases = []
    for k, scan in scans.items():
        if k in asked:
            p_value = max(rank[k].p_value, again[k].p_value)
            at_edges = again[k].p_value > case.level
            phases.append(_phase(case, k, asked[k], again[k]._replace(p_value=p_value), at_edges=at_edges))
        else:
            phases.append(_phase(case, k, scan, rank[k], at_edges=False))
    evidence = [_evidence(case, one, cores.mixed[one.phase]) for one in phases]
    return Exchange(tuple(phases), tuple(suspects), directions, permutations, (*evidence, *untested))


def _far_inside(case: Case, radius_of: tuple[int, ...]) -> np.ndarray:
    """Return the pixels furthest from the boundaries of each phase, (H, W) bool.

    Where a phase is not one thing, its inner pixels must say so, too: some boundaries may mix over more pixels than the
    rest of them, and what is mixed there contradicts no label.
    """
    far = np.zeros(case.labels.shape, bool)
    for k in range(len(case.names)):
        core = case.core_of(k)
        if not core.any() or core.all():
            far |= core
            continue
        # Steps from the edge of the core, not of the label: cores have radii of their own.
        steps = ndimage.distance_transform_cdt(np.pad(core, 1, "edge"), "chessboard")[1:-1, 1:-1]
        piece, n_pieces = ndimage.label(core, np.ones((3, 3)))
        most = max(WIDEST_EDGE - radius_of[k], 0) + 1
        # How many pixels of each piece are so many steps from its edge, or further.
        further = np.stack(
            [np.bincount(piece[steps >= step], minlength=n_pieces + 1) for step in range(most + 1)]
        )
        wanted = (further[1:] >= INNER * further[1]).sum(axis=0)
        far |= core & (steps >= wanted[piece])
    return far


def _scans(
    case: Case, group: np.ndarray, directions: tuple[Direction, ...], core: np.ndarray
) -> dict[int, Scan]:
    """Return a scan of each phase that has enough pixels and photons in the core."""
    rng = np.random.default_rng([case.seed, _STREAM])
    n_groups = int(group.max()) + 1
    found = {}
    for k in range(len(case.names)):
        mask = core & (case.labels == k)
        if np.count_nonzero(mask) < FEWEST_PIXELS:
            continue
        photons = list_photons(case.image, mask, group, MOST_PHOTONS, rng)
        if photons.groups.size >= FEWEST_PHOTONS:
            others = tuple(one for one in directions if one.phase != k)
            coarse = groups_by_counts(np.bincount(photons.groups, minlength=n_groups), COARSE_GROUPS)
            found[k] = Scan(photons, case.labels.shape, others, n_groups, coarse)
    return found


def _unusual(scan: Scan, rank: Ranked, inside: Scan) -> np.ndarray:
    """Return True for the statistics of the inner pixels that were unusual in the whole core."""
    seen = rank.mean + rank.z * rank.sd
    unusual = {
        name for name, value, limit in zip(scan.names, seen, rank.threshold, strict=True) if value > limit
    }
    unusual.add(scan.names[int(rank.z.argmax())])
    return np.array([name in unusual for name in inside.names])


def _permuted(
    scans: dict[int, Scan],
    permutations: int,
    case: Case,
    stream: int,
    asked: Mapping[int, np.ndarray] = MappingProxyType({}),
) -> dict[int, Ranked]:
    """Rank the statistics of all phases, or those that are asked for, among those of permuted photons."""
    if not scans:
        return {}
    rng = np.random.default_rng([case.seed, _STREAM, stream])
    values = np.array(
        [  # the first as seen
            np.concatenate(
                [
                    scan.statistics(rng.permutation(scan.photons.groups) if index else scan.photons.groups)
                    for scan in scans.values()
                ]
            )
            for index in range(permutations + 1)
        ]
    )
    sizes = [len(scan.names) for scan in scans.values()]
    ranks = ranked(
        values,
        sizes,
        case.level,
        np.concatenate([asked.get(k, np.ones(n, bool)) for k, n in zip(scans, sizes, strict=True)]),
    )
    return dict(zip(scans, ranks, strict=True))


def _phase(case: Case, k: int, scan: Scan, rank: Ranked, *, at_edges: bool) -> PhaseExchange:
    excess = rank.z * rank.sd
    names = scan.names
    total = float(scan.place_counts.sum())
    varies = {}
    for index, one in enumerate(scan.directions):
        which = names.index(f"{one.name} places")
        varies[one.name] = _rms(
            excess[which], rank.sd[which], total * float(scan.slopes[index] / scan.apart[index]) ** 2
        )
    best = int(rank.z.argmax())
    chi2 = names.index(f"chi2 {PLACE}")
    nowhere = _rms(excess[chi2], rank.sd[chi2], 4 * total)
    effect, tolerance, leans_to = _effect(case, k, scan, rank, varies, nowhere)
    return PhaseExchange(
        k,
        scan.photons.pixels.size,
        scan.photons.groups.size,
        scan.photons.kept,
        rank.p_value,
        float(rank.z[best]),
        names[best],
        at_edges,
        leans_to,
        varies,
        nowhere.upper,
        effect,
        tolerance,
    )


def _effect(
    case: Case, k: int, scan: Scan, rank: Ranked, varies: dict[str, Quantity], nowhere: Quantity
) -> tuple[Quantity, float, str]:
    """Return the effect that speaks most against a phase, its tolerance, and what it is about."""
    tolerance, names = case.tolerance.content, scan.names
    said = {one.name: one.said for one in scan.directions}
    least_bounded, about = max(
        [(nowhere, ""), *((varies[name], said[name]) for name in varies)], key=lambda one: one[0].upper
    )
    if rank.p_value > case.level:
        return least_bounded, tolerance, about
    for place in find_suspects(scan, k, rank, case.labels.shape):
        limit = WRONG_LABEL if place.leans_to_phase is not None else WRONG_LINES
        if place.content.lower > limit:
            return place.content, limit, place.leans_to
    # What the places lean to most clearly.
    z = {name: rank.z[names.index(f"{name} places")] for name in varies}
    clearest = max(z, key=lambda name: z[name], default="")
    if clearest and z[clearest] > CLEAR and varies[clearest].lower > tolerance:
        return varies[clearest], tolerance, said[clearest]
    own = names.index(f"own direction {PLACE}")
    if rank.z[own] > CLEAR:
        positions, share = scan.along_own_direction()
        total = float(scan.place_counts.sum())
        along = _rms(rank.z[own] * rank.sd[own], rank.sd[own], total / max(share, 1e-12) ** 2)
        # Two things that differ by d, in shares f and 1 - f, vary by d sqrt(f (1 - f)): at most by half of d.
        if along.lower > tolerance:
            return along, tolerance, ""
        smaller = _smaller_share(along, share, positions, scan.place_counts)
        if 2 * along.lower > case.tolerance.difference and smaller.lower > tolerance:
            return smaller, tolerance, TWO_THINGS
    # Something varies, but no direction says by how much: only the upper end holds.
    return replace(least_bounded, lower=0.0), tolerance, about


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
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * NORMAL), 0.0, None)


def _rms(excess: float, sd: float, information: float) -> Quantity:
    """Return a root mean square with its 90 % interval, from an excess of squares over what noise gives."""
    seen = max(excess, 0.0)  # below what noise gives nothing is learnt
    error = math.sqrt(sd**2 + 4 * seen)
    mean, lower, upper = (
        math.sqrt(min(max(seen + shift * error, 0.0) / information, 1.0)) for shift in (0, -NORMAL, NORMAL)
    )
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * NORMAL), 0.0, None)


def _evidence(case: Case, one: PhaseExchange, is_mixed: bool) -> Evidence:
    subject, question = f"phase {case.names[one.phase]}", "Is it one thing?"
    if is_mixed:
        says = f"{subject} has hardly any pixel that its neighbours do not reach, so what varies in it may be theirs"
        return Evidence(
            subject, question, "exchange", says, exact="undecidable", remedy="smaller pixels would"
        )
    effect, tolerance = one.effect, one.tolerance
    says = _says(case, subject, one)
    counts = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    needed = None
    if tolerance == case.tolerance.content and effect.lower <= tolerance < effect.upper:
        # The error of a mean square falls as one over the counts.
        apart = effect.mean**2 - tolerance**2 if one.p_value <= case.level else tolerance**2
        needed = counts * (effect.upper**2 - effect.mean**2) / max(abs(apart), 1e-12)
    return Evidence(
        subject,
        question,
        "exchange",
        says,
        effect,
        tolerance,
        p_against=one.p_value,
        counts_needed=needed,
    )


def _says(case: Case, subject: str, one: PhaseExchange) -> str:
    used = f" ({say_number(one.kept)} of its photons were used)" if one.kept < 1 else ""
    what = one.leans_to or "something that no phase and no line names"
    effect = one.effect
    amount = f"{100 * effect.mean:.2g} % ({100 * effect.lower:.2g} to {100 * effect.upper:.2g} %)"
    if one.leans_to == TWO_THINGS:
        return f"{subject} holds two things that differ; the smaller is {amount} of its counts{used}"
    if one.tolerance != case.tolerance.content:
        return f"a piece of {subject} holds {amount} of its counts in {what} more than the rest does{used}"
    if one.p_value <= case.level:
        return f"the share of {what} in {subject} varies from place to place by {amount} of the counts{used}"
    where = (
        f"only pixels near the edges of {subject} differ, and nothing further inside" if one.at_edges else ""
    )
    return (
        f"{where or f'nothing in {subject}'} varies from place to place; a share of {what} that varies by "
        f"{100 * effect.upper:.2g} % of the counts, or a variation by {100 * one.unseen:.2g} % in no known "
        f"direction, would not be seen{used}"
    )


def _too_small(case: Case, k: int) -> Evidence:
    subject = f"phase {case.names[k]}"
    n = int(np.count_nonzero(case.core_of(k)))
    says = f"{subject} has {n} pixels that its neighbours do not reach, too few to compare"
    return Evidence(
        subject, "Is it one thing?", "exchange", says, exact="undecidable", remedy="smaller pixels would"
    )
