"""What a region holds of each component: counts are summed first, and inferred once.

Posteriors of pixels must not be added up. Each carries its own weak prior, which is a bias of a fraction of a count
that hundreds of pixels share: with a Jeffreys prior in each of 384 pixels, 90 % intervals of the sum held the truth in
0 to 4 % of trials. The sum of Poisson counts is Poisson again, with the region's totals as its only
unknowns, so that one weak prior is all there is (`bayesunmix.analysis.totals`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.analysis.identification import Identified, identify
from bayesunmix.analysis.quantity import Quantity, quantities, table
from bayesunmix.analysis.totals import draw_totals
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_seed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing

MOST_DRAWS = 200  # of the endmembers


@dataclass(frozen=True)
class Content:
    """How much of a region one component is: its counts, and its share of the counts of all components.

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
    """What a region holds. Printed, it is a table.

    Parameters
    ----------
    components : tuple of Content
        In the order of the result.
    n_pixels, n_counts : int
    warnings : tuple of str

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

    def __getitem__(self, component: int | str) -> Content:
        """Return a component by number or name."""
        if not isinstance(component, str):
            return self.components[component]
        named = {content.name: content for content in self.components}
        if component not in named:
            raise KeyError(f"there is no component {component!r}; there are {', '.join(named)}")
        return named[component]

    def table(self) -> str:
        """Amounts and fractions as plain text, with errors of counting and of the endmembers and the feasible range."""
        amounts = table({c.name: c.amount for c in self.components}, "counts")
        fractions = table({c.name: c.fraction for c in self.components}, "fraction")
        head = f"{self.n_counts} counts in {self.n_pixels} pixels"
        return "\n\n".join([head, amounts, fractions, *self.warnings])

    __repr__ = table


def region(
    result: Unmixing,
    image: SpectrumImage,
    mask: Any,
    *,
    interval: float = 0.9,
    identified: Identified | None = None,
    seed: int = 0,
) -> Region:
    """Infer the counts and the fraction of each component in a region.

    Parameters
    ----------
    result : Unmixing
        With a posterior, or from a method whose spectra are known (`elements`).
    image : SpectrumImage
        The image that was unmixed.
    mask : bool array of the image's navigation shape
        The pixels of the region; those that take no part in the image are left out.
    interval : float
        Probability of the intervals.
    identified : Identified, optional
        ``bayesunmix.identify(result, image)``, which takes seconds; computed where not given. Give it for several
        regions of one result.
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
    feasible = None if identified.known.all() else np.stack(identified.fractions_of(mask))
    fractions = totals / totals.sum(axis=-1, keepdims=True)
    both = (
        quantities(totals, interval, None if feasible is None else n_counts * feasible),
        quantities(fractions, interval, feasible),
    )
    contents = tuple(map(Content, result.names, *both))
    return Region(contents, int(mask.sum()), n_counts, identified.warnings)


def region_totals(
    result: Unmixing, image: SpectrumImage, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the endmembers' counts in a region.

    Returns
    -------
    endmembers : (D, K, C) array
        Evenly spaced draws of the posterior; the known ones of `elements` are one draw.
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
        raise ValueError("the region must hold at least one pixel, and the mask is False everywhere")
    mask = mask & image.takes_part.reshape(mask.shape)
    if not mask.any():
        raise ValueError(
            "the region must hold a pixel that takes part, and all of it lies outside the image's mask"
        )
    if identified is None:
        return mask, identify(result, image)
    if identified.amounts.shape != result.estimate.abundances.shape:
        raise ValueError(
            f"identified must be bayesunmix.identify(result, image) of this result, {result.estimate.abundances.shape} "
            f"abundances, got one of {identified.amounts.shape}"
        )
    return mask, identified
