"""Recommend a number of components, and list the others that are real but small.

Two criteria that fail in different ways say how many components the counts show: the singular values of the whole image
(`scree`), which see components that are weak but extended, and held-out photons (`thinning`), which see components that
are local. Neither of them often counts a component that is not there, so the larger number is seen. A third criterion,
automatic relevance determination (`relevance`), only supports the answer.

Not all of them matter. In a real specimen absorption, drift, the rims of the field and single pixels change the
spectrum too. So the number that is recommended is the smallest one that has 98 % of what all components gain on
held-out photons over the mean spectrum. The others are listed with what they look like (`dimension.looks`).

Only components that the counts can distinguish are counted. A material whose spectrum is a mixture of the others' adds
none, and neither does a material that caused too few photons.
"""

import dataclasses
import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.contracts.arguments import require_image, require_seed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.pooling import sizes
from bayesunmix.dimension.relevance import relevant_components
from bayesunmix.dimension.scree import Scree, scree
from bayesunmix.dimension.small import SmallComponent, described
from bayesunmix.dimension.support import shows_support
from bayesunmix.dimension.thinning import HeldOut, held_out

ENOUGH = 0.98  # of the gain on held-out photons: components beyond it are real but small


@dataclass(frozen=True, eq=False, repr=False)
class Rank:
    """Hold the recommended number of components, those that are real but small, and the evidence.

    Parameters
    ----------
    n_components : int
        The number that is recommended: it has 98 % of the gain on held-out photons.
    n_seen : int
        The number that the counts show, with those that are real but small.
    small : tuple of SmallComponent
        Components beyond the recommended number, with what each gains and looks like.
    share : float
        Share of the gain of all components that the recommended number has, 0 to 1.
    has_support : bool
        True if one component looks like a support: the dark quarter of the field has one spectrum of its own.
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
    >>> evidence.n_seen, evidence.small
    (2, ())
    """

    n_components: int
    n_seen: int
    small: tuple[SmallComponent, ...]
    share: float
    has_support: bool
    sentence: str
    scree: Scree
    held_out: HeldOut
    relevant: int
    seed: int

    def __repr__(self) -> str:
        return f"<Rank {self.n_components}: {self.sentence}>"

    def doubt(self, n_components: int) -> str:
        """Say so if a fit has another number of components than the counts show; empty if they are as many.

        A fit that has all or some of those that are real but small is not doubted.
        """
        if self.n_components <= n_components <= self.n_seen:
            return ""
        more = f" and {_small(len(self.small))}" if self.small else ""
        harm = (
            "With too few components every number is wrong; ask for more"
            if n_components < self.n_components
            else "With too many the components share one phase between them; look at their maps before you believe them"
        )
        shown = f"the counts show {self.n_components}{more} (bayesunmix.rank)"
        return f"The fit has {n_components} components, and {shown}. {harm}."

    def summary(self) -> dict[str, Any]:
        """Return all numbers, for JSON."""
        return {
            "n_components": self.n_components,
            "n_seen": self.n_seen,
            "share_of_gain": self.share,
            "small": [one.summary() for one in self.small],
            "has_support": self.has_support,
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
    """Recommend a number of components, and list those that are real but small.

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
    n_seen = min(max(spectrum.n_components, photons.n_components), int(most))
    gains = _gains(spectrum, photons, n_seen)
    n_components, shares = _enough(gains)
    found = Rank(
        n_components=n_components,
        n_seen=n_seen,
        small=_small_components(image, spectrum, photons, range(n_components, n_seen), gains, shares),
        share=float(shares[: n_components - 1].sum()) if shares.any() else 1.0,
        has_support=n_components > 1 and shows_support(sizes(image, 32, 640)[0]),
        sentence="",
        scree=spectrum,
        held_out=photons,
        relevant=relevant,
        seed=seed,
    )
    return dataclasses.replace(found, sentence=_sentence(found, int(most)))


def _gains(spectrum: Scree, photons: HeldOut, n_seen: int) -> np.ndarray:
    """Return what the second component, the third, ... gains on held-out photons, (n_seen - 1,).

    A value s above the noise edge e is worth about half of s^2 - e^2 in log-likelihood. The larger of the two numbers
    counts: a fit to few photons may end far from the best one, and singular values do not see what is local.
    """
    gains = np.zeros(n_seen - 1)
    above = spectrum.singular_values[1 : spectrum.n_components][: n_seen - 1]
    gains[: above.size] = np.maximum(above**2 - spectrum.edge**2, 0) / 2
    predicted = photons.gains[: photons.n_components - 1][: n_seen - 1]
    gains[: predicted.size] = np.maximum(gains[: predicted.size], predicted)
    return gains


def _enough(gains: np.ndarray) -> tuple[int, np.ndarray]:
    """Return how many components have 98 % of the gain, and the share of the second one, the third, ... in it.

    If nothing is gained, all that are seen are recommended: nothing tells which of them matter.
    """
    if not gains.any():
        return gains.size + 1, np.zeros(gains.size)
    shares = gains / gains.sum()
    return 2 + int(np.argmax(np.cumsum(shares) >= ENOUGH - 1e-12)), shares


def _small_components(
    image: SpectrumImage,
    spectrum: Scree,
    photons: HeldOut,
    which: range,
    gains: np.ndarray,
    shares: np.ndarray,
) -> tuple[SmallComponent, ...]:
    """Describe each component beyond those that are enough; `which` counts those before it."""
    small = []
    for k in which:
        predicted = k < photons.n_components
        changes = photons.changes if predicted else spectrum.changes
        change = changes[k - 1] if k <= len(changes) else None
        gain, error = (photons.gains[k - 1], photons.errors[k - 1]) if predicted else (gains[k - 1], math.nan)
        small.append(described(image, change, k + 1, float(gain), float(error), float(shares[k - 1])))
    return tuple(small)


def _sentence(found: Rank, most: int) -> str:
    """Say how many components there are, and how certain that is."""
    above, predicted = min(found.scree.n_components, most), found.held_out.n_components
    n = found.n_components
    if n == most > 1:
        return f"at least {most} components, the largest number that was tried; raise the limit or rebin the image"
    what = f"{_count(n)}{_support(found)}"
    if found.small:
        listed = ", ".join(one.say() for one in found.small)
        has = f" with {_share(found.share)} of the gain on held-out photons"
        least = "at least " if found.n_seen == most else ""
        return f"{what}{has}; {least}{_small(len(found.small))}: {listed}"
    opinions = (
        f"{above} above the noise edge",
        f"{predicted} by held-out photons",
        f"{found.relevant} kept by relevance determination",
    )
    if above != predicted:
        weak = "local or weak" if predicted > above else "weak but extended"
        return (
            f"{what}, not certain: {', '.join(opinions)}; what lies beyond the first "
            f"{min(above, predicted)} is {weak}, so look at its map before you believe it"
        )
    if found.relevant != above:
        return f"{what}, probably: {', '.join(opinions)}"
    return f"{what}: all criteria agree{_next(found.held_out)}"


def _count(n: int) -> str:
    return f"{n} component" + "s" * (n != 1)


def _small(n: int) -> str:
    return f"{n} more {'is' if n == 1 else 'are'} real but small"


def _support(found: Rank) -> str:
    """Say what the components look like if one of them is a support."""
    if not found.has_support:
        return ""
    n = found.n_components - 1
    return " (one phase and its support)" if n == 1 else f" ({n} phases and their support)"


def _share(share: float) -> str:
    return f"{min(100 * share, 99.9):.1f} %"


def _next(photons: HeldOut) -> str:
    """Say what one more component would change, if it was tried."""
    if photons.gains.size < photons.n_components:
        return ""
    gain, error = photons.gains[-1], photons.errors[-1]
    change = "lower" if gain < 0 else "raise"
    return (
        f", and one more would {change} the likelihood of held-out photons by {abs(gain):.0f} +- {error:.0f}"
    )
