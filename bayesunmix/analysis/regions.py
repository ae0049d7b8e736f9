"""Infer how much of each component a region contains, from the summed counts of the region.

Do not add up the posteriors of pixels. Each pixel has a weak prior of its own, which biases it by a fraction of a
count; in a sum over hundreds of pixels these biases add up and the interval misses the truth. The sum of Poisson counts
is Poisson again, so the counts of the region are summed first, and one weak prior is enough
(`bayesunmix.analysis.totals`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.analysis.identification import Identified, identify, recalled
from bayesunmix.analysis.quantity import Quantity, quantities, table
from bayesunmix.analysis.sums import known_sums
from bayesunmix.analysis.totals import draw_totals
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_seed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import Include

MOST_DRAWS = 200  # of the endmembers


@dataclass(frozen=True)
class Content:
    """Describe one component of a region: its expected counts, and its fraction of the counts of all components.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> content = bu.region(result, image, np.ones((8, 8), bool))[0]
    >>> content.name
    'component 0'
    >>> content.amount.lower < content.amount.mean < content.amount.upper
    True
    """

    name: str
    amount: Quantity
    fraction: Quantity


@dataclass(frozen=True)
class Region:
    """Hold the components of a region; `print` shows them as a table.

    Parameters
    ----------
    components : tuple of Content
        One entry for each component, in the order of the result.
    n_pixels, n_counts : int
        Size of the region, and its recorded counts.
    warnings : tuple of str
    assumptions : tuple of str
        What the intervals rest on besides the counts.
    sums : tuple of Content
        Sums of components that the counts do not tell apart, though they tell the sum, as with phases of like spectra.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> found = bu.region(result, image, np.ones((8, 8), bool))
    >>> print(found.table().splitlines()[0])
    688 counts in 64 pixels
    >>> found["component 0"].fraction.identified in ("yes", "range-only", "no")
    True
    """

    components: tuple[Content, ...]
    n_pixels: int
    n_counts: int
    warnings: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    sums: tuple[Content, ...] = ()

    def __getitem__(self, component: int | str) -> Content:
        """Return a component by number, by name, or as "component 0"."""
        if not isinstance(component, str):
            return self.components[component]
        numbered = {f"component {k}": content for k, content in enumerate(self.components)}
        named = {content.name: content for content in self.components}
        if component in numbered and component not in named:
            return numbered[component]
        if component not in named:
            raise KeyError(f"there is no component {component!r}; there are {', '.join(named)}")
        return named[component]

    def table(self) -> str:
        """Return amounts and fractions as plain text, with the three kinds of error in columns of their own."""
        rows = (*self.components, *self.sums)
        amounts = table({c.name: c.amount for c in rows}, "counts")
        fractions = table({c.name: c.fraction for c in rows}, "fraction")
        size = f"{self.n_counts} counts in {self.n_pixels} pixels"
        head = "\n".join([size, *(f"assuming that {one}" for one in self.assumptions)])
        return "\n\n".join([head, amounts, fractions, *self.warnings])

    __repr__ = table


def region(
    result: Unmixing,
    image: SpectrumImage,
    mask: Any,
    *,
    interval: float = 0.9,
    include: Include = "total",
    identified: Identified | None = None,
    seed: int = 0,
) -> Region:
    """Infer the counts and the fraction of each component in a region.

    Use it instead of a sum over pixels, whose interval would be too narrow.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior, or one whose spectra are all known (method "elements").
    image : SpectrumImage
        The image that was unmixed.
    mask : bool array of the image's navigation shape
        True for the pixels of the region. Pixels outside the image's own mask are left out.
    interval : float
        Probability of the intervals.
    include : {"total", "counting"}
        Whether intervals include the other solutions that fit as well, or only the errors of counting and of the
        endmembers. Both errors and the range stand beside them in either case.
    identified : Identified, optional
        What ``bayesunmix.identify(result, image)`` returned, for example with other assumptions. Where not given, the
        rotations that the result has from `unmix` are used, or found, which takes seconds.
    seed : int
        The same seed gives the same answer.

    Returns
    -------
    Region

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, the region is empty, or the result has no posterior.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> upper_half = np.repeat([True, False], 32).reshape(8, 8)
    >>> found = bu.region(result, image, upper_half)
    >>> found.n_pixels, found.n_counts
    (32, 367)
    >>> found[0].fraction.mean > 0.9 or found[1].fraction.mean > 0.9
    True
    """
    mask, identified = validated(result, image, mask, identified, seed)
    totals = region_totals(result, image, mask, np.random.default_rng(seed))[1]
    n_counts = int(image.counts[mask.ravel()].sum(dtype=np.int64))
    n_components = len(result.names)
    others = identified.fractions_under(mask)[: 0 if identified.known.all() else None]
    fractions = totals / totals.sum(axis=-1, keepdims=True)
    groups: list[tuple[int, ...]] = [(k,) for k in range(n_components)]
    groups += known_sums(fractions.reshape(-1, n_components), others)
    member = np.array([[float(k in group) for group in groups] for k in range(n_components)])
    own, others = identified.own_fractions(mask) @ member, others @ member
    feasible = np.stack([others.min(axis=0), others.max(axis=0)]) if len(others) else None
    of_counts = None if feasible is None else n_counts * feasible
    both = (
        quantities(totals @ member, interval, of_counts, n_counts * own, include),
        quantities(fractions @ member, interval, feasible, own, include, 1.0),
    )
    names = [" + ".join(result.names[k] for k in group) for group in groups]
    contents = tuple(map(Content, names, *both))
    return Region(
        contents[:n_components],
        int(mask.sum()),
        n_counts,
        (*filter(None, [result.doubt]), *identified.warnings),
        identified.assumptions,
        contents[n_components:],
    )


def region_totals(
    result: Unmixing, image: SpectrumImage, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw how many counts of a region belong to each endmember.

    Returns
    -------
    endmembers : (D, K, C) array
        Evenly spaced draws of the posterior. Known spectra count as one draw.
    totals : (D, 2, n, K) array
        See `bayesunmix.analysis.totals.draw_totals`.

    Raises
    ------
    ValueError
        If the result has no posterior, and its spectra are not known.
    """
    spectrum = np.asarray(image.counts[mask.ravel()].sum(axis=0, dtype=np.int64)).ravel()
    if result.posterior is None and all(result.known):
        known = result.estimate.endmembers[None]
        _, totals = draw_totals(spectrum, np.repeat(known, MOST_DRAWS, axis=0), rng)
        return known, np.moveaxis(totals, 0, 1).reshape(1, 2, -1, totals.shape[-1])
    every = require_posterior(result, "what a region holds").endmembers
    flat = every.reshape(-1, *every.shape[2:])
    n_draws = min(MOST_DRAWS, len(flat))
    endmembers = flat[np.arange(n_draws) * len(flat) // n_draws]
    used, totals = draw_totals(spectrum, endmembers, rng)
    return endmembers[used], totals


def validated(
    result: Unmixing, image: SpectrumImage, mask: Any, identified: Identified | None, seed: int
) -> tuple[np.ndarray, Identified]:
    """Check the arguments, and find the feasible ranges where they are not given."""
    require_result_of(result, image)
    require_seed(seed)
    mask = require_mask(mask, image.navigation_shape)
    if not mask.any():
        raise ValueError(
            "the region must contain at least one pixel, and the mask is False everywhere; mark its pixels by True"
        )
    mask = mask & image.takes_part.reshape(mask.shape)
    if not mask.any():
        raise ValueError(
            "the region must contain a pixel inside the image's mask, and all of it lies outside; choose another region"
        )
    if identified is None:
        return mask, recalled(result, image) or identify(result, image)
    if identified.amounts.shape != result.estimate.abundances.shape:
        raise ValueError(
            f"identified must be bayesunmix.identify(result, image) of this result, {result.estimate.abundances.shape} "
            f"abundances, got one of {identified.amounts.shape}"
        )
    return mask, identified
