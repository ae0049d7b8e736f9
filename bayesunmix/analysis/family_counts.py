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
    """
    require_result_of(result, image)
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
