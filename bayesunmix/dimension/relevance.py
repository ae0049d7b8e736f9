"""Count components by automatic relevance determination: a factorisation that drops the components it does not need.

It runs on superpixels, where it is quick, from more components than are likely.
"""

import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.dimension.pooling import sizes
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.fits.relevance import fit_relevant

_LEAST_SUPERPIXELS = 32
_MOST_SUPERPIXELS = 640


def relevant_components(image: SpectrumImage, most: int, seed: int) -> int:
    """Count the components that the method keeps out of `most`."""
    finest = sizes(image, _LEAST_SUPERPIXELS, _MOST_SUPERPIXELS)[0]
    n_groups = finest.counts.shape[1]
    groups = SpectralAxis(np.arange(n_groups), "Group", "", "any")
    superpixels = trusted_image(sparse.csr_array(finest.counts), groups, (*finest.grid, n_groups))
    n_occupied = np.count_nonzero(finest.counts.any(axis=1))
    found = fit_relevant(superpixels, min(most, n_occupied, n_groups), random_key(seed))
    return int(np.count_nonzero(found.estimate.canonical().abundances.sum(axis=0) > 0))
