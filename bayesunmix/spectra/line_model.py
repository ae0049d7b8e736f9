r"""Fit a sum spectrum with line families, a smooth continuum, and the energy calibration.

.. math:: y(E) = \sum_j a_j F_j(o + g E) + b(E), \qquad a_j \ge 0,

with the recorded spectra F of the families (`bayesunmix.spectra.families`), offset o and gain g of the energy axis, and
the detector's resolution and tail. The continuum b is 1/E times the detector's efficiency, the thin-film law, times a
polynomial in log E with non-negative Bernstein coefficients. It can be any smooth positive curve, so absorption and
thickness need not be known. L and M families below 0.5 keV belong to it: they are faint, lie where light elements have
their K lines, and would be fitted to tails and contamination. Amplitudes are linear and are eliminated by non-negative
least squares [1]_; the few calibration parameters are left. They start at the nominal axis, or at the one that
`bayesunmix.spectra.axis_search` finds if the nominal one is clearly off, and may move from there.

References
----------
.. [1] G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
   variables separate", SIAM J. Numer. Anal. 10, 413 (1973).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.spectra.axis_search import explain
from bayesunmix.spectra.background import bernstein, continuum_curves
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.families import family_spectra

MODEL_ERROR = 0.03
SOFT_KEV = 0.5
# Offset in keV, gain, the factor on both terms of FWHM^2, share of photons in the tail: start, prior width, and bounds,
# those of offset and gain about the axis that was found.
START = np.array([0.0, 1.0, 1.0, 1.0, 0.02])
PRIOR_SD = np.array([0.01, 0.003, 0.3, 0.3, 0.05])
LOWEST = np.array([-0.05, 0.98, 0.3, 0.3, 0.0])
HIGHEST = np.array([0.05, 1.02, 3.0, 3.0, 0.3])
_NOMINAL = np.array([0.02, 0.004])  # an axis that is no further off is searched from the nominal one


@dataclass(frozen=True, eq=False)
class LineModel:
    """Hold a fitted sum spectrum.

    Parameters
    ----------
    names : tuple of str
        Line families: "Ni_K", ...
    spectra : (J, C) array
        Spectra of the families; each sums to one.
    background : (B, C) array
        Curves whose non-negative sum is the continuum; each sums to one.
    continuum : (C,) array
        Fitted continuum, in counts of the sum spectrum.
    fitted : (C,) array
        Families and continuum, in counts.
    chi_square : float
        Chi-square per degree of freedom: 1 if the model is right to the last photon of the sum spectrum.
    offset_kev, gain : float
        A channel nominally at E lies at offset + gain x E.
    detector : Detector
    """

    names: tuple[str, ...]
    spectra: np.ndarray
    background: np.ndarray
    continuum: np.ndarray
    fitted: np.ndarray
    chi_square: float
    offset_kev: float
    gain: float
    detector: Detector

    @property
    def calibration(self) -> dict[str, float]:
        """Return offset, gain, width and tail that fit the sum spectrum best."""
        return {
            "offset_ev": 1000 * self.offset_kev,
            "gain": self.gain,
            "fwhm_ev_at_5.9_kev": 1000 * float(self.detector.fwhm_kev(np.array(5.9))),
            "tail_share": self.detector.tail_share,
        }

    def continuum_shapes(self, n_shapes: int) -> np.ndarray:
        """Split the continuum into `n_shapes` non-negative curves from low to high energy, each summing to one.

        Their sums with free weights are the continuum bent by a polynomial: (n_shapes, C).
        """
        ramp = np.linspace(0, 1, self.continuum.size)
        positive = np.maximum(self.continuum, 1e-9 * self.fitted.sum() / self.fitted.size)
        shapes = positive * bernstein(np.sqrt(ramp), n_shapes - 1)
        return shapes / shapes.sum(axis=1, keepdims=True)


def fit_lines(
    energy_kev: np.ndarray,
    counts: np.ndarray,
    elements: tuple[str, ...],
    axis: tuple[float, float] | None = None,
) -> LineModel:
    """Fit amplitudes, and with enough counts the calibration, to a sum spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres, above 0.
    counts : (C,) array
        Sum spectrum.
    elements : tuple of str
    axis : (float, float), optional
        Offset in keV and gain to start from; searched with these elements where not given.

    Raises
    ------
    ValueError
        If an element is unknown.
    """
    from scipy.optimize import least_squares

    weights = inverse_noise(energy_kev, counts)
    centre = _start(energy_kev, counts, elements, axis)
    moved = centre - START

    def best(start: np.ndarray, escape: bool) -> np.ndarray:
        def residuals(parameters: np.ndarray) -> np.ndarray:
            model = _model(energy_kev, counts, elements, parameters, escape)
            return np.concatenate([(model.fitted - counts) * weights, (parameters - centre) / PRIOR_SD])

        found = least_squares(
            residuals,
            start,
            bounds=(LOWEST + moved, HIGHEST + moved),
            x_scale=PRIOR_SD,
            diff_step=1e-4,
            ftol=1e-3,
            max_nfev=10,
        )
        return np.asarray(found.x)

    def misfit(model: LineModel) -> float:
        return float((((model.fitted - counts) * weights) ** 2).sum())

    if not elements:
        return _model(energy_kev, counts, elements, START, escape=False)
    parameters = best(centre, escape=False)
    models = [_model(energy_kev, counts, elements, parameters, escape) for escape in (False, True)]
    if misfit(models[1]) < misfit(models[0]):
        return _model(energy_kev, counts, elements, best(parameters, escape=True), escape=True)
    return models[0]


def _start(
    energy_kev: np.ndarray, counts: np.ndarray, elements: tuple[str, ...], axis: tuple[float, float] | None
) -> np.ndarray:
    """Return the parameters at which calibration starts: the nominal axis unless it is clearly off."""
    if not elements:
        return START
    if axis is None:
        explanation = explain(energy_kev, counts, elements)
        axis = explanation.offset_kev, explanation.gain
    found = np.concatenate([axis, START[2:]])
    return found if (np.abs(found - START)[:2] > _NOMINAL).any() else START


def inverse_noise(energy_kev: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weight of each channel, from Poisson noise and the error that every model of lines has.

    That error is a fraction of the counts. Without it the largest peaks of a sum spectrum would dominate all others.
    """
    sigma = max(0.02 / channel_width(energy_kev), 0.1)  # less than a peak's width
    smooth = np.maximum(gaussian_filter1d(counts.astype(np.float64), sigma), 1.0)
    return 1 / np.hypot(np.sqrt(smooth), MODEL_ERROR * smooth)


