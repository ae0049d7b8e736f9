"""Draw how often 90 % intervals of pixels hold the truth, against dose, a panel a phantom: misses in red."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper.evidence import Results
from paper.figures.drawing import (
    INK,
    MISSED,
    OURS,
    SMALL,
    TARGET,
    dose_axis,
    grid_of,
    phantom_words,
    quiet,
)

_MARKERS = {"main": "o", "peers": "s", "pipeline": "^"}
_WORDS = {
    "main": "main suite",
    "peers": "suite with few counts",
    "pipeline": "calibration of the whole method",
}


def coverage(results: Results) -> Figure:
    """Draw the coverage of `bayes`, with nothing known of the spectra."""
    rows = results.intervals
    names = list(dict.fromkeys(rows["phantom"]))
    # Where seeds scatter widely the table has a wider one.
    target = rows["target_low"].max(), rows["target_high"].min()
    figure, panels = grid_of(len(names), 4, 1.55)
    for axes, name in zip(panels, names, strict=True):
        own = rows[rows["phantom"] == name]
        axes.axhspan(*target, color=TARGET, alpha=0.15, linewidth=0)
        axes.axhline(0.9, color=INK, linewidth=0.6)
        for source, some in own.groupby("source", sort=False):
            line = some.sort_values("dose")
            axes.plot(line["dose"], line["coverage"], color=OURS, linewidth=0.9, zorder=2)
            for row in line.itertuples():
                colour = OURS if row.met else MISSED
                axes.plot([row.dose, row.dose], [row.low, row.high], color=colour, linewidth=1.0, zorder=2)
                axes.plot(
                    row.dose, row.coverage, _MARKERS[str(source)], color=colour, markersize=4.5, zorder=3
                )
        axes.set_title(phantom_words(name), loc="left", fontsize=SMALL + 0.5)
        axes.set_ylim(0, 1.03)
        dose_axis(axes, own["dose"])
        axes.tick_params(axis="x", labelsize=SMALL - 0.5)
        quiet(axes)
    figure.supxlabel("counts per pixel", fontsize=8)
    figure.supylabel("share of true values inside", fontsize=8)
    handles = [
        *(
            Line2D([], [], marker=_MARKERS[s], color=OURS, linestyle="", markersize=4.5, label=_WORDS[s])
            for s in dict.fromkeys(rows["source"])
        ),
        Line2D([], [], marker="o", color=MISSED, linestyle="", markersize=4.5, label="misses its target"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    return figure
