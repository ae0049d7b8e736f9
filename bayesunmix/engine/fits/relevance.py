r"""Drop idle components by automatic relevance determination with exponential priors (l1-ARD), in KL-NMF.

Column k of W and row k of H share one scale :math:`\lambda_k`, which has an inverse-gamma prior [1]_. The counts see
only their product. At the optimum over how it is split, both have the sum :math:`\sqrt{S_k}`, where :math:`S_k` are the
counts of component k. With endmembers that sum to one the scales are gone, and the objective becomes half the deviance
plus

.. math:: (P + C + a + 1) \sum_k \log(b + 2 \sqrt{S_k}), \qquad S_k = \sum_p a_{pk}.

It is concave in :math:`S_k`, and each EM step divides the abundances by one plus its slope. A component that explains
little shrinks to nothing, faster than the counts make it grow.

The penalty of a component is about half of log S for each of P + C numbers, as in BIC. Among pixels of a few counts
hardly any component could pay it. So relevance is decided on superpixels, with channels no finer than the detector
resolves. Then the remaining components are fitted to the image itself, without the penalty, which would shrink them
too.

References
----------
.. [1] V. Y. F. Tan and C. Fevotte, "Automatic relevance determination in nonnegative matrix factorization with the
   beta-divergence", IEEE Trans. Pattern Anal. Mach. Intell. 35, 1592 (2013).
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.device.layout import Data, allocate_to_channels, allocate_to_pixels, lay_out
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import Objective, descend
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, extrapolate
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.fits.superpixels import block_size, resolve

MOST = 10  # components to begin with, where the caller gives no number
RESOLVED_KEV = 0.06  # about half the width of a peak
ALIVE = 1.0  # counts of a component; one that is priced out falls to a millionth of it


def fit_relevant(
    image: SpectrumImage,
    n_components: int | None,
    key: jax.Array,
    *,
    a: float = 5.0,
    n_starts: int = 8,
    tolerance: float = 1e-6,
    max_iterations: int = 2000,
) -> Unmixing:
    """Find the relevant components, at most `n_components` of them (None: at most 10), and fit them.

    Parameters
    ----------
    image : SpectrumImage
    n_components : int or None
    key : JAX key
    a : float
        Shape of the inverse-gamma prior, greater than 2.
    n_starts, tolerance, max_iterations
        As in `bayesunmix.methods.nmf`.

    Returns
    -------
    Unmixing
        `info["relevance"]` contains the relevance of each component that was tried, largest first.
    """
    coarse, group = _pooled(image, n_components or MOST)
    found = _find(coarse, n_components or MOST, key, a, n_starts, tolerance, max_iterations)
    counts = found.estimate.abundances.sum(axis=0)
    n_alive = max(int(np.count_nonzero(counts > ALIVE)), 1)
    survivors = found.estimate.endmembers[np.argsort(-counts, kind="stable")[:n_alive]]
    data, pixels = lay_out(image)
    start = best_start(image, pixels, n_alive, key, 1, resolve(survivors, image.sum_spectrum(), group))
    stopped = found.info["interrupted"]
    result = descend(em.objective(data), start, image, pixels, tolerance, max_iterations, stopped)
    info: Info = {
        **result.info,
        "relevance": found.info["relevance"],
        "n_components_tried": counts.size,
        "converged": result.info["converged"] and found.info["converged"],
        "iterations": result.info["iterations"] + found.info["iterations"],
        "warnings": [*result.info["warnings"], *_warnings(found, n_alive)],
    }
    return replace(result, info=info)


def _find(
    coarse: SpectrumImage,
    most: int,
    key: jax.Array,
    a: float,
    n_starts: int,
    tolerance: float,
    max_iterations: int,
) -> Unmixing:
    """Start with as many components as `coarse` allows, and drop those that are not relevant."""
    data, pixels = lay_out(coarse)
    n_pixels, n_channels = pixels.pixels.size, np.count_nonzero(coarse.sum_spectrum())
    most = min(most, n_pixels, coarse.n_channels)
    price = float(n_pixels + n_channels + a + 1)
    b = float(np.sqrt((a - 1) * (a - 2) * coarse.n_photons / (n_pixels * n_channels * most)))
    objective = Objective(
        "deviance and relevance",
        partial(_advance, data, jnp.float32(price), jnp.float32(b)),
        lambda maps, spectra: em.deviance(data, maps, spectra) + 2 * price * relevance_penalty(maps, b),
    )
    # With components to spare the starts cannot agree, and need not.
    start = best_start(coarse, pixels, most, key, n_starts)._replace(agreement=Info(), warnings=[])
    found = descend(objective, start, coarse, pixels, tolerance, max_iterations)
    relevance = np.sort(2 * np.sqrt(found.estimate.abundances.sum(axis=0)) / b)[::-1]
    info: Info = {**found.info, "relevance": relevance.tolist()}
    return replace(found, info=info)


def _pooled(image: SpectrumImage, most: int) -> tuple[SpectrumImage, np.ndarray]:
    """Return superpixels with channels no finer than the detector resolves, and the group of each channel.

    Of what is no X-ray spectrum the resolution is not known, and no channels are merged.
    """
    axis = image.spectral_axis
    span = axis.values[-1] - axis.values[0]
    resolved = int(RESOLVED_KEV * (image.n_channels - 1) / span) if axis.is_xray and span > 0 else 1
    channels = max(min(resolved, image.n_channels // most), 1)
    return sum_blocks(image, block_size(image, most), channels), np.arange(image.n_channels) // channels


def _warnings(found: Unmixing, n_alive: int) -> list[str]:
    warnings = [f"While searching for components: {sentence}" for sentence in found.info["warnings"]]
    if n_alive == found.estimate.n_components > 1:
        warnings.append(
            f"All of the {n_alive} components tried are relevant, so there may be more. Raise n_components."
        )
    return warnings


def relevance_penalty(abundances: Array, b: float) -> float:
    """Return the sum over components of log(b + 2 sqrt(S)), for abundances (K, pixels)."""
    counts = np.asarray(abundances, np.float64).sum(axis=1)
    return float(np.log(b + 2 * np.sqrt(counts)).sum())


@jax.jit
def _advance(data: Data, price: Array, b: Array, moving: Moving, iterations: int) -> Moving:
    return extrapolate(partial(relevance_step, data, price, b), moving, iterations)


def relevance_step(
    data: Data, price: Array, b: Array, abundances: Array, endmembers: Array
) -> tuple[Array, Array]:
    """Do one EM iteration in which every abundance is reduced by the slope of the penalty."""
    root = jnp.sqrt(abundances.sum(1, keepdims=True))
    slope = price / ((b + 2 * root) * root)
    abundances = jnp.maximum(allocate_to_pixels(data, abundances, endmembers) / (1 + slope), LEAST_ENTRY)
    spectra = jnp.maximum(allocate_to_channels(data, abundances, endmembers), LEAST_ENTRY)
    return abundances, spectra / spectra.sum(1, keepdims=True)
