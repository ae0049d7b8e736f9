"""Draw a phantom and one acquisition of it: where each component is, how it shines, what a detector sees."""

from typing import TYPE_CHECKING

import numpy as np

from simulations.phantom import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The talk's colours for Si, Cr and Ni come first; the rest are Matplotlib's own cycle.
_COLOURS = ("C1", "C2", "C0", "C3", "C4", "C5", "C6", "C8", "C9")


def draw_trial(trial: Trial) -> "Figure":
    """Draw the abundance maps, the recorded counts, the endmembers and two single pixels.

    Parameters
    ----------
    trial : Trial
        Of a phantom with two navigation axes.

    Returns
    -------
    figure : matplotlib Figure
    """
    from matplotlib.figure import Figure

    labels, shape = trial.phantom.labels, trial.phantom.navigation_shape
    figure = Figure(figsize=(3 * (len(labels) + 1), 6.4), layout="constrained")
    grid = figure.add_gridspec(2, len(labels) + 1, height_ratios=(1, 1.05))
    maps = trial.truth.abundances.reshape(*shape, -1)
    for k, label in enumerate(labels):
        _draw_map(
            figure.add_subplot(grid[0, k]), maps[..., k], f"{label}, expected counts", _fade(_COLOURS[k])
        )
    counts = figure.add_subplot(grid[0, -1])
    _draw_map(counts, trial.image.total_map(), f"recorded, dose {trial.dose:g}, seed {trial.seed}", "gray")
    _draw_scale_bar(counts, trial)
    half = (len(labels) + 1) // 2
    _draw_endmembers(figure.add_subplot(grid[1, :half]), trial)
    _draw_pixels(figure.add_subplot(grid[1, half:]), trial)
    figure.suptitle(f"{trial.phantom.name}: {trial.image!r}"[:-1].replace("<SpectrumImage ", ""))
    return figure


def _fade(colour: str) -> object:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(colour, ["black", colour])


def _draw_map(axes: "Axes", values: np.ndarray, title: str, colours: object) -> None:
    shown = axes.imshow(values, cmap=colours, vmin=0, interpolation="nearest")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    axes.set(title=title, xticks=[], yticks=[])


def _draw_scale_bar(axes: "Axes", trial: Trial) -> None:
    """Draw a bar of about a quarter of the field, a round number long."""
    axis, width = trial.image.axes[-1], trial.phantom.navigation_shape[-1]
    quarter = width * axis.scale / 4
    decade = 10.0 ** np.floor(np.log10(quarter))
    length = decade * max(step for step in (1, 2, 5) if step * decade <= quarter)
    start, row = 0.06 * width, 0.94 * trial.phantom.navigation_shape[-2]
    axes.plot([start, start + length / axis.scale], [row, row], color="white", linewidth=3)
    axes.text(start, row - 1.5, f"{length:g} {axis.units}", color="white", fontsize=9, va="bottom")


def _draw_endmembers(axes: "Axes", trial: Trial) -> None:
    for label, endmember, colour in zip(trial.phantom.labels, trial.truth.endmembers, _COLOURS, strict=False):
        axes.semilogy(trial.image.energy_kev, endmember, color=colour, label=label, linewidth=1.2)
    axes.set(title="endmembers", xlabel="Energy (keV)", ylabel="Share of counts per channel")
    axes.legend(frameon=False)


def _draw_pixels(axes: "Axes", trial: Trial) -> None:
    """Draw the counts of the purest pixel of each of the last two components."""
    for k in range(trial.truth.n_components)[-2:]:
        pixel = int(np.argmax(trial.truth.abundances[:, k]))
        spectrum = trial.image.counts[[pixel]].toarray().ravel()
        y, x = np.unravel_index(pixel, trial.phantom.navigation_shape)
        name = f"pixel ({x}, {y}), {trial.phantom.labels[k]}: {spectrum.sum()} counts"
        axes.vlines(trial.image.energy_kev, 0, spectrum, color=_COLOURS[k], linewidth=1.2, label=name)
    axes.set(
        title="two single pixels", xlabel="Energy (keV)", ylabel="Counts", ylim=(0, 1.3 * axes.dataLim.ymax)
    )
    axes.legend(frameon=False, loc="upper left")