def amplitudes(curves: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the non-negative amplitudes of curves (J, C) that fit a spectrum best under the given weights, (J,)."""
    from scipy.optimize import nnls

    design = curves * weights
    size = np.maximum(np.linalg.norm(design, axis=1), 1e-300)
    return nnls((design / size[:, None]).T, counts * weights, maxiter=50 * len(size))[0] / size


def _model(
    energy_kev: np.ndarray,
    counts: np.ndarray,
    elements: tuple[str, ...],
    parameters: np.ndarray,
    escape: bool,
) -> LineModel:
    """Fit non-negative amplitudes at given calibration parameters."""
    offset, gain, width, slope, tail = (float(p) for p in parameters)
    ideal = Detector()
    detector = replace(
        ideal,
        fwhm_offset_ev2=width * ideal.fwhm_offset_ev2,
        fwhm_slope_ev2_per_kev=slope * ideal.fwhm_slope_ev2_per_kev,
        tail_share=tail,
        escape=escape,
    )
    axis = offset + gain * energy_kev
    families = family_spectra(elements, axis, detector)
    soft = [name for name, s in families.items() if name[-1] != "K" and axis[s.argmax()] < SOFT_KEV]
    names = tuple(name for name in families if name not in soft)
    spectra = np.array([families[name] for name in names]).reshape(len(names), energy_kev.size)
    curves = np.concatenate([continuum_curves(axis, detector), *(families[name][None] for name in soft)])
    design = np.concatenate([spectra, curves])
    found = amplitudes(design, counts, inverse_noise(energy_kev, counts))
    fitted, continuum = found @ design, found[len(names) :] @ curves
    n_free = max(energy_kev.size - np.count_nonzero(found) - parameters.size, 1)
    chi_square = float(((fitted - counts) ** 2 / np.maximum(fitted, 1.0)).sum() / n_free)
    return LineModel(names, spectra, curves, continuum, fitted, chi_square, offset, gain, detector)
