"""Compare predicted counts of line windows with another recording of the same field, or with photons left out.

The prediction of a pixel is a mixture of Poisson distributions, one for each draw: expected counts of a line window,
times the dose of the other recording over that of the image. Counts are whole numbers, so that no interval of them
holds 90 % exactly. A count x therefore stands for all probabilities between that of less than x and that of at most x,
and the share of these that lies between 5 % and 95 % is held. On average this is 90 % at any number of counts if the
prediction is right (Czado, Gneiting and Held, Biometrics 65 (2009) 1254).
"""

import numpy as np
from scipy.stats import poisson

import bayesunmix as bu
from bayesunmix.analysis.line_maps import line_window


def predictive_coverage(
    posterior: bu.Posterior, other: bu.SpectrumImage, exposure: np.ndarray, line: str
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
    """
    flat = posterior.abundances.reshape(-1, *posterior.abundances.shape[2:])
    spectra = posterior.paired_endmembers().reshape(len(flat), *posterior.endmembers.shape[2:])
    shares = spectra[..., line_window(line, other.spectral_axis)].sum(axis=-1, dtype=np.float64)
    counted = bu.line_map(other, line).ravel()
    less, at_most = np.zeros(len(counted)), np.zeros(len(counted))
    for abundances, share in zip(flat, shares, strict=True):
        expected = (abundances @ share) * exposure
        less += poisson.cdf(counted - 1, expected) / len(flat)
        at_most += poisson.cdf(counted, expected) / len(flat)
    held = np.clip(at_most, 0.05, 0.95) - np.clip(less, 0.05, 0.95)
    return float((held / (at_most - less).clip(1e-12)).mean())


def line_map_error(estimate: bu.Factorization, other: bu.SpectrumImage, lines: tuple[str, ...]) -> float:
    """Return the error of predicted counts of lines in other photons of the same dose, over their counting noise.

    For each line it is the root of the mean square difference over the mean number of counts; the mean over lines is
    returned. It is 1 where only the noise of the other photons is left.
    """
    errors = []
    for line in lines:
        share = estimate.endmembers[:, line_window(line, other.spectral_axis)].sum(axis=1, dtype=np.float64)
        counted = bu.line_map(other, line).ravel()
        errors.append(np.sqrt(np.mean((estimate.abundances @ share - counted) ** 2) / counted.mean()))
    return float(np.mean(errors))
