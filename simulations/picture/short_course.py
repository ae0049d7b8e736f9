"""Draw the six figures of the NIST short course (Taillon, 2022) from the phantom of its needle.

They are: HAADF with two single-pixel spectra; peak-channel maps, raw and rebuilt from three principal components;
scree; PCA, BSS and NMF with the maps of one tilt. Published pictures and numbers are drawn beside them if their folder
is given; they are not part of this project.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayesunmix.analysis.line_maps import line_map
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.io.file import whole_file
from bayesunmix.running.progress import track
from simulations.picture.trial import draw_scale_bar, fade
from simulations.short_course import ShortCourse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# The short course's names of the lines, and the channel whose map it calls a line intensity.
_LINES_KEV = {"Si": (1.740, 1.836), "Cr": (5.412, 5.947), "Ni": (7.472, 8.265)}
_PEAK_CHANNEL = {"Ni": 647, "Si": 74, "Cr": 441}
_ELEMENT_COLOURS = {"Ni": "C0", "Si": "C1", "Cr": "C2"}
# Two pixels (x, y) that the short course shows, one in Cr and one in Ni.
_PIXELS = (((60, 55), "red"), ((49, 62), "blue"))
# Published names of the components, in our order, with their colours and the arrays of their numbers.
_PCA = (
    ("Factor 0: Mean", "C0", "PCA_factor_0_mean"),
    ("Factor 1: Si-rich", "C1", "PCA_factor_1_Si"),
    ("Factor 2: Ni-rich", "C2", "PCA_factor_2_NiCr"),
)
_PCA_LINES = ("C1", "C2", "C0")  # of Si, Cr and Ni, which no principal component is alone
_BSS = (
    ("Factor 2: Si", "C2", "BSS_factor_2_Si"),
    ("Factor 1: Cr", "C1", "BSS_factor_1_Cr"),
    ("Factor 0: Ni", "C0", "BSS_factor_0_Ni"),
)
_NMF = (
    ("Factor 1: Si", "C1", "NMF_factor_1_Si"),
    ("Factor 2: Cr", "C2", "NMF_factor_2_Cr"),
    ("Factor 0: Ni", "C0", "NMF_factor_0_Ni"),
)


def draw_short_course(course: ShortCourse, out: Path, published: Path | None = None) -> list[Path]:
    """Draw the six figures into a folder.

    Parameters
    ----------
    course : ShortCourse
    out : Path
        Folder; made if it is not there.
    published : Path, optional
        Folder with `figures/andy_*.png` and `nicr/nicr_from_figures.npz`.

    Returns
    -------
    paths : list of Path
    """
    out.mkdir(parents=True, exist_ok=True)
    numbers = _numbers(published)
    paths = []
    for name, (height, draw) in track(_FIGURES.items(), "drawing"):
        picture = published / "figures" / f"{name}.png" if published else None
        ours, figure = _beside(height, picture)
        draw(ours, course, numbers)
        paths.append(out / f"{name.removeprefix('andy_')}.png")
        with whole_file(paths[-1]) as temporary:
            figure.savefig(temporary, dpi=110)
    return paths


def _numbers(published: Path | None) -> dict[str, np.ndarray]:
    """Read the published curves; none if there is no such file."""
    path = published / "nicr" / "nicr_from_figures.npz" if published else None
    if path is None or not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _beside(height: float, picture: Path | None) -> tuple["SubFigure", "Figure"]:
    """Return our half of a figure, and the figure with the published picture in its other half."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    if picture is None or not picture.is_file():
        figure = Figure(figsize=(9, height), layout="constrained")
        return figure.subfigures(1, 1, squeeze=False)[0, 0], figure
    figure = Figure(figsize=(18, height), layout="constrained")
    ours, theirs = figure.subfigures(1, 2, squeeze=False, wspace=0.02)[0]
    ours.suptitle("phantom nicr_needle", fontweight="bold")
    theirs.suptitle("published", fontweight="bold")
    axes = theirs.subplots()
    axes.imshow(imread(picture), interpolation="lanczos")
    axes.axis("off")
    return ours, figure


def _draw_haadf(figure: "SubFigure", course: ShortCourse, _: dict[str, np.ndarray]) -> None:
    image, spectra = figure.subplots(1, 2, width_ratios=(1.1, 1))
    haadf = course.trial.haadf
    assert haadf is not None
    image.imshow(haadf.reshape(-1, *haadf.shape[-2:])[0], cmap="gray", interpolation="nearest")
    image.set(title="HAADF Signal", xlabel="x axis (nm)", ylabel="y axis (nm)", xticks=[], yticks=[])
    draw_scale_bar(image, course.trial)
    sides = (spectra, spectra.twinx())
    for axes, ((x, y), colour) in zip(sides, _PIXELS, strict=True):
        image.plot(x, y, "s", color=colour, markersize=7)
        counts = course.counts[y, x]
        axes.step(course.trial.image.energy_kev, counts, where="mid", color=colour, linewidth=1.5)
        axes.set(ylim=(0, max(2, counts.max())), xlim=(1, 10), xticks=range(1, 11))
        axes.annotate(
            f"({x}, {y})",
            (0 if colour == "red" else 1, 1.04),
            xycoords="axes fraction",
            color=colour,
            ha="center",
        )
    spectra.set(title="XEDS Signal", xlabel="Energy axis (keV)", ylabel="Intensity")


