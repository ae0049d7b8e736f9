"""Recommend a number of components, and say how certain it is.

Two criteria that fail in different ways are used: the singular values of the whole image (`scree`), which see
components that are weak but extended, and held-out photons (`thinning`), which see components that are local. Neither
of them often counts a component that is not there, so the larger number is recommended. A third criterion, automatic
relevance determination (`relevance`), only supports the answer.

Only components that the counts can distinguish are counted. A material whose spectrum is a mixture of the others' adds
none, and neither does a material that caused too few photons.
"""

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.contracts.arguments import require_image, require_seed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.relevance import relevant_components
from bayesunmix.dimension.scree import Scree, scree
from bayesunmix.dimension.thinning import HeldOut, held_out


@dataclass(frozen=True, eq=False, repr=False)
class Rank:
    """Hold the recommended number of components, and the evidence.

    Parameters
    ----------
    n_components : int
    sentence : str
        The recommendation and how certain it is.
    scree : Scree
        Singular values of the biwhitened counts and their noise edge.
    held_out : HeldOut
        What each further component gains on photons that were held out.
    relevant : int
        Number of components that automatic relevance determination keeps.
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(20 * layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> evidence = bu.rank(image)
    >>> evidence.n_components, evidence.relevant
    (2, 2)
    >>> evidence.scree.n_components
    2
    """

    n_components: int
    sentence: str
    scree: Scree
    held_out: HeldOut
    relevant: int
    seed: int

    def __repr__(self) -> str:
        return f"<Rank {self.n_components}: {self.sentence}>"

    def summary(self) -> dict[str, Any]:
        """Return all numbers, for JSON."""
        return {
            "n_components": self.n_components,
            "sentence": self.sentence,
            "seed": self.seed,
            "scree": {
                "n_components": self.scree.n_components,
                "superpixel": self.scree.block,
                "noise_edge": self.scree.edge,
                "singular_values": self.scree.singular_values.tolist(),
                "thresholds": self.scree.thresholds.tolist(),
            },
            "held_out": {
                "n_components": self.held_out.n_components,
                "superpixels": self.held_out.blocks.tolist(),
                "gains": self.held_out.gains.tolist(),
                "errors": self.held_out.errors.tolist(),
            },
            "relevance": {"n_components": self.relevant},
        }


def rank(image: SpectrumImage, most: int = 12, seed: int = 0) -> Rank:
    """Recommend a number of components.

    Parameters
    ----------
    image : SpectrumImage
    most : int
        Largest number to look for.
    seed : int
        The same seed gives the same result.

    Returns
    -------
    Rank

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(20 * layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> bu.rank(image).n_components
    2
    """
    require_image(image)
    if isinstance(most, bool) or not isinstance(most, numbers.Integral) or most < 1:
        raise ValueError(
            f"most must be a whole number of components, at least 1, got {most!r}; for example 12"
        )
    require_seed(seed)
    spectrum = scree(image)
    photons = held_out(image, int(most), np.random.default_rng(seed))
    relevant = relevant_components(image, int(most), seed)
    n_components = min(max(spectrum.n_components, photons.n_components), int(most))
    return Rank(
        n_components, _sentence(spectrum, photons, relevant, int(most)), spectrum, photons, relevant, seed
    )


def _sentence(spectrum: Scree, photons: HeldOut, relevant: int, most: int) -> str:
    """Say how many components there are, and how certain that is."""
    above, predicted = min(spectrum.n_components, most), photons.n_components
    if max(above, predicted) == most > 1:
        return f"at least {most} components, the largest number that was tried; raise the limit or rebin the image"
    opinions = (
        f"{above} above the noise edge",
        f"{predicted} by held-out photons",
        f"{relevant} kept by relevance determination",
    )
    if above != predicted:
        weak = "local or weak" if predicted > above else "weak but extended"
        return (
            f"{_count(max(above, predicted))}, not certain: {', '.join(opinions)}; what lies beyond the first "
            f"{min(above, predicted)} is {weak}, so look at its map before you believe it"
        )
    if relevant != above:
        return f"{_count(above)}, probably: {', '.join(opinions)}"
    return f"{_count(above)}: all criteria agree{_next(photons)}"


def _count(n: int) -> str:
    return f"{n} component" + "s" * (n != 1)


def _next(photons: HeldOut) -> str:
    """Say what one more component would change, if it was tried."""
    if photons.gains.size < photons.n_components:
        return ""
    gain, error = photons.gains[-1], photons.errors[-1]
    change = "lower" if gain < 0 else "raise"
    return (
        f", and one more would {change} the likelihood of held-out photons by {abs(gain):.0f} +- {error:.0f}"
    )
