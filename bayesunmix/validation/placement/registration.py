"""Lay a claimed label map on the counts: turn, scale, offset, and how far off it still lies.

What is exact comes first: if the counts of the pixels of a label add up to the claimed spectrum in every channel, or an
element map of the same size is a known function of the counts, nothing else needs to be found. Otherwise the eight
orientations, and offsets in whole pixels, are scored by how well labels and photons agree (`_places`). Then the
likelihood of a further shift by fractions of a pixel is climbed (`_displacement`). Counts are never resampled.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED, Claim
from bayesunmix.data.image import SpectrumImage
from bayesunmix.validation.finding import Evidence, Judgement
from bayesunmix.validation.placement.checksum import checksum
from bayesunmix.validation.placement.displacement import Displacement, displacement
from bayesunmix.validation.placement.orientation import AS_IT_IS, Orientation
from bayesunmix.validation.placement.places import Place, Scores, moved, places
from bayesunmix.validation.recipes.recipe import Recipe, recover_recipes
from bayesunmix.validation.tolerance import Tolerance
from bayesunmix.validation.words import say_digits

_OTHERS = 7  # orientations that might be ahead by chance
_SUPPORTS, _CONTRADICTS = 1.0, 2.0  # standard deviations of G2 that a lead must have besides
_TOLD_PX = 0.35  # standard deviation above which boundaries do not tell a shift
_UNEVEN = 6.0  # nor if another direction has so much less: steps of a slanted edge are no boundaries along it
_TEN_TO_NINETY = 2.563  # standard deviations between 10 and 90 % of a normal distribution
_DEFAULT = Tolerance()
_ROUND = "Is the map the right way round?"
_LIES = "Does the map lie on the counts?"


@dataclass(frozen=True, eq=False)
class Registration:
    """Hold a label map on the grid of the counts, and how it came there.

    Parameters
    ----------
    labels : (H, W) int32 array
        0 to K - 1, unassigned (-1) or undecided (-2).
    how : {"checksum", "recipe", "counts", "part", "nothing"}
        What decided orientation and offset: a spectrum that is exactly the sum of its pixels, an element map with a
        known recipe, or the agreement of labels and photons. "part": taken as given, since most counts have no label.
    orientation : Orientation
        How the claimed map was turned.
    offset : (float, float)
        Row and column of the counts at which the turned map begins.
    scale : float
        Pixels of the map for each pixel of the counts, along a side.
    lead : float or None
        G2 by which the orientation is ahead of the next; None if there is no other.
    moved_px : (int, int)
        Rows and columns by which the labels were moved besides, because they lay beside the counts.
    shift_px : (Quantity, Quantity) or None
        Rows and columns by which the claimed map must be moved to lie on the counts. None where no two phases touch.
    edge_width_px : float or None
        Pixels over which the share of a phase goes from 10 to 90 % across its boundaries.
    recipes : mapping from title to Recipe
        How the element maps were made.
    evidence : tuple of Evidence
    """

    labels: np.ndarray
    how: str
    orientation: Orientation
    offset: tuple[float, float]
    scale: float
    lead: float | None
    moved_px: tuple[int, int]
    shift_px: tuple[Quantity, Quantity] | None
    edge_width_px: float | None
    recipes: Mapping[str, Recipe]
    evidence: tuple[Evidence, ...]


def register(
    image: SpectrumImage,
    claim: Claim,
    seed: int = 0,
    *,
    tolerance: Tolerance = _DEFAULT,
    recipes: Mapping[str, Recipe] | None = None,
) -> Registration:
    """Lay the labels of a claim on the counts.

    Parameters
    ----------
    image : SpectrumImage
        Two navigation axes.
    claim : Claim
    seed : int
    tolerance : Tolerance
    recipes : mapping from title to Recipe, optional
        Those of the claim's maps, if they were recovered already: best from counts with all channels.

    Raises
    ------
    ValueError
        If the size of the map fits the counts in no way.
    """
    if recipes is None:
        recipes = recover_recipes(image, claim.maps)
    if claim.labels is None:
        nothing = np.full(image.navigation_shape, UNDECIDED, np.int32)
        return Registration(
            nothing, "nothing", AS_IT_IS, (0.0, 0.0), 1.0, None, (0, 0), None, None, recipes, ()
        )
    scores = Scores(image)
    ways = _different(places(claim.labels, scores))
    noise = scores.noise(claim.labels)
    chosen, how = _chosen(image, claim, ways, recipes, noise)
    others = [way.score for way in ways if way is not chosen]
    lead = chosen.score - max(others) if others else None
    evidence = _of_orientation(chosen, how, ways, scores.shown(chosen.labels, seed), noise)
    labels = _masked(chosen.labels, image)
    found = displacement(image, labels, claim.n_phases, seed)
    evidence.append(_of_shift(found, tolerance, image))
    by = _whole_pixels(found, tolerance)
    return Registration(
        _masked(moved(labels, by, labels.shape), image) if any(by) else labels,
        how,
        chosen.orientation,
        chosen.offset,
        chosen.scale,
        lead,
        by,
        None if found is None else _quantities(found),
        None if found is None else _TEN_TO_NINETY * found.blur,
        recipes,
        tuple(evidence),
    )


def _different(ways: list[Place]) -> list[Place]:
    """Leave out orientations in which a symmetric map looks the same."""
    kept: list[Place] = []
    for way in ways:
        if not any(np.array_equal(way.labels, other.labels) for other in kept):
            kept.append(way)
    return kept


def _chosen(
    image: SpectrumImage, claim: Claim, ways: list[Place], recipes: Mapping[str, Recipe], noise: float
) -> tuple[Place, str]:
    """Choose the way that arithmetic proves; otherwise the one that the counts prefer."""
    assert claim.labels is not None
    ordered = sorted(ways, key=lambda way: -way.score)
    for way in ordered:
        if any(checksum(claim.spectra[name], sums) for name, sums in _sums(image, claim, way).items()):
            return way, "checksum"
    is_ahead = len(ordered) == 1 or _chance(ordered[0].score - ordered[1].score, _CONTRADICTS * noise) < 0.05
    leaves_most = any(way.orientation.is_identity and _leaves_most(image, way) for way in ordered)
    if is_ahead and (ordered[0].orientation.is_identity or not leaves_most):
        return ordered[0], "counts"
    for title, recipe in recipes.items():
        if recipe.exact and claim.maps[title].shape == claim.labels.shape:
            for way in ordered:
                if way.orientation == recipe.orientation:
                    return way, "recipe"
    as_given = [way for way in ordered if way.orientation.is_identity]
    if as_given and _leaves_most(image, as_given[0]):
        return as_given[0], "part"
    if as_given and _chance(ordered[0].score - as_given[0].score, _CONTRADICTS * noise) >= 0.05:
        return as_given[0], "counts"
    return ordered[0], "counts"


def _leaves_most(image: SpectrumImage, way: Place) -> bool:
    """Return True if pixels without a phase have more counts than those with one.

    What has no label may hold anything, so that labels may stand out more elsewhere than where they belong.
    """
    with_phase, without = (
        int(image.counts[some.ravel()].sum()) for some in (way.labels >= 0, way.labels == UNASSIGNED)
    )
    return without > with_phase


def _chance(lead: float, noise: float) -> float:
    """Return the probability that one of the other orientations is ahead by so much of G2 by chance."""
    return min(1.0, _OTHERS * math.exp(-max(lead - noise, 0.0) / 2))


def _sums(image: SpectrumImage, claim: Claim, way: Place) -> dict[str, np.ndarray]:
    """Return the summed counts of each phase that has a claimed spectrum of whole counts, (C,) by name."""
    return {
        name: np.asarray(image.counts[(way.labels == k).ravel()].sum(axis=0, dtype=np.int64)).ravel()
        for k, name in enumerate(claim.names)
        if name in claim.spectra and claim.spectra[name].are_whole and (way.labels == k).any()
    }


def _of_orientation(
    chosen: Place, how: str, ways: list[Place], is_shown: bool, noise: float
) -> list[Evidence]:
    """Judge whether the map was given the right way round; a map that is symmetric in every way tells nothing."""
    subject, test = "map of phases", "orientation"
    given = next((way for way in ways if way.orientation.is_identity), None)
    is_given = chosen is given
    name = "as it was given" if is_given else str(chosen.orientation)
    if given is None:
        says = f"By its size the map fits the counts only {name}"
        return [Evidence(subject, _ROUND, test, says, exact="contradicted")]
    if len(ways) == 1:
        return []
    if how in ("checksum", "recipe"):
        what = {
            "checksum": "A claimed spectrum is exactly the sum of its pixels",
            "recipe": "The element maps fit",
        }
        verdict: Judgement = "supported" if is_given else "contradicted"
        return [Evidence(subject, _ROUND, test, f"{what[how]} only with the map {name}", exact=verdict)]
    if how == "part":
        says = "Most counts have no label, so that the labels may stand out more where they do not belong"
        return [
            Evidence(subject, _ROUND, test, says, exact="undecidable", remedy="labels for more pixels would")
        ]
    if not is_shown:
        says = (
            "The labels agree with the counts no better than after moving them elsewhere, whichever way round"
        )
        return [
            Evidence(subject, _ROUND, test, says, exact="undecidable", remedy="more counts may decide it")
        ]
    if not is_given:
        behind = chosen.score - given.score
        says = f"The map fits the counts {name}, ahead of the map as it was given by a G2 of {behind:.0f}"
        return [Evidence(subject, _ROUND, test, says, p_against=_chance(behind, _CONTRADICTS * noise))]
    rival = max((way for way in ways if way is not chosen), key=lambda way: way.score)
    lead = chosen.score - rival.score
    chance = _chance(lead, _SUPPORTS * noise)
    if chance < 0.05:
        says = f"The map fits the counts {name}; {rival.orientation}, it is behind by a G2 of {lead:.0f}"
    else:
        says = f"Two ways fit the counts about as well: {name}, and {rival.orientation} (a G2 of {abs(lead):.0f} apart)"
    return [Evidence(subject, _ROUND, test, says, p_for=chance)]


def _masked(labels: np.ndarray, image: SpectrumImage) -> np.ndarray:
    return labels if image.mask is None else np.where(image.mask, labels, UNDECIDED).astype(np.int32)


def _told(found: Displacement) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions that boundaries tell, (2, n), and the standard deviations of the shift along them."""
    variance, direction = np.linalg.eigh(found.covariance)
    sd = np.sqrt(variance)
    told = (sd <= _TOLD_PX) & (sd <= _UNEVEN * sd.min())
    return direction[:, told], sd[told]


