"""Ask of each element map whether it shows that element: what the counts of its window are.

A window of channels holds more than a line: continuum, and lines of other elements. All are fitted jointly to the sum
spectra of the claimed phases (`_line_fits`), and what falls into the window is added up. A map that is no plain window
is compared with the net counts of its element instead, by rank.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.lines.line_fits import CONTINUUM, LineFits, RegionFit
from bayesunmix.validation.recipes.recipe import Recipe
from bayesunmix.validation.recipes.titles import element_of, family_of
from bayesunmix.validation.words import say_with_error

MOSTLY = 0.5  # of the counts: a map whose window holds more of other things does not show its element
_FEWEST_COUNTS = 300
_NAMED = 0.03  # share from which another contributor is named
# Two smooth continua that fit the same spectrum differ by about so much below a line; a line takes what one lacks.
_CONTINUUM_ERROR = 0.1
_BLOCK_COUNTS = 30.0
_QUESTION = "Is the map that element?"


@dataclass(frozen=True, eq=False)
class MapContent:
    """Hold what an element map shows.

    Parameters
    ----------
    title : str
    element : str or None
        The element that the title names.
    recipe : Recipe
    share : Quantity or None
        Share of the window's counts that is the element. None where there is no recipe.
    parts : mapping from str to (float, float)
        Share of everything in the window, "Cr_L" or "continuum", and its standard deviation; the largest first.
    by_phase : mapping from name to Quantity
        The share of the element in the pixels of each claimed phase.
    correlation : Quantity or None
        Rank correlation with the net counts of the element, of a map without a recipe.
    """

    title: str
    element: str | None
    recipe: Recipe
    share: Quantity | None
    parts: Mapping[str, tuple[float, float]]
    by_phase: Mapping[str, Quantity]
    correlation: Quantity | None


@dataclass(frozen=True, eq=False)
class ElementMapChecks:
    """Hold what all element maps of a claim show, and the evidence."""

    maps: tuple[MapContent, ...]
    evidence: tuple[Evidence, ...]


def check_element_maps(case: Case, recipes: Mapping[str, Recipe]) -> ElementMapChecks:
    """Ask of each element map of a claim whether it shows that element.

    Parameters
    ----------
    case : Case
    recipes : mapping from title to Recipe
        From `recover_recipes`, with all channels.
    """
    if not case.claim.maps:
        return ElementMapChecks((), ())
    named = [element for element in map(element_of, case.claim.maps) if element]
    lines = LineFits(case.image, dict.fromkeys(named))
    regions = _regions(case)
    maps = tuple(_content(case, lines, regions, title, recipes[title]) for title in case.claim.maps)
    return ElementMapChecks(maps, tuple(_evidence(one) for one in maps))


def _regions(case: Case) -> dict[str | None, np.ndarray]:
    """Return the summed counts of each phase that has enough, and under None those of all other pixels."""
    masks = {name: case.labels == k for k, name in enumerate(case.names)}
    sums: dict[str | None, np.ndarray] = {name: case.spectrum_of(mask) for name, mask in masks.items()}
    sums = {name: counts for name, counts in sums.items() if counts.sum() >= _FEWEST_COUNTS}
    rest = case.image.sum_spectrum() - sum(sums.values(), np.zeros(case.image.n_channels, np.int64))
    return {**sums, None: rest} if rest.any() else sums


def _content(
    case: Case, lines: LineFits, regions: Mapping[str | None, np.ndarray], title: str, recipe: Recipe
) -> MapContent:
    element = element_of(title)
    own = _own_families(lines, element, family_of(title))
    if recipe.window_kev is None or not recipe.exact:
        correlation = _rank_correlation(case, lines, title, own) if own else None
        return MapContent(title, element, recipe, None, {}, {}, correlation)
    low, high = recipe.window_kev
    window = (lines.energy_kev >= low - 1e-9) & (lines.energy_kev <= high + 1e-9)
    fits = {name: lines.fit(counts, own) for name, counts in regions.items()}
    names = (*lines.model.names, CONTINUUM)
    parts = {name: _share(list(fits.values()), window, (name,)) for name in names}
    parts = dict(sorted(parts.items(), key=lambda item: -item[1][0]))
    if not own or not window.any():
        return MapContent(title, element, recipe, None, parts, {}, None)
    by_phase = {name: _own_share([fit], window, own) for name, fit in fits.items() if name is not None}
    share = _own_share(list(fits.values()), window, own)
    return MapContent(title, element, recipe, share, parts, by_phase, None)


def _own_families(lines: LineFits, element: str | None, family: str | None) -> tuple[str, ...]:
    """Return the families of an element, or the one that a title names."""
    own = tuple(name for name in lines.model.names if name.split("_")[0] == element)
    named = tuple(name for name in own if family and name == f"{element}_{family}")
    return named or own


def _share(fits: list[RegionFit], window: np.ndarray, names: tuple[str, ...]) -> tuple[float, float]:
    """Return the share of some curves in a window over regions, and its standard deviation."""
    inside = [fit.curves[:, window].sum(axis=1) for fit in fits]
    own = [
        np.array([name in names for name in fit.names]) * part for fit, part in zip(fits, inside, strict=True)
    ]
    total = sum(float(part @ fit.counts) for fit, part in zip(fits, inside, strict=True))
    if not total > 0:
        return 0.0, 1.0
    share = sum(float(part @ fit.counts) for fit, part in zip(fits, own, strict=True)) / total
    slopes = [(mine - share * part) / total for mine, part in zip(own, inside, strict=True)]
    variance = sum(float(slope @ fit.covariance @ slope) for fit, slope in zip(fits, slopes, strict=True))
    return share, float(np.sqrt(max(variance, 0.0)))


def _own_share(fits: list[RegionFit], window: np.ndarray, own: tuple[str, ...]) -> Quantity:
    """Return the share of the element, with the errors of counting and of the continuum below its line."""
    value, sd = _share(fits, window, own)
    below = _CONTINUUM_ERROR * _share(fits, window, (CONTINUUM,))[0]
    half = HALF_90 * float(np.hypot(sd, below))
    return Quantity(value, max(value - half, 0.0), min(value + half, 1.0), 0.9, None, sd, below, None)


def _rank_correlation(case: Case, lines: LineFits, title: str, own: tuple[str, ...]) -> Quantity | None:
    """Return the rank correlation of a map with the net counts of its element, over blocks with enough counts."""
    from scipy.stats import spearmanr

    claimed = case.claim.maps[title]
    if claimed.shape != case.labels.shape:
        return None
    curves = np.concatenate([lines.model.spectra, lines.model.background])
    expected = np.maximum(lines.model.fitted, 1e-3)
    scaled = curves / expected
    weights = np.linalg.pinv(scaled @ curves.T, rcond=1e-9) @ scaled
    mine = np.array([name in own for name in lines.model.names] + [False] * len(lines.model.background))
    net = np.asarray(case.image.counts[:, lines.first :] @ weights[mine].sum(axis=0)).reshape(claimed.shape)
    mean = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    side = int(np.clip(np.ceil(np.sqrt(_BLOCK_COUNTS / mean)), 1, min(claimed.shape) // 6 or 1))
    block = case.image.block_of_pixel(side)
    used = case.image.takes_part
    size = np.bincount(block, used)
    sums = [np.bincount(block, np.where(used, values.ravel(), 0))[size > 0] for values in (claimed, net)]
    n = int((size > 0).sum())
    if n < 8 or not np.ptp(sums[0]) or not np.ptp(sums[1]):
        return None
    rho = float(spearmanr(*sums).statistic)
    half = HALF_90 / np.sqrt(n - 3)
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return Quantity(
        rho,
        float(np.tanh(z - half)),
        float(np.tanh(z + half)),
        0.9,
        None,
        (1 - rho**2) / np.sqrt(n - 3),
        0.0,
        None,
    )


def _evidence(content: MapContent) -> Evidence:
    subject, test, recipe = f"map {content.title}", "element map", content.recipe
    name = f"The map {content.title!r} is {recipe.says}"
    if content.share is not None:
        other = content.share
        rest = Quantity(
            *(1 - other.mean, 1 - other.upper, 1 - other.lower, other.interval, None),
            *(other.counting_sd, other.endmember_sd, None),
        )
        share = f"{say_with_error(other.mean, other.sd)} of its counts are {content.element}"
        says = f"{name}; {share}{_others(content)}{_smoothed(recipe)}"
        return Evidence(subject, _QUESTION, test, says, effect=rest, tolerance=MOSTLY)
    if content.correlation is not None:
        says = (
            f"{name}; its rank correlation with the net counts of {content.element} is "
            f"{content.correlation.mean:.2f} +- {max(content.correlation.counting_sd, 0.01):.2f}"
        )
        return Evidence(
            subject,
            _QUESTION,
            test,
            says,
            effect=content.correlation,
            tolerance=0.0,
            wrong_side="below",
            unit="of 1",
        )
    remedy = (
        "a title with an element would" if content.element is None else "a map made from these counts would"
    )
    return Evidence(subject, _QUESTION, test, name, exact="undecidable", remedy=remedy)


def _others(content: MapContent) -> str:
    others = [
        f"{name.replace('_', ' ')} {100 * share:.0f} %"
        for name, (share, _) in content.parts.items()
        if share >= _NAMED and name.split("_")[0] != content.element
    ]
    return f", the rest is {', '.join(others)}" if others else ""


def _smoothed(recipe: Recipe) -> str:
    if recipe.mean == 1:
        return ""
    drawn = {3: "nine", 5: "25"}[recipe.mean]
    return f"; each photon is drawn as {drawn} pixels, so that neighbouring pixels are not independent"
