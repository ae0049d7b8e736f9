"""Say how wide a peak is on the axis of an image: the windows in which counts are compared are as wide."""

import numpy as np

from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.detector import Detector

PEAK_CHANNELS = 6  # where no detector's resolution is known


def peak_width(axis: SpectralAxis, places: np.ndarray) -> np.ndarray:
    """Return the full width at half maximum of a peak, in the unit of the axis.

    Of X-rays it is that of the detector. Of any other signal it is not known, and six channels are taken.

    Parameters
    ----------
    axis : SpectralAxis
    places : array
        Where the peaks are, in the unit of the axis.
    """
    if axis.is_xray:
        return np.asarray(Detector().fwhm_kev(np.maximum(places, 0)))
    return np.full(np.shape(places), PEAK_CHANNELS * channel_width(axis.values))
