"""Make new counts like those of an image: drawn from a fit, or photons drawn again from the counts themselves."""

from typing import Literal

import numpy as np
from scipy import sparse

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage, trusted_image

Kind = Literal["parametric", "poisson"]
EXPECTED_ENTRIES = 2**22  # entries of the dense expected counts at a time: 32 MiB


def redraw(
    image: SpectrumImage, estimate: Factorization, kind: Kind, rng: np.random.Generator
) -> SpectrumImage:
    """Return an image of the same grid with new counts.

    Parameters
    ----------
    image : SpectrumImage
    estimate : Factorization
        Not negative; used by the parametric kind only.
    kind : {"parametric", "poisson"}
        Draw counts from the expected counts of `estimate`, or take every photon of `image` a Poisson(1) number of
        times.
    rng : numpy Generator

    Raises
    ------
    ValueError
        If not one photon is drawn.
    """
    if kind == "poisson":
        counts = image.counts.astype(np.int64)
        counts.data = rng.poisson(counts.data)
    else:
        step = max(EXPECTED_ENTRIES // image.n_channels, 1)
        blocks = range(0, image.n_pixels, step)
        expected = (estimate.expected(slice(start, start + step)) for start in blocks)
        counts = sparse.vstack([sparse.csr_array(rng.poisson(block)) for block in expected], "csr")
    return trusted_image(counts, *image.grid)
