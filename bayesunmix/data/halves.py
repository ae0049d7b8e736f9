"""Split the photons of an image into two independent halves.

If each photon of a Poisson count goes to one of two sides by chance, both sides are independent Poisson counts [1]_. So
what is found in one half can be tested on the other, and no photon is used twice.

References
----------
.. [1] A. Neufeld, L. L. Gao, J. Popp, A. Battle and D. Witten, "Inference after latent variable estimation for
   single-cell RNA sequencing data", Biostatistics 25 (2024) 270-287.
"""

import numpy as np

from bayesunmix.data.image import SpectrumImage

_SEED = 523


def split(image: SpectrumImage, seed: int = 0) -> tuple[SpectrumImage, SpectrumImage]:
    """Give each photon to one of two images by chance.

    Label one half with any program, and check the labels against the other: nothing is used twice. The counts of both
    add up to the image, entry by entry. Each half has half of the counts per pixel.

    Parameters
    ----------
    image : SpectrumImage
    seed : int
        The same seed gives the same halves.

    Returns
    -------
    a, b : SpectrumImage

    Raises
    ------
    ValueError
        If one of them would get no photon.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> a, b = bu.split(image)
    >>> bool((a.dense() + b.dense() == image.dense()).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number, at least 0, got {seed!r}; for example 0")
    return image.thin(0.5, np.random.default_rng([int(seed), _SEED]))
