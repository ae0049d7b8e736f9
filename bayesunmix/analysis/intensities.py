r"""Map the net counts of X-ray line families, with intervals, from the draws of a posterior.

.. math:: n_{pf} = \sum_k a_{pk} s_{kf}

Here :math:`s_{kf}` is the fraction of the photons of endmember k that belong to the lines of family f. It is found by
fitting line families and continuum to the endmember (`bayesunmix.spectra.line_model`, calibrated on the sum spectrum).
Each abundance is combined with the endmember of the same joint draw, so the interval includes both errors and their
correlation.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.family_shares import evenly_spaced, families_on_axis, family_shares
from bayesunmix.contracts.arguments import require_posterior, require_result_of
from bayesunmix.data.draws import blocks, equal_tailed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing, UnmixingWarning
from bayesunmix.spectra.element_search import find_elements
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.line_model import LineModel, fit_lines
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV


@dataclass(frozen=True, eq=False)
class LineIntensity:
    """Hold maps of net counts, of the image's navigation shape; they unpack as ``mean, lower, upper``.

    Parameters
    ----------
    mean, lower, upper : array
        Posterior mean, and ends of the interval.
    doubt : str
        "not converged" and why, and what the result assumes (`Unmixing.doubt`); "" where there is nothing.
    """

    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    doubt: str = ""

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.mean, self.lower, self.upper))


def line_intensities(
    result: Unmixing,
    image: SpectrumImage,
    lines: Sequence[str],
    *,
    interval: float = 0.9,
    elements: Sequence[str] | None = None,
) -> dict[str, LineIntensity]:
    """Map the net counts of line families, for example ``line_intensities(result, image, ["Ni_K"])["Ni_K"].mean``.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior. For method "elements", which has none, use `bayesunmix.net_counts`.
    image : SpectrumImage
        The image that was unmixed.
    lines : sequence of str
        Families of lines: "Ni_K", "Cr_K", ...
    interval : float
        Probability of the intervals, entry by entry.
    elements : sequence of str, optional
        All elements of the specimen. A line of an element that is missing here would be taken for continuum. Where not
        given: the elements that the sum spectrum shows, and those of `lines`.

    Returns
    -------
    maps : dict of str to LineIntensity

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, a family is unknown or not on the axis, there is no posterior, or
        the counts are no X-rays.

    Warns
    -----
    UnmixingWarning
        If the X-rays were excited by X-rays (``signal="xrf"``): the continuum that is fitted is that of electrons.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(element).record(energy_kev, Detector()) for element in ("Cr", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> nickel = bu.line_intensities(result, image, ["Ni_K"])["Ni_K"]
    >>> nickel.mean.shape, bool((nickel.lower <= nickel.upper).all())
    ((8, 8), True)
    """
    require_result_of(result, image)
    image.spectral_axis.require_xray()
    posterior = require_posterior(result, "a map of line intensities with intervals")
    if isinstance(lines, str) or not lines:
        raise TypeError(f"lines must be a sequence of families, got {lines!r}; for example ['Ni_K']")
    for sentence in continuum_warnings(image.spectral_axis.signal):
        warnings.warn(sentence, UnmixingWarning, stacklevel=2)
    first = int(np.searchsorted(image.energy_kev, NOISE_BELOW_KEV))
    model = _model(image, first, tuple(lines), elements)
    paired = posterior.paired_endmembers()
    photons = posterior.mean().abundances.sum(axis=0)
    drawn = evenly_spaced(paired)
    shares = family_shares(model, image.energy_kev[first:], drawn[:, :, first:], photons)
    n_draws = paired.shape[0] * paired.shape[1]
    of_draw = np.arange(n_draws) * len(drawn) // n_draws  # abundance draws in between share the nearest
    shares = shares[of_draw][:, :, families_on_axis(model, lines)]
    maps = np.empty((3, image.n_pixels, len(lines)))
    for pixels, abundances in blocks(posterior.abundances):
        net = abundances @ shares
        maps[:, pixels] = net.mean(axis=0), *equal_tailed(net, interval)
    shaped = maps.reshape(3, *image.navigation_shape, len(lines))
    mean, lower, upper = shaped
    return {
        name: LineIntensity(mean[..., j], lower[..., j], upper[..., j], result.doubt)
        for j, name in enumerate(lines)
    }


def _model(
    image: SpectrumImage, first: int, lines: tuple[str, ...], elements: Sequence[str] | None
) -> LineModel:
    energy_kev, counts = image.energy_kev[first:], image.sum_spectrum()[first:].astype(np.float64)
    found = find_elements(energy_kev, counts).reasons if elements is None else elements
    asked = [line.partition("_")[0] for line in lines]
    model = fit_lines(energy_kev, counts, tuple(dict.fromkeys([*found, *asked])))
    families_on_axis(model, lines)
    return model
