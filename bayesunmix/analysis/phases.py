"""Infer the fraction of each phase in a whole image, by counts and by area.

The fraction of the counts is that of a region that contains the whole image (`bayesunmix.analysis.regions`). The
fraction of the area is that of the pixels whose composition is nearest to a phase (`bayesunmix.analysis.phase_maps`).
Its interval holds the areas of the posterior draws with and without what may be counted otherwise: pixels that are
mixed, and phases that belong to another component under a solution that fits as well. It reaches from the pixels that
surely are this phase to those that possibly are.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.phase_maps import PhaseMap, phase_map, specimen_of
from bayesunmix.analysis.regions import Region, region
from bayesunmix.contracts.arguments import require_posterior, require_result_of
from bayesunmix.data.draws import equal_tailed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import Include

FEW_COUNTS = 50.0
JUST_PROBABLE = 0.51  # least probability for a label of a pixel


@dataclass(frozen=True)
class Area:
    """Hold the fraction of the specimen's pixels that a phase has.

    Parameters
    ----------
    mean : float
        Expected fraction: the mean probability of the phase.
    lower, upper : float
        Ends of the interval: from the lower end for the least area of each draw to the upper end for the largest, and
        from what is sure to what is possible, however mixed pixels are counted (see
        `bayesunmix.analysis.phase_maps.Bounds`). It contains the mean and both fractions below.
    interval : float
        Probability of the interval of the draws.
    surely, possibly : float
        Fraction of the pixels that are labelled as this phase, and of those that may be: under some solution that fits
        as well its probability is above 1 - `interval`.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> area = bu.phase_fractions(result, image).areas["component 0"]
    >>> area.lower <= 0.5 <= area.upper
    True
    """

    mean: float
    lower: float
    upper: float
    interval: float
    surely: float
    possibly: float


@dataclass(frozen=True)
class PhaseFractions:
    """Hold the fractions of the components in an image; `print` shows them as a table.

    Parameters
    ----------
    counts : Region
        The whole image as one region: fractions of the counts.
    areas : dict of str to Area
        For each component by name, the fraction of the specimen's pixels whose composition is nearest to its phase.
    counts_per_pixel : float
        Mean counts of a pixel of the specimen.
    warnings : tuple of str
        What other solutions leave open about the areas.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> fractions = bu.phase_fractions(result, image)
    >>> list(fractions.areas)
    ['component 0', 'component 1']
    """

    counts: Region
    areas: dict[str, Area]
    counts_per_pixel: float
    warnings: tuple[str, ...] = ()

    @property
    def below_50_counts(self) -> bool:
        """Return True if pixels have so few counts that the areas depend on the prior."""
        return self.counts_per_pixel < FEW_COUNTS

    def table(self) -> str:
        """Return fractions and areas as plain text."""
        width = max(map(len, self.areas))
        interval = next(iter(self.areas.values())).interval
        areas = [
            f"{name.ljust(width)}  {area.mean:.3f}  {area.lower:.3f} to {area.upper:.3f}"
            if area.upper > 0
            else f"{name.ljust(width)}  no phase of its own"
            for name, area in self.areas.items()
        ]
        mark = f" (below {FEW_COUNTS:g}: the model's expectation)" if self.below_50_counts else ""
        head = (
            f"share of the area and {100 * interval:g} % interval, "
            f"at {self.counts_per_pixel:.1f} counts per pixel{mark}"
        )
        doubts = ["", *self.warnings] if self.warnings else []
        return "\n".join([self.counts.table(), "", head, *areas, *doubts])

    __repr__ = table


def phase_fractions(
    result: Unmixing,
    image: SpectrumImage,
    *,
    interval: float = 0.9,
    include: Include = "total",
    identified: Identified | None = None,
    specimen: Any = None,
    seed: int = 0,
) -> PhaseFractions:
    """Infer the fraction of each component in an image, by counts and by area.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    interval, include, identified, seed
        See `bayesunmix.region`.
    specimen : bool array of the image's navigation shape, optional
        True for the pixels that count for the area. Where not given, vacuum is left out: a pixel belongs to the
        specimen if the 3 x 3 pixels around it have at least a tenth of the counts of bright places, or 3 % where the
        darkest places are empty.

    Returns
    -------
    PhaseFractions

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, or the result has no posterior.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> fractions = bu.phase_fractions(result, image)
    >>> [round(content.fraction.mean, 1) for content in fractions.counts.components]
    [0.5, 0.5]
    """
    require_result_of(result, image)
    everywhere = np.ones(image.navigation_shape, bool)
    counts = region(
        result, image, everywhere, interval=interval, include=include, identified=identified, seed=seed
    )
    takes_part = image.takes_part.reshape(image.navigation_shape)
    where = (
        specimen_of(image.total_map(), takes_part)
        if specimen is None
        else require_mask(specimen, image.navigation_shape) & takes_part
    )
    if identified is not None:
        posterior = require_posterior(result, "areas of phases")
        result = replace(result, posterior=replace(posterior, rotations=identified.rotations))
    found = phase_map(
        result,
        image,
        specimen=where,
        at_least=max(interval, JUST_PROBABLE),
        include=include,
    )
    areas = dict(zip(result.names, _areas(found, where, interval), strict=True))
    return PhaseFractions(counts, areas, float(image.total_map()[where].mean()), found.warnings)


def _areas(found: PhaseMap, where: np.ndarray, interval: float) -> list[Area]:
    bounds, labels = found.bounds, found.labels[where]
    assert bounds is not None
    highest = bounds.highest[where]
    lower, upper = equal_tailed(bounds.least_areas, interval)[0], equal_tailed(bounds.most_areas, interval)[1]
    excluded = 1 - found.at_least
    areas = []
    for k, mean in enumerate(found.probability[where].mean(axis=0)):
        surely, possibly = float((labels == k).mean()), float((highest[:, k] > excluded).mean())
        least = min(float(lower[k]), float(bounds.sure_areas[k]), surely, float(mean))
        most = max(float(upper[k]), float(bounds.possible_areas[k]), possibly, float(mean))
        areas.append(Area(float(mean), least, most, interval, surely, possibly))
    return areas
