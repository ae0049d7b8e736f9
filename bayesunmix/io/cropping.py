"""Leave out the channels at the low end of the axis, where detectors put counts that no specimen emitted."""

import logging

from bayesunmix.data.image import SpectrumImage

_log = logging.getLogger("bayesunmix")


def crop_below(image: SpectrumImage, kev: float) -> SpectrumImage:
    """Leave out the channels below `kev`, and log how many counts they held if there are any."""
    cropped = image.crop(kev_low=kev)
    channels = image.n_channels - cropped.n_channels
    if channels:
        say_cropped(kev, channels, image.n_channels, image.n_photons - cropped.n_photons, image.n_photons)
    return cropped


def say_cropped(kev: float, channels: int, of_channels: int, counts: int, of_counts: int) -> None:
    """Log how many channels and counts were left out, of how many."""
    _log.warning(
        "cropped below %g keV: left out %d of %d channels with %.1f %% of the counts",
        *(kev, channels, of_channels, 100 * counts / of_counts),
    )
