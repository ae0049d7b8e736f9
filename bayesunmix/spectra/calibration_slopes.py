r"""Compute how line families change if the calibration moves, without integrating every line anew.

.. math:: F_j(\theta) \propto (F_j + t \, H_j) \, \exp \sum_i g_{ij} \theta_i, \qquad
    g_{ij} = \frac{\partial \log F_j}{\partial \theta_i},

where theta and t say by how many prior standard deviations offset, gain, both terms of FWHM^2, and the share of photons
in the tail lie off what fits the sum spectrum (`bayesunmix.spectra.line_model`). For the offset of a single line this
is exact, because the logarithm of a normal distribution is a parabola; so it is for the tail.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.families import lines_of
from bayesunmix.spectra.line_model import HIGHEST, LOWEST, PRIOR_SD, START, LineModel

N_CALIBRATION = len(PRIOR_SD)  # the last one is the tail
_STEP = 0.02  # prior standard deviations
_FAINT = 1e-7  # of a family's largest channel: below it nothing moves
_STEEPEST = 5.0
# A peak may be a little steeper on its low side than a normal distribution. An interval that ended at no tail at all
# would lie above every flank of a detector without one.
_LEAST_TAIL = -0.03


class CalibrationSlopes(NamedTuple):
    """Hold slopes of the logarithms of J families and what a longer tail adds to them; in prior standard deviations.

    Attributes
    ----------
    slopes : (4, J, C) array
        By offset, gain and both terms of FWHM^2; 0 where a family is faint.
    tail : (J, C) array
    centre, least, most : (5,) arrays
        Mean of the prior of the calibration, and its limits, from what fits the sum spectrum.
    """

    slopes: np.ndarray
    tail: np.ndarray
    centre: np.ndarray
    least: np.ndarray
    most: np.ndarray


def calibration_slopes(energy_kev: np.ndarray, model: LineModel) -> CalibrationSlopes:
    """Derive the families of a fitted sum spectrum by its calibration.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres that the model was fitted on.
    model : LineModel
        With at least one family.
    """
    steps = _STEP * np.eye(N_CALIBRATION)
    slopes = np.stack(
        [
            np.log(families_at(energy_kev, model, step) / families_at(energy_kev, model, -step)) / (2 * _STEP)
            for step in steps[:-1]
        ]
    )
    seen = model.spectra > _FAINT * model.spectra.max(axis=1, keepdims=True)
    tail = (families_at(energy_kev, model, steps[-1]) - families_at(energy_kev, model, 0 * steps[-1])) / _STEP
    fitted = _fitted(model)
    lowest = np.append(LOWEST[:-1], _LEAST_TAIL)
    axis = np.array([1, 1, 0, 0, 0])  # its prior is about the axis that was found
    centre, least, most = (
        np.where(axis, bound - START, bound - fitted) / PRIOR_SD for bound in (START, lowest, HIGHEST)
    )
    return CalibrationSlopes(
        np.where(seen, np.clip(slopes, -_STEEPEST, _STEEPEST), 0), tail, centre, least, most
    )


def families_at(energy_kev: np.ndarray, model: LineModel, moved: np.ndarray) -> np.ndarray:
    """Record the families of a model with a calibration moved by (5,) prior standard deviations, (J, C)."""
    offset, gain, width, slope, tail = _fitted(model) + PRIOR_SD * moved
    ideal = Detector()
    detector = replace(
        model.detector,
        fwhm_offset_ev2=width * ideal.fwhm_offset_ev2,
        fwhm_slope_ev2_per_kev=slope * ideal.fwhm_slope_ev2_per_kev,
        tail_share=max(tail, 0),
    )
    lines = map(lines_of, model.names)
    recorded = np.array([detector.record(*line, offset + gain * energy_kev) for line in lines])
    recorded = np.maximum(recorded, 1e-300)
    return recorded / recorded.sum(axis=1, keepdims=True)


def _fitted(model: LineModel) -> np.ndarray:
    ideal, detector = Detector(), model.detector
    return np.array(
        [
            model.offset_kev,
            model.gain,
            detector.fwhm_offset_ev2 / ideal.fwhm_offset_ev2,
            detector.fwhm_slope_ev2_per_kev / ideal.fwhm_slope_ev2_per_kev,
            detector.tail_share,
        ]
    )
