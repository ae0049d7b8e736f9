"""Net counts of line families as maps by name: what `elements` found, with counting errors."""

from typing import NamedTuple

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.poisson_fit import standard_errors


class NetCounts(NamedTuple):
    """Map of net counts and of their standard errors, both of the image's navigation shape."""

    counts: np.ndarray
    sd: np.ndarray


def net_counts(image: SpectrumImage, unmixing: Unmixing) -> dict[str, NetCounts]:
    """Return a map for each named component: ``net_counts(image, result)["Ni_K"].counts``.

    The continuum's curves are added up under the name "continuum".

    Parameters
    ----------
    image : SpectrumImage
        The image that was unmixed.
    unmixing : Unmixing
        From a method that names its components: `elements`.

    Returns
    -------
    maps : dict of str to NetCounts
        Errors are those of counting, each pixel by itself, the spectra taken as known
        (see `bayesunmix.engine.fits.poisson_fit`).

    Raises
    ------
    ValueError
        If the components have no names, or the result is not of this image.
    """
    names, estimate = unmixing.info.get("components"), unmixing.estimate
    if names is None:
        raise ValueError(
            "net counts need a result whose components are line families, and this one's have no names; "
            'use bayesunmix.unmix(image, method="elements")'
        )
    if len(estimate.abundances) != image.n_pixels:
        raise ValueError(
            f"the result must be of this image, which has {image.n_pixels} pixels, got one of "
            f"{len(estimate.abundances)}; pass the image that was unmixed"
        )
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        groups.setdefault("continuum" if name.startswith("continuum_") else name, []).append(k)
    sums = np.array([[k in members for k in range(len(names))] for members in groups.values()], float)
    counts = estimate.abundances @ sums.T
    sd = standard_errors(estimate.endmembers, estimate.abundances, sums) * image.takes_part[:, None]
    shape = image.navigation_shape
    return {
        name: NetCounts(counts[:, j].reshape(shape), sd[:, j].reshape(shape)) for j, name in enumerate(groups)
    }
