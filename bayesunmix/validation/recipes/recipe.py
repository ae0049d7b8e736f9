r"""Find out how an element map was made: whether it is a known function of the raw counts.

A map is the counts of a window of channels, up to a factor, rounding, a mean over neighbours, binning, a cut and a
turn. Windows are searched blindly, all of them: each pixel i has J random weights :math:`r_{ji}`, so that a window from
channel a up to b has the signature :math:`\sum_i r_{ji} \sum_{a \le c < b} n_{ic} = H_{jb} - H_{ja}`, with prefix sums
H over the channels, and the map has :math:`\sum_i r_{ji} m_i`. The angle between the two is zero for the right window,
whatever the factor, and the angles of all windows follow from one product of H with itself. The best few are then
compared in every pixel: a recipe is *exact* only if every pixel agrees.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.validation.placement.orientation import AS_IT_IS, Orientation, orientations
from bayesunmix.validation.recipes.offsets import offsets
from bayesunmix.validation.recipes.titles import strongest_kev
from bayesunmix.validation.recipes.window_search import Found, WindowSearch
from bayesunmix.validation.words import say_digits

_MEANS = (1, 3, 5)
_MOST_OFFSETS = 3
_LOWEST_KEV = 0.05
_UNRELATED = 0.5
_SPARE_KEV = 0.05


@dataclass(frozen=True)
class Recipe:
    """Hold how an element map was made from the counts.

    Parameters
    ----------
    title : str
    exact : bool
        Whether every pixel of the map follows from the counts. The rest describes the nearest window otherwise.
    window_kev : (float, float) or None
        Centres of the first and the last channel of the window. None where map and counts cannot be compared.
    first_kev, last_kev : (float, float) or None
        Channels without counts may be added to a window: lowest and highest first, and last, channel that give the same
        map.
    factor : float
        Map over counts.
    rounding : {"", "rounded", "cut off"}
        How the map was brought to whole numbers.
    darkest : float
        What was subtracted from the counts before they were multiplied.
    mean : int
        Each pixel is the mean over so many by so many: 1, 3 or 5.
    edges : str
        What stands for pixels beyond the edge in that mean, as `scipy.ndimage` calls it.
    binning : int
        Pixels of the counts along the side of a pixel of the map.
    enlarged : int
        Pixels of the map along the side of a pixel of the counts.
    orientation : Orientation
        How the map must be turned to lie on the counts.
    offset : (int, int)
        Row and column of the counts (binned) at which the map begins.
    correlation : float
        Of map and recipe over the pixels.
    difference : float
        Largest difference of a pixel, in units of the map.
    says : str
        What the map is, in words.
    """

    title: str
    exact: bool
    window_kev: tuple[float, float] | None
    first_kev: tuple[float, float] | None = None
    last_kev: tuple[float, float] | None = None
    factor: float = 1.0
    rounding: str = ""
    darkest: float = 0.0
    mean: int = 1
    edges: str = ""
    binning: int = 1
    enlarged: int = 1
    orientation: Orientation = AS_IT_IS
    offset: tuple[int, int] = (0, 0)
    correlation: float = float("nan")
    difference: float = float("nan")
    says: str = ""


def recover_recipes(image: SpectrumImage, maps: Mapping[str, np.ndarray]) -> dict[str, Recipe]:
    """Find out how element maps were made from the counts.

    Parameters
    ----------
    image : SpectrumImage
        With two navigation axes and *all* channels: windows of light elements begin below 0.2 keV, so read the file
        with ``crop_below_kev=None``.
    maps : mapping from title to (h, w) array

    Returns
    -------
    recipes : dict of str to Recipe
        One for each map, exact or not.
    """
    searches: dict[tuple[int, int], WindowSearch] = {}
    return {
        title: _recover(image, title, np.asarray(claimed, float), searches) for title, claimed in maps.items()
    }


def _recover(
    image: SpectrumImage, title: str, claimed: np.ndarray, searches: dict[tuple[int, int], WindowSearch]
) -> Recipe:
    if not np.ptp(claimed):
        return Recipe(title, False, None, says="the same in every pixel, so that it tells nothing")
    shape = (image.navigation_shape[0], image.navigation_shape[1])
    best: Recipe | None = None
    for placed, mean in _ways(image, title, claimed, searches):
        search = _search(image, placed.binning, mean, searches)
        found = search.nearest(placed.laid, placed.offset, strongest_kev(title, *search.range_kev))
        if found is None:
            continue
        recipe = _described(title, placed, search, found)
        if recipe.exact:
            return recipe
        if best is None or recipe.correlation > best.correlation:
            best = recipe
    if best is None or (best.window_kev and best.correlation < _UNRELATED and claimed.shape != shape):
        return Recipe(title, False, None, says=_not_compared(claimed.shape, shape))
    return best


class _Placed(NamedTuple):
    """Hold a map that was brought to the size of the (binned) counts, or to a part of them."""

    laid: np.ndarray
    orientation: Orientation
    offset: tuple[int, int]
    binning: int
    enlarged: int


def _search(
    image: SpectrumImage, binning: int, mean: int, searches: dict[tuple[int, int], WindowSearch]
) -> WindowSearch:
    if (binning, mean) not in searches:
        searches[binning, mean] = WindowSearch(image, binning, mean)
    return searches[binning, mean]


def _ways(
    image: SpectrumImage, title: str, claimed: np.ndarray, searches: dict[tuple[int, int], WindowSearch]
) -> Iterator[tuple[_Placed, int]]:
    """Yield the ways in which a map may have been made, the likely ones first."""
    shape = (image.navigation_shape[0], image.navigation_shape[1])
    placed = []
    for small, binning, enlarged in _sizes(claimed, shape):
        plain = _search(image, binning, 1, searches)
        for turned in orientations(small.shape, plain.shape):
            laid = turned.apply(small)
            for offset in offsets(plain, laid, title, _MOST_OFFSETS):
                placed.append(_Placed(laid, turned, offset, binning, enlarged))
    for is_identity in (True, False):
        for mean in _MEANS:
            yield from ((one, mean) for one in placed if one.orientation.is_identity == is_identity)


def _sizes(claimed: np.ndarray, shape: tuple[int, int]) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yield a map, or every n-th pixel of an enlarged one, with the binning of the counts and that enlargement."""
    yield claimed, 1, 1
    low, high = sorted(claimed.shape)
    small, large = sorted(shape)
    for n in range(2, 1 + max(small // low, low // small, 1)):
        if -(-small // n) == low and -(-large // n) == high:
            yield claimed, n, 1
        if (low, high) == (n * small, n * large):
            blocks = claimed.reshape(claimed.shape[0] // n, n, claimed.shape[1] // n, n)
            if (np.ptp(blocks, axis=(1, 3)) == 0).all():
                yield blocks[:, 0, :, 0], 1, n


def _described(title: str, placed: _Placed, search: WindowSearch, found: Found) -> Recipe:
    energy = search.image.energy_kev
    (low_first, first), (last, high_last) = search.freedom(found)
    relation = found.relation
    recipe = Recipe(
        title,
        relation.exact,
        (float(energy[first]), float(energy[last])),
        (float(energy[low_first]), float(energy[first])),
        (float(energy[last]), float(energy[high_last])),
        relation.factor,
        relation.rounding,
        relation.darkest,
        search.mean,
        found.edges,
        placed.binning,
        placed.enlarged,
        placed.orientation,
        placed.offset,
        relation.correlation,
        relation.difference,
    )
    reaches = (low_first == 0 or first == 0) and energy[0] > _LOWEST_KEV
    return replace(recipe, says=_sentence(recipe, placed.laid.shape != search.shape, reaches))


def _sentence(recipe: Recipe, is_part: bool, reaches_below: bool) -> str:
    """Say what a map is."""
    assert recipe.window_kev is not None
    low, high = recipe.window_kev
    window = f"the raw counts of {low:.3f} to {high:.3f} keV"
    lowest = (
        " (the first channel of these counts: read the file with crop_below_kev=None)"
        if reaches_below
        else ""
    )
    if not recipe.exact:
        how = f"{recipe.mean} x {recipe.mean} mean of the " if recipe.mean > 1 else ""
        turned = "" if recipe.orientation.is_identity else f", {recipe.orientation}"
        return (
            f"not a plain window of the counts; the nearest is the {how}{window[4:]}"
            f"{lowest}{turned}, with a correlation of {recipe.correlation:.3f}"
        )
    parts = [
        f"the {recipe.mean} x {recipe.mean} mean (edges: {recipe.edges}) of " if recipe.mean > 1 else "",
        window,
    ]
    parts += [lowest, _freedom(recipe)]
    if recipe.darkest:
        parts.append(f" less {say_digits(recipe.darkest, 6)}")
    if recipe.factor != 1 or recipe.rounding:
        parts.append(f", times {say_digits(recipe.factor, 6)}")
    if recipe.rounding:
        parts.append(f", {recipe.rounding} to whole numbers")
    if recipe.binning > 1:
        parts.append(f", summed over {recipe.binning} x {recipe.binning} pixels")
    if recipe.enlarged > 1:
        parts.append(f", each pixel drawn as {recipe.enlarged} x {recipe.enlarged}")
    if not recipe.orientation.is_identity:
        parts.append(f", {recipe.orientation}")
    if is_part:
        parts.append(f", of the pixels from row {recipe.offset[0]} and column {recipe.offset[1]} on")
    return "".join([*parts, ", no background removed"])


def _freedom(recipe: Recipe) -> str:
    """Say how much wider the window may be, where channels beside it have no counts."""
    assert recipe.first_kev is not None and recipe.last_kev is not None
    spare = np.ptp(recipe.first_kev), np.ptp(recipe.last_kev)
    if max(spare) < _SPARE_KEV:
        return ""
    return (
        f" (or a wider window: it may begin from {recipe.first_kev[0]:.2f} keV on and end up to "
        f"{recipe.last_kev[1]:.2f} keV, as there are no counts between)"
    )


def _not_compared(claimed: tuple[int, ...], shape: tuple[int, ...]) -> str:
    sizes = f"the map is {' x '.join(map(str, claimed))} and the counts {' x '.join(map(str, shape))} pixels"
    return f"not compared: {sizes}, neither a part nor a multiple of them; export the map at the size of the counts"
