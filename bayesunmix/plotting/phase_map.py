"""A phase map: the colour of each pixel is its most abundant component, grey where none is likely enough."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bayesunmix.analysis.phase_maps import NONE, UNDECIDED, PhaseMap
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.plotting.style import COLOURS

_UNDECIDED, _NONE = "0.75", "white"


def plot_phase_map(found: PhaseMap, result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw a phase map with a legend that says how much of the specimen each colour covers.

    Parameters
    ----------
    found : PhaseMap
    result : Unmixing
        Gives the names.
    image : SpectrumImage
        The image that was unmixed: gives the axes. Of more than two navigation axes the central slice is shown.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    index = tuple(n // 2 for n in image.navigation_shape[:-2])
    labels = np.atleast_2d(found.labels[index])
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(result.names))]
    entries = [
        *zip(range(len(result.names)), result.names, colours, strict=True),
        (UNDECIDED, "undecided", _UNDECIDED),
    ]
    aspect, extent = _extent(image, labels.shape)
    tall = min(max(aspect * labels.shape[0] / labels.shape[1], 0.2), 2.0)
    figure = Figure(figsize=(6.4, 4.0 * tall + 0.9), layout="constrained")
    axes = figure.subplots()
    shown = np.where(labels == UNDECIDED, len(colours), np.where(labels == NONE, len(colours) + 1, labels))
    axes.imshow(
        shown,
        cmap=ListedColormap([*colours, _UNDECIDED, _NONE]),
        vmin=-0.5,
        vmax=len(colours) + 1.5,
        interpolation="none",
        extent=extent,
    )
    for name, axis in zip(("x", "y"), reversed(image.axes[-2:]), strict=False):
        axes.set(**{f"{name}label": f"{axis.name} ({axis.units})"})
    if len(image.axes) == 1:
        axes.set_yticks([])
    specimen = labels[labels != NONE]
    handles = [
        Patch(color=colour, label=f"{name} · {np.mean(specimen == label) if specimen.size else 0:.1%}")
        for label, name, colour in entries
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    steps = zip(index, image.navigation_shape, image.axes, strict=False)
    said = [f"{axis.name} {i + 1} of {n}" for i, n, axis in steps]
    title = f"most abundant component, probability at least {found.at_least:g}"
    axes.set_title("; ".join([title, *said]), fontsize=9, loc="left")
    return figure


def _extent(image: SpectrumImage, shape: tuple[int, int]) -> tuple[float, tuple[float, float, float, float]]:
    """Height of a pixel over its width, and the edges of the map in the units of its axes."""
    height, width = shape
    across = image.axes[-1]
    if len(image.axes) == 1:
        right = width * across.scale
        return 1.0, (0.0, right, 0.08 * right, 0.0)
    down = image.axes[-2]
    aspect = down.scale / across.scale if down.units == across.units else 1.0
    return aspect, (0.0, width * across.scale, height * down.scale, 0.0)