def _distance(found: Displacement) -> Quantity | None:
    """Return how far the map lies off in the directions that are told, in pixels."""
    direction, sd = _told(found)
    if not sd.size:
        return None
    along = direction.T @ found.shift
    size = float(np.linalg.norm(along))
    towards = along / size if size > 0 else np.ones_like(along) / math.sqrt(along.size)
    error = float(np.sqrt(((towards * sd) ** 2).sum()))
    return _quantity(size, error, lowest=0.0)


def _quantity(value: float, sd: float, lowest: float = -math.inf) -> Quantity:
    half = HALF_90 * sd
    return Quantity(value, max(value - half, lowest), value + half, 0.9, None, sd, 0.0, None)


def _quantities(found: Displacement) -> tuple[Quantity, Quantity]:
    sd = np.sqrt(np.diag(found.covariance))
    return _quantity(float(found.shift[0]), float(sd[0])), _quantity(float(found.shift[1]), float(sd[1]))


def _of_shift(found: Displacement | None, tolerance: Tolerance, image: SpectrumImage) -> Evidence:
    """Judge whether the map lies on the counts."""
    subject, test = "map of phases", "registration"
    if found is None:
        says = "No two phases of the map touch where there are photons, so that a shift does not show"
        return Evidence(subject, _LIES, test, says, exact="undecidable", remedy="a map with boundaries would")
    distance = _distance(found)
    if distance is None:
        sd = float(np.sqrt(np.linalg.eigvalsh(found.covariance)[0]))
        counts = image.n_photons / max(int(image.takes_part.sum()), 1)
        says = f"A shift of the map is known to +- {say_digits(sd, 2)} px only"
        return Evidence(
            subject, _LIES, test, says, exact="undecidable", counts_needed=counts * (2 * sd / _TOLD_PX) ** 2
        )
    direction, _ = _told(found)
    along = direction @ (direction.T @ found.shift)
    ways = (_way(along[0], "down", "up"), _way(along[1], "right", "left"))
    where = " and ".join(filter(None, ways))
    only = "" if direction.shape[1] == 2 else " across its boundaries, which do not tell a shift along them"
    says = f"The map lies {distance.mean:.2f} +- {distance.sd:.2f} px off the counts{only}"
    says += f": it fits best moved {where}" if where else ""
    return Evidence(subject, _LIES, test, says, effect=distance, tolerance=tolerance.shift_px, unit="px")


def _way(pixels: float, positive: str, negative: str) -> str:
    """Say a move; empty where it is none to two digits."""
    if abs(pixels) < 0.005:
        return ""
    return f"{abs(pixels):.2f} px {positive if pixels > 0 else negative}"


def _whole_pixels(found: Displacement | None, tolerance: Tolerance) -> tuple[int, int]:
    """Return by how many whole pixels the labels must be moved: none unless they lie off beyond doubt."""
    distance = None if found is None else _distance(found)
    if found is None or distance is None or distance.lower <= max(tolerance.shift_px, 0.5):
        return 0, 0
    direction, _ = _told(found)
    along = direction @ (direction.T @ found.shift)
    by = np.trunc(along + 0.3 * np.sign(along))  # half a pixel is not mended by a whole one
    return int(by[0]), int(by[1])
