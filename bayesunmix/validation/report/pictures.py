"""Draw what a report on a claim shows."""

import io
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from bayesunmix.analysis.quantity import HALF_90
from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.data.grid import drawn_aspect
from bayesunmix.plotting.style import COLOURS, Picture
from bayesunmix.validation.case import Case
from bayesunmix.validation.phases.edges import EdgeProfile
from bayesunmix.validation.report.phase_colours import colours_of, names_of
from bayesunmix.validation.words import say_digits, say_short

_AGREES, _UNDECIDABLE, _SUSPECT, _NOTHING = "#d9e6ee", "#9a9a9a", "#d55e00", "white"
_WIDTH = 4.2  # inches of a map
MOST_PAIRS = 24  # of phases, the hardest to tell


def png_of(draw: Callable[[], Figure], dpi: int) -> bytes:
    """Draw a picture. Names are drawn as they are: "$" begins no formula, and no font has all letters."""
    stream = io.BytesIO()
    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        draw().savefig(stream, format="png", dpi=dpi)
    return stream.getvalue()


def draw_claim(case: Case, suspect: np.ndarray, undecidable: np.ndarray) -> Figure:
    """Draw the claimed map, the counts, and where they disagree.

    Parameters
    ----------
    case : Case
    suspect, undecidable : (H, W) bool arrays
        Pixels whose label the counts contradict, and those whose phase they do not tell.
    """
    height, width = case.labels.shape
    aspect = drawn_aspect(case.image.axes, height, width)
    tall = min(max(aspect * height / width, 0.25), 2.0)
    entries = (case.claim.n_phases + 3) // 2  # rows of the legend
    figure = Picture(figsize=(3 * _WIDTH, _WIDTH * tall + 0.7 + 0.17 * entries), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    colours = colours_of(case)
    k = len(colours)
    shown = np.where(case.labels == UNDECIDED, k, np.where(case.labels == UNASSIGNED, k + 1, case.labels))
    _map(left, shown, [*colours, "0.6", _NOTHING], aspect)
    handles = [
        Patch(facecolor=c, edgecolor="0.5", label=n) for c, n in zip(colours, names_of(case), strict=True)
    ]
    handles += [Patch(facecolor="0.6", label="not told")] if (case.labels == UNDECIDED).any() else []
    handles += (
        [Patch(facecolor="white", edgecolor="0.5", label="unassigned")]
        if (case.labels == UNASSIGNED).any()
        else []
    )
    _legend(left, handles)
    left.set_title("the claim", fontsize=10)
    totals = case.image.total_map().astype(float)
    totals[~case.image.takes_part.reshape(totals.shape)] = np.nan
    drawn = middle.imshow(totals, cmap="viridis", interpolation="none", aspect="auto")
    middle.set_box_aspect(tall)
    middle.set_anchor("N")
    middle.set_xticks([]), middle.set_yticks([])
    bar = figure.colorbar(drawn, cax=middle.inset_axes((0.1, -0.06, 0.8, 0.03)), orientation="horizontal")
    bar.ax.tick_params(labelsize=8)
    middle.set_title("the counts per pixel", fontsize=10)
    labelled = case.labels >= 0
    kind = np.select([suspect & labelled, undecidable & labelled, labelled], [2, 1, 0], 3)
    _map(right, kind, [_AGREES, _UNDECIDABLE, _SUSPECT, _NOTHING], aspect)
    said = ("agrees", "the counts do not tell", "suspect")
    shares = [float((kind == i).sum() / max(labelled.sum(), 1)) for i in range(3)]
    _legend(
        right,
        [
            Patch(facecolor=c, label=f"{text} · {100 * share:.1f} %")
            for c, text, share in zip((_AGREES, _UNDECIDABLE, _SUSPECT), said, shares, strict=True)
        ],
    )
    right.set_title("where they disagree", fontsize=10)
    return figure


def draw_map(case: Case, values: np.ndarray, says: str, largest: float = 1.0) -> Figure:
    """Draw a map of shares, from 0 to `largest`."""
    height, width = values.shape
    aspect = drawn_aspect(case.image.axes, height, width)
    tall = min(max(aspect * height / width, 0.25), 2.0)
    figure = Picture(figsize=(_WIDTH + 1.2, _WIDTH * tall + 0.6), layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(values, cmap="viridis", vmin=0, vmax=largest, interpolation="none", aspect="auto")
    axes.set_box_aspect(tall)
    axes.set_xticks([]), axes.set_yticks([])
    figure.colorbar(drawn, ax=axes, shrink=0.8).ax.tick_params(labelsize=8)
    axes.set_title(says, fontsize=10)
    return figure


def draw_edge(case: Case, profile: EdgeProfile, width_px: float | None) -> Figure:
    """Draw the share of a phase across its boundary, beside the step of the claim."""
    figure = Picture(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.step([-6, 0, 0, 6], [0, 0, 1, 1], color="0.6", label="the claim")
    axes.errorbar(
        profile.distance_px,
        profile.share,
        HALF_90 * profile.sd,
        fmt="o",
        ms=4,
        color=COLOURS[0],
        label="the counts, 90 %",
    )
    axes.axhline(0, color="0.85", lw=0.6, zorder=0)
    axes.axhline(1, color="0.85", lw=0.6, zorder=0)
    axes.axvspan(-case.radius, case.radius, color="0.95", zorder=0, label="rim")
    axes.set_xlabel(
        f"distance from the boundary with {say_short(case.names[profile.outside])} (pixels)", fontsize=9
    )
    axes.set_ylabel(f"share of {say_short(case.names[profile.inside])}", fontsize=9)
    if width_px is not None:
        axes.set_title(f"from 10 to 90 % in {width_px:.1f} pixels", fontsize=9, loc="left")
    axes.legend(frameon=False, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_doses(pairs: Sequence[tuple[str, float]], counts_per_pixel: float) -> Figure:
    """Draw how many counts a pixel needs to tell two phases with 5 % error, beside what it has."""
    ordered = sorted(pairs, key=lambda pair: pair[1])[-MOST_PAIRS:]
    figure = Picture(figsize=(7.2, 0.9 + 0.28 * len(ordered)), layout="constrained")
    axes = figure.subplots()
    needed = np.array([max(counts, 1.0) for _, counts in ordered])
    most = 1.6 * max(needed[np.isfinite(needed)].max(initial=1.0), counts_per_pixel)
    needed = np.minimum(needed, most)  # where no dose tells two phases, the bar goes to the end
    enough = needed <= counts_per_pixel
    axes.barh(
        range(len(ordered)), needed, color=[COLOURS[0] if one else COLOURS[1] for one in enough], height=0.6
    )
    axes.axvline(counts_per_pixel, color="black", lw=1)
    axes.annotate(
        f"this map: {say_digits(counts_per_pixel, 3)}",
        (counts_per_pixel, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, 2),
        textcoords="offset points",
        fontsize=8,
    )
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered], fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.8 * min(needed.min(), counts_per_pixel), most)
    axes.set_xlabel("counts per pixel to tell the two with 5 % error", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _map(axes: Axes, shown: np.ndarray, colours: Sequence, aspect: float) -> None:
    axes.imshow(
        shown,
        cmap=ListedColormap(list(colours)),
        vmin=-0.5,
        vmax=len(colours) - 0.5,
        interpolation="none",
        aspect="auto",
    )
    axes.set_box_aspect(min(max(aspect * shown.shape[0] / shown.shape[1], 0.25), 2.0))
    axes.set_anchor("N")
    axes.set_xticks([]), axes.set_yticks([])


def _legend(axes: Axes, handles: list[Patch]) -> None:
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        ncols=2,
        frameon=False,
        fontsize=8,
        borderaxespad=0,
    )
