"""What a whole image holds of each component: its share of the counts, and the area in which it is the most abundant.

The first is a region's, inferred from summed counts (`bayesunmix.analysis.regions`). The second adds up what the
model says of each pixel, the probability that a component is its most abundant one
(`bayesunmix.analysis.phase_maps`). At few counts a pixel that probability owes much to the prior, and no error bar
of the sum would be right: it is an expectation, and has none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.phase_maps import phase_map, specimen_of
from bayesunmix.analysis.regions import Region, region
from bayesunmix.contracts.arguments import require_result_of
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing

FEW_COUNTS = 50.0


@dataclass(frozen=True)
class PhaseFractions:
    """Fractions of the components in an image. Printed, it is a table.

    Parameters
    ----------
    counts : Region
        The whole image: weighed by intensity.
    areas : dict of str to float
        Expected share of the pixels of the specimen in which a component is the most abundant, by its name.
    counts_per_pixel : float
        Mean counts of the pixels of the specimen.

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
    areas: dict[str, float]
    counts_per_pixel: float

    @property
    def below_50_counts(self) -> bool:
        """Whether pixels hold so few counts that areas are what the model expects more than what was seen."""
        return self.counts_per_pixel < FEW_COUNTS

    def table(self) -> str:
        """Fractions and areas as plain text."""
        width = max(map(len, self.areas))
        areas = [f"{name.ljust(width)}  {share:.3f}" for name, share in self.areas.items()]
        mark = f" (below {FEW_COUNTS:g}: the model's expectation)" if self.below_50_counts else ""
        head = f"expected share of the area, at {self.counts_per_pixel:.1f} counts per pixel{mark}"
        return "\n".join([self.counts.table(), "", head, *areas])

    __repr__ = table


def phase_fractions(
    result: Unmixing,
    image: SpectrumImage,
    *,
    interval: float = 0.9,
    identified: Identified | None = None,
    specimen: Any = None,
    seed: int = 0,
) -> PhaseFractions:
    """Infer what share of an image each component is.

    Parameters
    ----------
    result : Unmixing
        With a posterior.
    image : SpectrumImage
        The image that was unmixed.
    interval, identified, seed
        See `bayesunmix.region`.
    specimen : bool array of the image's navigation shape, optional
        Pixels that count for the area. Where not given: those around which (3 pixels along each axis) the mean counts
        are at least a tenth of what bright places have.

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
    counts = region(result, image, everywhere, interval=interval, identified=identified, seed=seed)
    takes_part = image.takes_part.reshape(image.navigation_shape)
    where = (
        specimen_of(image.total_map(), takes_part)
        if specimen is None
        else require_mask(specimen, image.navigation_shape) & takes_part
    )
    probability = phase_map(result, image, specimen=where).probability[where]
    areas = dict(zip(result.names, map(float, probability.mean(axis=0)), strict=True))
    return PhaseFractions(counts, areas, float(image.total_map()[where].mean()))
