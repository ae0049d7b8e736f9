"""Draw the README's first figure: the film at 20 counts per pixel, unmixed by `bayes`, against the truth.

For each component: truth, estimate, error, and the width of the 90 % interval; below, the endmembers with
their 90 % bands. Run ``python -m paper.figures.overview``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

import bayesunmix as bu
from simulations.phantom import PHANTOMS
from simulations.trial import Trial, acquire

DOSE, SEED = 20, 0
COLUMNS = ("truth", "estimate", "estimate - truth", "width of the 90 % interval")
COLOURS = ("C1", "C2", "C0")


def overview() -> Figure:
    """Acquire, unmix, align once, and draw."""
    trial = acquire(PHANTOMS["nicr_film"](), DOSE, SEED)
    result = bu.unmix(trial.image, trial.truth.n_components, "bayes", seed=SEED)
    result = result.reorder(bu.match(trial.truth.endmembers, result.estimate.endmembers))
    figure = Figure(figsize=(9, 9.6), layout="constrained")
    assert result.posterior is not None
    lower, upper = result.posterior.interval(0.9)
    maps, spectra = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.9, 1)).ravel()
    _draw_maps(maps, trial, result.estimate.abundances, upper.abundances - lower.abundances)
    _draw_spectra(spectra.subplots(), trial, lower.endmembers, upper.endmembers)
    return figure


def _draw_maps(figure: SubFigure, trial: Trial, estimate: np.ndarray, width: np.ndarray) -> None:
    truth = trial.truth.abundances
    top = float(np.quantile(truth, 0.99)) * 1.3
    panels = (truth, estimate, estimate - truth, width)
    styles: tuple[dict[str, Any], ...] = ({"cmap": "viridis", "vmin": 0, "vmax": top},) * 2 + (
        {"cmap": "RdBu_r", "vmin": -top / 2, "vmax": top / 2},
        {"cmap": "magma", "vmin": 0, "vmax": float(np.quantile(width, 0.995))},
    )
    axes = figure.subplots(len(trial.phantom.labels), len(panels))
    for column, (values, style) in enumerate(zip(panels, styles, strict=True)):
        for k, label in enumerate(trial.phantom.labels):
            ax = axes[k, column]
            shown = ax.imshow(
                values[:, k].reshape(trial.phantom.navigation_shape), interpolation="none", **style
            )
            ax.set(xticks=[], yticks=[])
            if column == 0:
                ax.set_ylabel(label, fontsize=13)
        axes[0, column].set_title(COLUMNS[column])
        figure.colorbar(shown, ax=axes[:, column], label="counts per pixel", location="bottom", aspect=12)


def _draw_spectra(ax: Axes, trial: Trial, lower: np.ndarray, upper: np.ndarray) -> None:
    energy = trial.image.energy_kev
    for k, (label, colour) in enumerate(zip(trial.phantom.labels, COLOURS, strict=True)):
        ax.fill_between(energy, lower[k], upper[k], color=colour, alpha=0.35, linewidth=0)
        ax.plot(
            energy, trial.truth.endmembers[k], color=colour, linewidth=1, label=f"{label}, with 90 % band"
        )
    ax.set(
        xlabel="energy (keV)",
        ylabel="share of counts per channel",
        xlim=(1, 10),
        yscale="log",
        ylim=(1e-5, 0.2),
    )
    ax.legend(frameon=False, ncols=3, loc="upper right")


if __name__ == "__main__":
    overview().savefig(Path(__file__).with_suffix(".png"), dpi=110)
