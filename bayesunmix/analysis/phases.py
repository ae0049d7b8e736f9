"""Infer the fraction of each phase in a whole image, by counts and by area.

The fraction of the counts is that of a region that contains the whole image (`bayesunmix.analysis.regions`). The
fraction of the area is the mean over pixels of the probability that a component is the most abundant one
(`bayesunmix.analysis.phase_maps`). At few counts per pixel this probability depends on the prior, so the area is an
expectation under the model and has no error bar.
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
    """Hold the fractions of the components in an image; `print` shows them as a table.

    Parameters
    ----------
    counts : Region
        The whole image as one region: fractions of the counts.
    areas : dict of str to float
        For each component by name, the expected fraction of the specimen's pixels in which it is the most abundant.
    counts_per_pixel : float
        Mean counts of a pixel of the specimen.

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
        """Return True if pixels have so few counts that the areas depend on the prior."""
        return self.counts_per_pixel < FEW_COUNTS

    def table(self) -> str:
        """Return fractions and areas as plain text."""
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
    """Infer the fraction of each component in an image, by counts and by area.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    interval, identified, seed
        See `bayesunmix.region`.
    specimen : bool array of the image's navigation shape, optional
        True for the pixels that count for the area. Where not given, vacuum is left out: a pixel belongs to the
        specimen if the 3 x 3 pixels around it have at least a tenth of the counts of bright places.

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
