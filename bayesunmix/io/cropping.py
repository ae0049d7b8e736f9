"""Leave out the channels at the low end of the axis, where detectors put counts that no specimen emitted."""

import logging

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import SpectralAxis, require_signal

CROP_BELOW_KEV = 0.2
_log = logging.getLogger("bayesunmix")


def crop_below(image: SpectrumImage, kev: float) -> SpectrumImage:
    """Leave out the channels below `kev`, and log how many counts they held if there are any."""
    first_kept(image.spectral_axis, kev)
    kept = image.crop(low=kev)
    channels = image.n_channels - kept.n_channels
    if channels:
        say_cropped(kev, channels, image.n_channels, image.n_photons - kept.n_photons, image.n_photons)
    return kept


def first_kept(axis: SpectralAxis, kev: float) -> int:
    """Return the first channel that does not lie below an energy; raise `ValueError` if there is none."""
    if axis.values[-1] < kev:
        raise ValueError(
            f"no channel lies between {kev:g} keV, below which X-ray detectors have noise, and the end of the axis, "
            f"which runs from {axis.say_ends(4)}; keep all channels (crop_below_kev=None, --no-crop), or read what is "
            "no X-ray spectrum with signal='any' (--signal any)"
        )
    return int(np.searchsorted(axis.values, kev))


def cropped(image: SpectrumImage, crop_below_kev: float | None) -> SpectrumImage:
    """Leave out the low channels of X-rays; of any other signal nothing."""
    if crop_below_kev is None or not image.spectral_axis.is_xray:
        return image
    return crop_below(image, crop_below_kev)


def require_crop(crop_below_kev: float | None, signal: str | None) -> None:
    """Raise `ValueError` unless the signal is one of ours, and an energy to crop below is given for X-rays only."""
    if signal is not None:
        require_signal(signal)
    if signal == "any" and crop_below_kev not in (None, CROP_BELOW_KEV):
        raise ValueError(
            f"crop_below_kev is for X-rays, got {crop_below_kev!r} with signal='any'; leave it out, and use "
            "image.crop(low, high) in the unit of the axis"
        )


def say_cropped(kev: float, channels: int, of_channels: int, counts: int, of_counts: int) -> None:
    """Log how many channels and counts were left out, of how many."""
    _log.warning(
        "cropped below %g keV: left out %d of %d channels with %.1f %% of the counts",
        *(kev, channels, of_channels, 100 * counts / of_counts),
    )
