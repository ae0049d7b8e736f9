r"""Measure how large a share of a spectrum's counts the lines of each element are.

The elements and the energy axis come from the sum spectrum (`bayesunmix.spectra.axis_search`), which has all counts.
Each spectrum y of the specimen's components is then fitted by these elements alone, on the same axis,

.. math:: y_i \approx \sum_e a_e T_{ei} + \sum_b c_b B_{bi}, \qquad a_e, c_b \ge 0,

with the patterns T and the continuum B of `bayesunmix.spectra.element_patterns`. In a pattern the soft lines do not
stand without the hard ones, so that Zr L does not take the counts of Pt M. Weights are one over the variance: Poisson
noise, and what the model of lines may be wrong by (`bayesunmix.spectra.coarse_spectrum`).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.axis_search import explain
from bayesunmix.spectra.channels import channel_edges
from bayesunmix.spectra.coarse_spectrum import CoarseSpectrum, coarse_spectrum
from bayesunmix.spectra.element_patterns import HIGHEST_KEV, LOWEST_KEV
from bayesunmix.spectra.maxima import after_flank, clear_maxima


@dataclass(frozen=True, eq=False)
class ElementShares:
    """Hold the shares of the counts of K spectra that belong to the lines of E elements.

    Parameters
    ----------
    elements : tuple of str
        What the sum spectrum shows beyond doubt; empty if nothing.
    share, sd : (K, E) arrays
        Net counts of an element's lines over all counts of the spectrum, and the standard deviation.
    is_smooth : (K,) bool array
        True for a spectrum without a clear maximum.
    lowest : (K, E) array or None
        The lowest share in other spectra that fit as well, where these are given.
    """

    elements: tuple[str, ...]
    share: np.ndarray
    sd: np.ndarray
    is_smooth: np.ndarray
    lowest: np.ndarray | None = None


def element_shares(
    energy_kev: np.ndarray,
    total: np.ndarray,
    spectra: np.ndarray,
    draws: np.ndarray | None = None,
    others: np.ndarray | None = None,
) -> ElementShares:
    """Measure the share of each element in several spectra.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    total : (C,) array
        Sum spectrum, in which elements are searched.
    spectra : (K, C) array
        Expected counts of the components; their size decides the noise.
    draws : (n, K, C) array, optional
        Posterior draws of the spectra, each summing to one. Their scatter is added to the errors.
    others : (n, K, C) array, optional
        Other spectra that fit as well, such as those of other rotations. None is negative.
    """
    nothing = np.zeros((len(spectra), 0))
    inside = np.flatnonzero((energy_kev >= LOWEST_KEV) & (energy_kev <= HIGHEST_KEV))
    found = explain(energy_kev, total)
    if not found.elements:
        return ElementShares((), nothing, nothing, np.zeros(len(spectra), bool))
    energy, counts = energy_kev[inside].astype(np.float64), total[inside].astype(np.float64)
    first = after_flank(energy, counts)
    channels = inside[first:]
    energy, counts = energy[first:], counts[first:]
    peaks_kev = np.array([peak.energy_kev for peak in clear_maxima(energy, counts)])
    axis = np.array([[found.offset_kev], [found.gain]])
    task = coarse_spectrum(energy, counts, peaks_kev)
    chosen = [task.patterns.elements.index(element) for element in found.elements]
    task = min(task.of_near_widths(), key=lambda of_width: _fit(of_width, axis, chosen).misfit)
    share, sd, lowest = np.zeros((3, len(spectra), len(chosen)))
    is_smooth = np.zeros(len(spectra), bool)
    for k, spectrum in enumerate(spectra[:, channels].astype(np.float64)):
        if (size := spectrum.sum()) < 1:
            continue
        is_smooth[k] = not clear_maxima(energy, spectrum)
        fit = _fit(
            replace(coarse_spectrum(energy, spectrum, peaks_kev), patterns=task.patterns), axis, chosen
        )
        share[k], sd[k] = fit.amounts / size, fit.sd / size
        if draws is not None:
            drawn = _shares(draws[:, k, channels], fit, energy, task.patterns.edges_kev, axis)
            sd[k] = np.hypot(sd[k], drawn.std(axis=0))
        if others is not None:
            possible = others[:, k, channels].astype(np.float64)
            least = _shares(possible, fit, energy, task.patterns.edges_kev, axis).argmin(axis=0)
            # A linear estimate finds the spectrum with the least, and a fit of its own says how little it is.
            again = {
                i: _fit(
                    replace(
                        coarse_spectrum(energy, size / possible[i].sum() * possible[i], peaks_kev),
                        patterns=task.patterns,
                    ),
                    axis,
                    chosen,
                )
                for i in set(least[share[k] > 0].tolist())
            }
            lowest[k] = [again[i].amounts[e] / size if i in again else 0.0 for e, i in enumerate(least)]
    return ElementShares(
        tuple(found.elements), share, sd, is_smooth, None if others is None else np.minimum(lowest, share)
    )


class _Fit(NamedTuple):
    """Hold net counts of M elements, their errors, chi-square, and the linear estimator (B, M) of the net counts."""

    amounts: np.ndarray
    sd: np.ndarray
    misfit: float
    estimator: np.ndarray


def _fit(task: CoarseSpectrum, axis: np.ndarray, chosen: list[int]) -> _Fit:
    """Fit elements and continuum to a spectrum; net counts of two patterns of an element are added."""
    from scipy.optimize import nnls

    counts, weights = (of_axis[0] for of_axis in task.on_axes(*axis))
    patterns = task.patterns
    curves = np.concatenate([patterns.spectra[chosen].reshape(-1, counts.size), patterns.continuum])
    root = np.sqrt(weights)
    size = np.maximum(np.linalg.norm(curves * root, axis=1), 1e-300)
    design = curves * root / size[:, None]
    found = nnls(design.T, counts * root, maxiter=50 * len(size))[0]
    used = found > 0
    of_curve = np.zeros((len(size), counts.size))
    of_curve[used] = (
        np.linalg.pinv(design[used].T) / size[used, None]
    )  # counts, each over its noise, to amounts
    estimator = of_curve[: 2 * len(chosen)].reshape(len(chosen), 2, -1).sum(axis=1)
    amounts = (found / size)[: 2 * len(chosen)].reshape(-1, 2).sum(axis=1)
    misfit = float(((found @ design - counts * root) ** 2).sum())
    return _Fit(amounts, np.linalg.norm(estimator, axis=1), misfit, (estimator * root).T)


def _shares(
    spectra: np.ndarray, fit: _Fit, energy_kev: np.ndarray, edges_kev: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Return the shares of the elements in spectra (n, C), (n, E), by the linear estimator of a fit."""
    spectra = spectra.astype(np.float64)
    parts = spectra / np.maximum(spectra.sum(axis=1, keepdims=True), 1e-300)
    return _rebinned(parts, energy_kev, edges_kev, axis) @ fit.estimator


def _rebinned(
    spectra: np.ndarray, energy_kev: np.ndarray, edges_kev: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Bring spectra (n, C) to the coarse bins, (n, B), on the axis that was found."""
    at, edges = (edges_kev - axis[0]) / axis[1], channel_edges(energy_kev)
    summed = np.concatenate([np.zeros((len(spectra), 1)), np.cumsum(spectra, axis=1)], axis=1)
    return np.diff([np.interp(at, edges, row) for row in summed], axis=1)
