"""Compute line families whose calibration is free: their spectra as a function of offset, gain and width, in JAX.

This is what `Detector.record` does in NumPy for one detector, for a sampler that moves the energy axis and the peak
width. Each line is a normal distribution, with a tail if the detector has one, integrated between channel edges. How
much of each line is recorded is that of the fitted detector, and the continuum's curves stay where the fit put them.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr, ndtr

from bayesunmix.spectra.channels import channel_edges
from bayesunmix.spectra.detector import FWHM_PER_SD
from bayesunmix.spectra.families import strong_lines
from bayesunmix.spectra.line_model import LineModel

N_CURVES = 3  # the fitted continuum, bent by a parabola
LEAST = 1e-12  # of an endmember, in every channel: rounding must not make a photon impossible


class DetectorCalibration(NamedTuple):
    """Hold a calibration: a channel nominally at E is at offset_kev + gain x E; width multiplies the fitted FWHM^2."""

    offset_kev: float | Array
    gain: float | Array
    width: float | Array


class LineShapes(NamedTuple):
    """Hold L lines of J families, and B curves of the continuum.

    Attributes
    ----------
    line_kev, photons, sd_kev : (L,) arrays
        Energy, recorded photons and standard deviation of each line.
    family : (J, L) array
        1 where a line belongs to a family.
    edges_kev : (C + 1,) array
        Nominal channel edges.
    curves : (B, C) array
        Curves of the continuum.
    tail_share, tail_loss : float
        As in `Detector`.
    """

    line_kev: np.ndarray
    photons: np.ndarray
    sd_kev: np.ndarray
    family: np.ndarray
    edges_kev: np.ndarray
    curves: np.ndarray
    tail_share: float
    tail_loss: float

    def spectra(self, calibration: DetectorCalibration) -> Array:
        """Return the families, then the curves, (J + B, C); each sums to one."""
        edges = calibration.offset_kev + calibration.gain * self.edges_kev[:, None]
        sd = self.sd_kev * jnp.sqrt(calibration.width)
        z = (edges - self.line_kev) / sd
        below = ndtr(z)
        if self.tail_share and self.tail_loss:
            steepness = sd / np.maximum(self.tail_loss * self.line_kev, 1e-6)
            lost = jnp.exp(steepness * z + steepness**2 / 2 + log_ndtr(-z - steepness))
            below = below + self.tail_share * lost
        recorded = jnp.maximum((self.family * self.photons) @ jnp.diff(below, axis=0).T, 0) + LEAST
        families = recorded / recorded.sum(axis=1, keepdims=True)
        return jnp.concatenate([families, jnp.asarray(self.curves, families.dtype)])


def line_shapes(energy_kev: np.ndarray, model: LineModel) -> LineShapes:
    """Take the families, the continuum and the detector from a fitted sum spectrum."""
    lines = [strong_lines(*name.split("_")) for name in model.names]
    recorded = [model.detector.recorded(*line) for line in lines]
    sizes = [energies.size for energies, _ in recorded]
    line_kev, photons = (
        np.concatenate([np.zeros(0), *part])
        for part in (zip(*recorded, strict=True) if recorded else ((), ()))
    )
    family = np.repeat(np.arange(len(sizes)), sizes) == np.arange(len(sizes))[:, None]
    return LineShapes(
        line_kev,
        photons,
        model.detector.fwhm_kev(line_kev) / FWHM_PER_SD,
        family.astype(np.float64),
        channel_edges(energy_kev),
        model.continuum_shapes(N_CURVES),
        model.detector.tail_share,
        model.detector.tail_loss,
    )
