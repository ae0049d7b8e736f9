"""Draw what intervals say where an assumption is false: the truth of each share beside its interval and range."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper.evidence import Results
from paper.figures.drawing import INK, MISSED, OURS, SMALL, WIDTH, phantom_words, quiet

_FRACTION, _RANGE = "fraction of ", "range of "


def told(results: Results) -> Figure:
    """Draw the shares of all counts of phantoms in which an assumption is false."""
    table = results.known
    shares = table[table["fact"].str.startswith(_FRACTION)].reset_index(drop=True)
    cases = list(dict.fromkeys(shares["case"]))
    figure = Figure(figsize=(WIDTH, 0.19 * (len(shares) + 1.2 * len(cases)) + 0.75), layout="constrained")
    axes = figure.add_subplot()
    y, ticks, labels = 0.0, [], []
    for case in cases:
        own = shares[shares["case"] == case]
        axes.text(0.0, y, phantom_words(case), fontsize=SMALL, fontweight="bold", va="center", color=INK)
        y += 1.0
        for row in own.itertuples():
            name = str(row.fact).removeprefix(_FRACTION)
            span = table[(table["case"] == case) & (table["fact"] == f"{_RANGE}{name}")].iloc[0]
            colour = OURS if row.holds == row.trials else MISSED
            axes.plot([row.lower, row.upper], [y, y], color=colour, linewidth=1.2, solid_capstyle="butt")
            axes.plot(
                [span["lower"], span["upper"]],
                [y, y],
                color=colour,
                linewidth=5,
                alpha=0.3,
                solid_capstyle="butt",
            )
            axes.plot(row.value, y, "|", color=colour, markersize=9, markeredgewidth=1.4)
            axes.plot(row.known, y, "D", color=INK, markersize=3.6, zorder=4)
            ticks.append(y)
            labels.append(name)
            y += 1.0
        y += 0.25
    axes.set_yticks(ticks, labels, fontsize=SMALL)
    axes.set_ylim(y - 0.2, -0.9)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("share of all counts")
    quiet(axes, "x")
    handles = [
        Line2D([], [], marker="D", color=INK, linestyle="", markersize=3.6, label="truth"),
        Line2D(
            [], [], marker="|", color=OURS, linestyle="", markersize=9, markeredgewidth=1.4, label="estimate"
        ),
        Line2D([], [], color=OURS, linewidth=1.2, label="interval"),
        Line2D([], [], color=OURS, linewidth=5, alpha=0.3, label="feasible range"),
        Line2D([], [], color=MISSED, linewidth=1.2, label="does not hold the truth in every trial"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, frameon=False, handlelength=1.6)
    return figure
