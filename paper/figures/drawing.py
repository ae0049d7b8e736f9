"""Share what all figures of the paper have in common: the width of the text, sizes, colours, names, and the file."""

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.calibrations.real import HALF_OF

WIDTH = 6.3  # inches, of the text
SMALL, NORMAL = 7.0, 8.0  # points
INK, GREY, PALE = "#222222", "#8a8a8a", "#e4e4e4"
OURS, MISSED, TARGET = "#0072B2", "#C1272D", "#0a6b3d"
OTHERS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D31", "#7B6BB2", "#5c6166")
PHANTOMS = {
    "nicr_film": "layered film",
    "nicr_mixed": "mixture everywhere",
    "nicr_needle": "needle",
    "overlapping_64": "overlapping lines, cut",
    "overlapping_lines": "overlapping lines",
    "trace_64": "precipitates, cut",
    "trace_precipitates": "precipitates",
    "particles_espm": "particles",
    "grains": "eight grains",
    "null": "one material",
    "buried_cores": "buried cores",
    "particles_on_film": "particles on a film",
    "absorbing_silicate": "absorbing silicate",
    "partial_frame": "partial frame",
    "fine_eutectic": "fine eutectic",
    "graded_couple": "graded couple",
    "core_shell": "recording: cores in shells",
    "dacite_22": "recording: dacite, fewer counts",
    "dacite_122": "recording: dacite, more counts",
    "bridgmanite": "recording: minerals of the mantle",
    "sio2": "recording: silica on a support",
    "bcf50": "recording: test file of a reader",
}
_RECORDING = "recording: "
METHODS = {
    "bayes": "bayesunmix",
    "espm_nmf": "espm",
    "geom_nmf_nfindr": "geometric (N-FINDR)",
    "hyperspy_bss": "HyperSpy, PCA and ICA",
    "scikit_learn_nmf_kl": "scikit-learn, NMF (KL)",
    "scikit_learn_nmf_frobenius": "scikit-learn, NMF (Frobenius)",
    "scikit_learn_pca": "scikit-learn, PCA",
}
# Words as paths and no date, so that the same numbers give the same bytes.
_RULES: Any = {
    "svg.hashsalt": "bayesunmix",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    "axes.linewidth": 0.6,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": SMALL,
}


def phantom_words(name: str) -> str:
    """Return the name of a phantom, or of a recording, as the text calls it."""
    if name.startswith(HALF_OF):
        return HALF_OF + phantom_words(name.removeprefix(HALF_OF)).removeprefix(_RECORDING)
    return PHANTOMS.get(name, name.replace("_", " "))


def method_words(name: str) -> str:
    """Return the name of a method or peer as the text calls it."""
    return METHODS.get(name, name.replace("_", " "))


def line_words(text: str) -> str:
    """Write names of X-ray lines in a text with their Greek letters: Fe_Ka becomes Fe K and a small alpha."""
    return re.sub(r"\b([A-Z][a-z]?)_([KLM])a\b", "\\1 \\2\N{GREEK SMALL LETTER ALPHA}", text)


def rules() -> Any:
    """Return the context in which every figure is drawn."""
    return mpl.rc_context(_RULES)


def write_svg(figure: Figure, path: Path) -> None:
    """Write a figure so that the same figure gives the same bytes."""
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def grid_of(
    n_panels: int, columns: int, panel_height: float, below: float = 0.35
) -> tuple[Figure, list[Axes]]:
    """Make panels side by side; those that are not needed are left out."""
    rows = -(-n_panels // columns)
    figure = Figure(figsize=(WIDTH, rows * panel_height + below), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for unused in axes[n_panels:]:
        unused.set_axis_off()
    return figure, list(axes[:n_panels])


def quiet(axes: Axes, grid: str = "y") -> None:
    """Leave only the lines that a reader needs."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(axis=grid, color=PALE, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def dose_axis(axes: Axes, doses: Any) -> None:
    """Make the horizontal axis one of doses, with a tick at each."""
    at = sorted(set(doses))
    axes.set_xscale("log")
    axes.set_xlim(at[0] / 1.35, at[-1] * 1.35)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(at, [f"{dose:g}" for dose in at])
