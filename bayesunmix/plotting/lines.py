"""Maps of the net counts of X-ray lines, and of the width of their intervals."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from bayesunmix.analysis.intensities import LineIntensity
from bayesunmix.data.image import SpectrumImage
from bayesunmix.plotting.maps import plot_named
from bayesunmix.plotting.style import mark


def plot_lines(found: Mapping[str, LineIntensity], image: SpectrumImage, interval: float) -> Figure:
    """Draw a map for each line family, and below it the width of its interval.

    Parameters
    ----------
    found : mapping of str to LineIntensity
    image : SpectrumImage
        The image that was unmixed: gives the scale bar. Of more than two navigation axes the central slice is shown.
    interval : float
        Probability of the intervals.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    mean, lower, upper = (
        np.stack(maps, axis=-1).reshape(image.n_pixels, -1) for maps in zip(*found.values(), strict=True)
    )
    figure = plot_named(mean, [lower, upper], image, list(found), "net counts", interval)
    return mark(figure, "; ".join(dict.fromkeys(maps.doubt for maps in found.values() if maps.doubt)))
