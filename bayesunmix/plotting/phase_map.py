"""Draw a phase map: the colour of a pixel is its phase, grey where none is likely enough."""

from textwrap import fill

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bayesunmix.analysis.phase_maps import NONE, UNDECIDED, PhaseMap
from bayesunmix.data.grid import central_slice, drawn_aspect, drawn_axes
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.plotting.style import COLOURS, Picture, mark

_UNDECIDED, _NONE = "0.75", "white"
_WIDTH, _LETTER = 4.6, 0.08  # inches
_NOTE = 90  # letters of a line of the note


def plot_phase_map(found: PhaseMap, result: Unmixing, image: SpectrumImage) -> Figure:
    """Draw a phase map with a legend that says how much of the specimen each colour covers, and what stays open.

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
    index, said = central_slice(image.navigation_shape, image.axes)
    labels = np.atleast_2d(found.labels[index])
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(result.names))]
    height, width = labels.shape
    is_profile = len(image.axes) == 1
    tall = 0.15 if is_profile else drawn_aspect(image.axes, height, width) * height / width
    handles = _handles(found, result.names, colours)
    legend = 1.4 + _LETTER * max(len(str(handle.get_label())) for handle in handles)
    size = (_WIDTH + legend, _WIDTH * min(max(tall, 0.15), 2.0) + 0.9)
    figure = Picture(figsize=size, layout="constrained")
    axes = figure.subplots()
    shown = np.where(labels == UNDECIDED, len(colours), np.where(labels == NONE, len(colours) + 1, labels))
    drawn = drawn_axes(image.axes)
    across, down = drawn[-1], drawn[0 if is_profile else -2]
    axes.imshow(
        shown,
        cmap=ListedColormap([*colours, _UNDECIDED, _NONE]),
        vmin=-0.5,
        vmax=len(colours) + 1.5,
        interpolation="none",
        extent=(0, width * across.scale, height * down.scale, 0),
        aspect="auto",
    )
    axes.set_box_aspect(tall)
    axes.set_anchor("W")
    axes.set_xlabel(f"{across.name} ({across.units})", fontsize=9)
    if is_profile:
        axes.set_yticks([])
    else:
        axes.set_ylabel(f"{down.name} ({down.units})", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0,
        frameon=False,
        fontsize=9,
    )
    title = f"nearest phase in composition, probability at least {found.at_least:g}"
    axes.set_title(f"{title}; {said}" if said else title, fontsize=9, loc="left")
    if found.warnings:
        figure.supxlabel("\n".join(fill(one, _NOTE) for one in found.warnings), fontsize=8, x=0.01, ha="left")
    return mark(figure, result.doubt)


def _handles(found: PhaseMap, names: tuple[str, ...], colours: list[str]) -> list[Patch]:
    """Name each colour with its share of the pixels of the specimen."""
    specimen = found.labels[found.labels != NONE]
    entries = [*zip(range(len(names)), names, colours, strict=True), (UNDECIDED, "undecided", _UNDECIDED)]
    return [
        Patch(
            color=colour, label=f"{name} · {100 * np.mean(specimen == label) if specimen.size else 0:.1f} %"
        )
        for label, name, colour in entries
    ]
