"""Draw a phantom and one acquisition of it: abundance maps, recorded counts, endmembers, single pixels."""

from typing import TYPE_CHECKING

import numpy as np

from bayesunmix.data.grid import drawn_axes
from simulations.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

#: The colours of the NIST short course for Si, Cr and Ni come first; the rest are Matplotlib's own cycle.
COMPONENT_COLOURS = ("C1", "C2", "C0", "C3", "C4", "C6", "C8", "C9", "C5")
_COLUMNS = 5
_TILTS = 10


def draw_trial(trial: Trial) -> "Figure":
    """Draw the abundance maps, the recorded counts, the endmembers and two single pixels.

    Parameters
    ----------
    trial : Trial
        Its phantom has two navigation axes, or is a tilt series, of which ten tilts are drawn.

    Returns
    -------
    figure : matplotlib Figure
    """
    from matplotlib.figure import Figure

    series = len(trial.phantom.navigation_shape) == 3
    panels = _TILTS if series else len(trial.phantom.labels) + 1
    columns = min(max(panels, 2), _COLUMNS)
    rows = -(-panels // columns)
    figure = Figure(figsize=(3 * columns, 2.6 * rows + 3.6), layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=(*[1] * rows, 1.3))
    places = [figure.add_subplot(grid[k // columns, k % columns]) for k in range(panels)]
    (_draw_tilts if series else _draw_maps)(places, trial)
    half = columns // 2
    _draw_endmembers(figure.add_subplot(grid[rows, :half]), trial)
    _draw_pixels(figure.add_subplot(grid[rows, half:]), trial)
    figure.suptitle(f"{trial.phantom.name}: {trial.image!r}"[:-1].replace("<SpectrumImage ", ""))
    return figure


def composite(abundances: np.ndarray) -> np.ndarray:
    """Return an image in the components' colours, as bright as the pixel, (Y, X, 3).

    Parameters
    ----------
    abundances : (Y, X, K) array
    """
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(COMPONENT_COLOURS[k]) for k in range(abundances.shape[-1])])
    total = abundances.sum(axis=-1)
    top = np.quantile(total[total > 0], 0.99) if (total > 0).any() else 1.0
    return np.clip(abundances @ colours / top, 0, 1)


def draw_scale_bar(axes: "Axes", trial: Trial) -> None:
    """Draw a bar of about a quarter of the field, a round number long."""
    from matplotlib import patheffects

    axis, (height, width) = drawn_axes(trial.image.axes)[-1], trial.phantom.navigation_shape[-2:]
    quarter = width * axis.scale / 4
    decade = 10.0 ** np.floor(np.log10(quarter))
    length = decade * max(step for step in (1, 2, 5) if step * decade <= quarter)
    start, row = 0.06 * width, 0.94 * height
    ends = [start, start + length / axis.scale]
    edge = [patheffects.withStroke(linewidth=5, foreground="black")]
    axes.plot(ends, [row, row], color="white", linewidth=3, solid_capstyle="butt", path_effects=edge)
    axes.text(
        *(start, row - 0.03 * height, f"{length:g} {axis.units}"),
        color="white",
        fontsize=9,
        path_effects=[patheffects.withStroke(linewidth=2, foreground="black")],
    )


def _draw_maps(places: "list[Axes]", trial: Trial) -> None:
    maps = trial.truth.abundances.reshape(*trial.phantom.navigation_shape, -1)
    for k, label in enumerate(trial.phantom.labels):
        _draw_map(places[k], maps[..., k], f"{label}, expected counts", fade(COMPONENT_COLOURS[k]))
    _draw_map(
        places[-1], trial.image.total_map(), f"recorded, dose {trial.dose:g}, seed {trial.seed}", "gray"
    )
    draw_scale_bar(places[-1], trial)


def _draw_tilts(places: "list[Axes]", trial: Trial) -> None:
    maps = trial.truth.abundances.reshape(*trial.phantom.navigation_shape, -1)
    chosen = np.linspace(0, len(maps) - 1, len(places)).round().astype(int)
    for axes, tilt in zip(places, chosen, strict=True):
        axes.imshow(composite(maps[tilt]), interpolation="nearest")
        axes.set(title=f"{trial.phantom.tilts_deg[tilt]:g}\N{DEGREE SIGN}", xticks=[], yticks=[])
    draw_scale_bar(places[0], trial)


def fade(colour: str) -> "Colormap":
    """Return the colour map from black to a colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(colour, ["black", colour])


def _draw_map(axes: "Axes", values: np.ndarray, title: str, colours: "str | Colormap") -> None:
    shown = axes.imshow(values, cmap=colours, vmin=0, interpolation="nearest")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    axes.set(title=title, xticks=[], yticks=[])


def _draw_endmembers(axes: "Axes", trial: Trial) -> None:
    for label, endmember, colour in zip(
        trial.phantom.labels, trial.truth.endmembers, COMPONENT_COLOURS, strict=False
    ):
        axes.semilogy(trial.image.energy_kev, endmember, color=colour, label=label, linewidth=1.2)
    axes.set(title="endmembers", xlabel="Energy (keV)", ylabel="Share of counts per channel")
    axes.legend(edgecolor="none", ncols=2 if trial.truth.n_components > 4 else 1)


def _draw_pixels(axes: "Axes", trial: Trial) -> None:
    """Draw the counts of the purest pixel of each of the last two components."""
    for k in range(trial.truth.n_components)[-2:]:
        pixel = int(np.argmax(trial.truth.abundances[:, k]))
        spectrum = trial.image.counts[[pixel]].toarray().ravel()
        place = ", ".join(map(str, np.unravel_index(pixel, trial.phantom.navigation_shape)[::-1]))
        name = f"pixel ({place}), {trial.phantom.labels[k]}: {spectrum.sum()} counts"
        axes.vlines(
            trial.image.energy_kev, 0, spectrum, color=COMPONENT_COLOURS[k], linewidth=1.2, label=name
        )
    axes.set(
        title="two single pixels", xlabel="Energy (keV)", ylabel="Counts", ylim=(0, 1.3 * axes.dataLim.ymax)
    )
    axes.legend(frameon=False, loc="upper left")
