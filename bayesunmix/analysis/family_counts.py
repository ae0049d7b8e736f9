"""Map the net counts of line families that method "elements" fitted, with their counting errors."""

from typing import NamedTuple

import numpy as np

from bayesunmix.contracts.arguments import require_result_of
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.poisson_fit import standard_errors


class NetCounts(NamedTuple):
    """Hold a map of net counts and a map of their standard errors, both of the image's navigation shape."""

    counts: np.ndarray
    sd: np.ndarray


def net_counts(result: Unmixing, image: SpectrumImage) -> dict[str, NetCounts]:
    """Map the net counts of each line family, for example ``net_counts(result, image)["Ni_K"].counts``.

    The curves of the continuum are added up under the name "continuum".

    Parameters
    ----------
    result : Unmixing
        A result whose components are line families, from method "elements".
    image : SpectrumImage
        The image that was unmixed.

    Returns
    -------
    maps : dict of str to NetCounts
        The errors are those of counting in each pixel alone, with the spectra taken as known (see
        `bayesunmix.engine.fits.poisson_fit`).

    Raises
    ------
    TypeError, ValueError
        If the components are no line families, or the result is not of this image.

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
    >>> result = bu.unmix(image, method="elements", elements=("Cr", "Ni"))
    >>> maps = bu.net_counts(result, image)
    >>> list(maps)
    ['Cr_K', 'Ni_K', 'continuum']
    >>> maps["Ni_K"].counts.shape, maps["Ni_K"].sd.shape
    ((8, 8), (8, 8))
    """
    require_result_of(result, image)
    image.spectral_axis.require_xray()
    families, estimate = result.info.get("families"), result.estimate
    if families is None:
        raise ValueError(
            "net counts need a result whose components are line families, and this one's are not; "
            'use bayesunmix.unmix(image, method="elements")'
        )
    groups: dict[str, list[int]] = {}
    for k, family in enumerate(families):
        groups.setdefault(family, []).append(k)
    sums = np.array([[k in members for k in range(len(families))] for members in groups.values()], float)
    counts = estimate.abundances @ sums.T
    sd = standard_errors(estimate.endmembers, estimate.abundances, sums) * image.takes_part[:, None]
    shape = image.navigation_shape
    return {
        name: NetCounts(counts[:, j].reshape(shape), sd[:, j].reshape(shape)) for j, name in enumerate(groups)
    }
