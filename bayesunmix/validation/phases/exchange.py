r"""Ask whether each claimed phase is one thing, without its spectrum: an exact permutation test.

If the pixels of a phase's core share one spectrum, then, given how many photons each pixel has, the photons can be
exchanged between them, whatever the thickness [1]_. So photons are permuted within each core, again and again, and what
was seen is ranked among the permutations (`bayesunmix.validation.phases.ranking`, `bayesunmix.validation.phases.scan`).

A small p-value alone contradicts nothing: with ten million photons shadowing or a drift of the detector shows in every
map. The effect must be large, too: either a piece of the phase is mostly something else, so that its label is wrong, or
the content of the phase varies from place to place by more than the tolerance.

References
----------
.. [1] P. Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3rd ed. (Springer, 2005), chapter 3.
"""

from dataclasses import dataclass

import numpy as np

from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.phases.directions import Direction, find_directions
from bayesunmix.validation.phases.phase_pixels import FEWEST_PIXELS, counts_per_pixel, further_inside
from bayesunmix.validation.phases.photon_list import list_photons
from bayesunmix.validation.phases.ranking import Ranked, rank_permuted
from bayesunmix.validation.phases.scan import PLACE, Scan
from bayesunmix.validation.phases.suspects_of_scan import Suspect, find_suspects, find_unnamed
from bayesunmix.validation.phases.variation import KINDS_OF_PIECES, TWO_THINGS, PhaseExchange, phase_exchange
from bayesunmix.validation.words import say_interval, say_number, say_number_of, say_phase

MOST_PHOTONS = 1e6  # of a phase: more are thinned
FEWEST_PHOTONS = 50
COARSE_GROUPS = 40
_STREAM = 5201


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

    def suspect_pixels(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return True for the pixels of all suspects, (H, W)."""
        flagged = np.zeros(shape, bool)
        for place in self.suspects:
            flagged.ravel()[place.pixels] = True
        return flagged


def exchangeability(case: Case, permutations: int = 199) -> Exchange:
    """Test whether the pixels of each phase share one spectrum.

    Parameters
    ----------
    case : Case
    permutations : int
        Times that the photons of a phase are permuted, at most.
    """
    group = groups_by_counts(case.image.sum_spectrum())
    directions = find_directions(case, group)
    scans = _scans(case, group, directions, case.core)
    untested = tuple(
        _too_small(case, k) for k in range(len(case.names)) if k not in scans and (case.labels == k).any()
    )
    level = case.level / max(len(scans), 1)  # of each phase, so that the report's is that of the case

    def rank(k: int, scan: Scan, look: int, asked: np.ndarray | None = None) -> Ranked:
        rng = np.random.default_rng([case.seed, _STREAM, look, k])
        return rank_permuted(scan.statistics, scan.photons.groups, permutations, level, rng, asked)

    ranks = {k: rank(k, scan, 1) for k, scan in scans.items()}
    suspects = [place for k in scans for place in _places(case, k, scans[k], ranks[k], level)]
    suspects.sort(key=lambda one: -one.z)
    alarms = [k for k in scans if ranks[k].p_value <= level]
    inside = _scans(case, group, directions, further_inside(case)) if alarms else {}
    phases = []
    for k, scan in scans.items():
        if k in alarms and k in inside:
            again = rank(k, inside[k], 2, _unusual(scan, ranks[k], inside[k]))
            again = again._replace(p_value=max(ranks[k].p_value, again.p_value))
            is_unusual = again.p_value <= level
            places = _places(case, k, inside[k], again, level) if is_unusual else []
            phases.append(
                phase_exchange(
                    case, k, inside[k], again, places, is_unusual=is_unusual, at_edges=not is_unusual
                )
            )
        else:
            phases.append(phase_exchange(case, k, scan, ranks[k], [], is_unusual=k in alarms, at_edges=False))
    evidence = [_evidence(case, one) for one in phases]
    return Exchange(tuple(phases), tuple(suspects), directions, permutations, (*evidence, *untested))


def _places(case: Case, k: int, scan: Scan, rank: Ranked, level: float) -> list[Suspect]:
    """Return the suspect places of one phase, the clearest first."""
    named = find_suspects(scan, k, rank, case.labels.shape)
    if rank.p_value > level:
        return named
    rng = np.random.default_rng([case.seed, _STREAM, 3, k])
    unnamed = [
        place
        for place in find_unnamed(scan, k, rng, level)
        if not any(
            np.isin(place.pixels, other.pixels).mean() > 0.5 and other.z > place.z / 2 for other in named
        )
    ]
    # What a name fits as well is called by it.
    named = [
        place
        for place in named
        if not any(np.isin(other.pixels, place.pixels).mean() > 0.5 for other in unnamed)
    ]
    return sorted([*named, *unnamed], key=lambda one: -one.z)


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


def _evidence(case: Case, one: PhaseExchange) -> Evidence:
    subject, question = say_phase(case.names[one.phase]), "Is it one thing?"
    if one.phase in case.mixed:
        says = f"{subject} has hardly any pixel that its neighbours do not reach, so what varies in it may be theirs"
        return Evidence(
            subject, question, "exchange", says, exact="undecidable", remedy="smaller pixels would"
        )
    effect, tolerance = one.effect, one.tolerance
    if effect.upper >= 1 and effect.lower <= tolerance:
        says = f"{subject} has no two places of {PLACE} x {PLACE} pixels to compare, and what varies in it has no size"
        return Evidence(
            subject, question, "exchange", says, exact="undecidable", remedy="smaller pixels would"
        )
    says = _says(case, subject, one)
    counts = counts_per_pixel(case)
    needed = None
    if tolerance == case.tolerance.content and effect.lower <= tolerance < effect.upper:
        # The error of a mean square falls as one over the counts.
        apart = effect.mean**2 - tolerance**2 if one.is_unusual else tolerance**2
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
    amount = say_interval(effect)
    if one.leans_to == KINDS_OF_PIECES:
        return f"the pieces of {subject} are of two kinds, which differ by {amount} of the counts{used}"
    if one.leans_to == TWO_THINGS:
        return f"{subject} holds two things that differ; the smaller is {amount} of its counts{used}"
    if one.tolerance != case.tolerance.content:
        return f"a piece of {subject} holds {amount} of its counts in {what} more than the rest does{used}"
    if one.is_unusual:
        return f"the share of {what} in {subject} varies from place to place by {amount} of the counts{used}"
    seen = f"nothing in {subject} varies from place to place"
    if one.at_edges:
        seen = f"only pixels near the edges of {subject} differ, and nothing further inside"
    known = f"a share of {what} up to {say_number(effect.upper)} of the counts, or " if one.leans_to else ""
    limit = max(one.unseen, 0.0 if one.leans_to else effect.upper)
    return (
        f"{seen}; {known}a variation up to {say_number(limit)} in no known direction would not be seen{used}"
    )


def _too_small(case: Case, k: int) -> Evidence:
    subject = say_phase(case.names[k])
    n = int(np.count_nonzero(case.core_of(k)))
    if n < FEWEST_PIXELS:
        few, remedy = say_number_of(n, "pixel"), "smaller pixels would"
    else:
        counts = int(case.spectrum_of(case.core_of(k)).sum())
        few, remedy = say_number_of(counts, "count"), "more counts would"
    says = f"{subject} has {few} that its neighbours do not reach, too few to compare"
    return Evidence(subject, "Is it one thing?", "exchange", says, exact="undecidable", remedy=remedy)