def _draw_lines(figure: "SubFigure", course: ShortCourse, _: dict[str, np.ndarray]) -> None:
    image = SpectrumImage(course.counts, course.trial.image.energy_kev)
    for row, (name, estimate) in zip(
        figure.subplots(2, 3), {"Original": None, "PCA": course.pca}.items(), strict=True
    ):
        row[0].set_ylabel(name, fontsize=16)
        for axes, (element, channel) in zip(row, _PEAK_CHANNEL.items(), strict=True):
            line = line_map(image, tuple(image.energy_kev[[channel, channel + 1]]), estimate)
            # As in HyperSpy, the brightest half of a thousandth saturates.
            top = np.quantile(line, 0.9995)
            shown = axes.imshow(line, cmap=fade(_ELEMENT_COLOURS[element]), vmax=top, interpolation="nearest")
            figure.colorbar(shown, ax=axes, shrink=0.7)
            axes.set(title=rf"{element}-K$_\alpha$ intensity", xticks=[], yticks=[])
        draw_scale_bar(row[0], course.trial)


def _draw_scree(figure: "SubFigure", course: ShortCourse, numbers: dict[str, np.ndarray]) -> None:
    from matplotlib.ticker import NullFormatter

    axes = figure.subplots()
    axes.semilogy(course.scree[:3], "^", color="#c44e52", markersize=13)
    axes.semilogy(np.arange(3, course.scree.size), course.scree[3:], "o", color="#4c72b0", markersize=13)
    if "scree" in numbers:
        axes.semilogy(numbers["scree"], "+", color="black", markersize=12, label="published")
        axes.legend(frameon=False)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(
        title="XEDS\nPCA Scree Plot",
        xlabel="Principal component index",
        ylabel="Proportion of variance",
        ylim=(1e-3, 5e-2),
        xticks=range(0, course.scree.size, 4),
    )


def _draw_pca(figure: "SubFigure", course: ShortCourse, numbers: dict[str, np.ndarray]) -> None:
    _draw_components(figure, course, course.pca, _PCA, numbers)


def _draw_bss(figure: "SubFigure", course: ShortCourse, numbers: dict[str, np.ndarray]) -> None:
    _draw_components(figure, course, course.bss, _BSS, numbers)


def _draw_nmf(figure: "SubFigure", course: ShortCourse, numbers: dict[str, np.ndarray]) -> None:
    _draw_components(figure, course, course.nmf, _NMF, numbers)


def _draw_components(
    figure: "SubFigure",
    course: ShortCourse,
    found: Factorization,
    names: tuple[tuple[str, str, str], ...],
    numbers: dict[str, np.ndarray],
) -> None:
    """Draw the spectra, with published ones dotted over them, and the maps of the shown tilt."""
    grid = figure.add_gridspec(3, 2, width_ratios=(2.6, 1))
    spectra = figure.add_subplot(grid[:, 0])
    order = np.argsort([colour for _, colour, _ in names])[::-1]
    for place, k in enumerate(order):
        name, colour, array = names[k]
        spectra.plot(course.trial.image.energy_kev, found.endmembers[k], color=colour, label=name)
        if array in numbers:
            # Only PCA fixes the scale of a component; the other curves are brought to the height of ours.
            scale = 1 if names is _PCA else found.endmembers[k].max() / numbers[array].max()
            spectra.plot(course.trial.image.energy_kev, scale * numbers[array], "k:", linewidth=0.9)
        axes = figure.add_subplot(grid[place, 1])
        shape = course.counts.shape[:2]
        shown = axes.imshow(found.abundances[:, k].reshape(shape), cmap=fade(colour), interpolation="nearest")
        figure.colorbar(shown, ax=axes)
        axes.set(xticks=[], yticks=[])
    draw_scale_bar(axes, course.trial)
    if numbers:
        spectra.plot([], [], "k:", linewidth=0.9, label="published")
    _name_lines(spectra, _PCA_LINES if names is _PCA else [colour for _, colour, _ in names])
    spectra.set(xlabel="Energy (keV)", ylabel="Intensity", xlim=(1, 10))
    spectra.legend()


def _name_lines(axes: "Axes", colours: Sequence[str]) -> None:
    top = axes.dataLim.ymax
    for (element, energies), colour in zip(_LINES_KEV.items(), colours, strict=True):
        for letter, energy, share in zip((r"\alpha", r"\beta"), energies, (0.5, 0.2), strict=True):
            axes.axvline(energy, color=colour, linewidth=0.6, linestyle=":")
            axes.text(energy + 0.12, share * top, rf"{element}-K$_{letter}$", color=colour, fontsize=12)


_FIGURES = {
    "andy_eds_spectrum": (3.8, _draw_haadf),
    "andy_eds_intensities_raw_vs_PCA": (4.6, _draw_lines),
    "andy_scree_plot": (6.0, _draw_scree),
    "andy_PCA": (5.4, _draw_pca),
    "andy_BSS": (5.4, _draw_bss),
    "andy_NMF": (5.4, _draw_nmf),
}
