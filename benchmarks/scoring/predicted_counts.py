"""Measure how often 90 % intervals of predicted counts hold another recording of the same field.

The prediction is expected counts of a line window by each draw, times the dose of the other recording over that of the
image, with the Poisson noise of the other recording. Few counts make an interval of whole numbers cover more than 90 %.
"""

import numpy as np

import bayesunmix as bu
from bayesunmix.analysis.line_maps import line_window


def predictive_coverage(
    posterior: bu.Posterior,
    other: bu.SpectrumImage,
    exposure: np.ndarray,
    line: str,
    rng: np.random.Generator,
) -> float:
    """Return the share of pixels of another recording whose counts of a line lie in their 90 % interval.

    Parameters
    ----------
    posterior : Posterior
    other : SpectrumImage
        The same pixels and channels.
    exposure : (P,) array
        Dose of the other recording over that of the image that was unmixed.
    line : str
        Such as "Fe_Ka".
    rng : numpy Generator
    """
    flat = posterior.abundances.reshape(-1, *posterior.abundances.shape[2:])
    spectra = posterior.paired_endmembers().reshape(len(flat), *posterior.endmembers.shape[2:])
    shares = spectra[..., line_window(line, other.spectral_axis)].sum(axis=-1, dtype=np.float64)
    predicted = rng.poisson(np.einsum("dpk,dk->dp", flat, shares) * exposure)
    lower, upper = np.quantile(predicted, [0.05, 0.95], axis=0)
    counted = bu.line_map(other, line).ravel()
    return float(((lower <= counted) & (counted <= upper)).mean())
