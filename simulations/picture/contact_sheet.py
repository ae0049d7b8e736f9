"""Draw a picture of every phantom, truth above and photons below."""

from typing import TYPE_CHECKING

from bayesunmix.running.progress import track
from simulations.phantom import PHANTOMS, Phantom
from simulations.picture.trial import COMPONENT_COLOURS, composite, draw_scale_bar
from simulations.trial import acquire

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4


def contact_sheet(dose: float = 30.0, seed: int = 0) -> "Figure":
    """Draw every phantom in its components' colours, beside the counts of one acquisition.

    Parameters
    ----------
    dose : float
        Mean counts per pixel of the specimen.
    seed : int

    Returns
    -------
    figure : matplotlib Figure
    """
    from matplotlib.figure import Figure

    names = list(PHANTOMS)
    rows = -(-len(names) // _COLUMNS)
    figure = Figure(figsize=(4.4 * _COLUMNS, 3.0 * rows))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    cells = figure.subfigures(rows, _COLUMNS, squeeze=False).ravel()
    for cell, name in zip(cells, track(names, "drawing"), strict=False):
        phantom = PHANTOMS[name]()
        trial = acquire(phantom, dose, seed)
        size = " x ".join(map(str, trial.image.shape))
        cell.suptitle(f"{name}   {size}", fontsize=11, fontweight="bold")
        truth, counts = cell.subplots(1, 2)
        truth.imshow(
            composite(phantom.truth.abundances.reshape(*phantom.navigation_shape, -1)),
            interpolation="nearest",
        )
        draw_scale_bar(truth, trial)
        counts.imshow(trial.image.total_map(), cmap="gray", vmin=0, interpolation="nearest")
        for axes in (truth, counts):
            axes.set(xticks=[], yticks=[])
        _name_components(truth, phantom)
        counts.set_title(f"counts, dose {dose:g}", fontsize=9)
        truth.set_title("truth", fontsize=9)
    return figure


def _name_components(axes: "Axes", phantom: Phantom) -> None:
    """Write the labels in their colours under the map, four in a line."""
    from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

    names: list[Artist] = [
        TextArea(label, textprops={"color": colour, "fontsize": 9, "fontweight": "bold"})
        for label, colour in zip(phantom.labels, COMPONENT_COLOURS, strict=False)
    ]
    lines: list[Artist] = [HPacker(children=names[k : k + 4], sep=8, pad=0) for k in range(0, len(names), 4)]
    box = VPacker(children=lines, sep=2, pad=0, align="left")
    below = AnnotationBbox(
        box, (0, -0.03), xycoords="axes fraction", box_alignment=(0, 1), frameon=False, pad=0
    )
    # A long line may run on under the next map instead of shrinking both.
    below.set_in_layout(False)
    axes.add_artist(below)
