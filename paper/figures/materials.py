"""Draw in how many trials the recommended number of components is the true one, by phantom and dose."""

import numpy as np
from matplotlib.figure import Figure

from paper.evidence import Results
from paper.figures.drawing import MISSED, OURS, SMALL, WIDTH, phantom_words, quiet

_ENOUGH = 0.95  # of the trials


def materials(results: Results) -> Figure:
    """Draw the share of right numbers, a group of bars a phantom."""
    table = results.materials
    names = list(dict.fromkeys(table["phantom"]))
    doses = sorted(table["dose"].unique())
    figure = Figure(figsize=(WIDTH, 1.9), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(doses)
    for row in table.itertuples():
        at = names.index(row.phantom) + (doses.index(row.dose) - (len(doses) - 1) / 2) * width
        colour = OURS if row.share >= _ENOUGH else MISSED
        axes.bar(at, row.share, 0.9 * width, color=colour)
        axes.text(at, row.share + 0.03, f"{row.recommended}/{row.trials}", ha="center", fontsize=SMALL - 0.5)
        axes.text(at, -0.035, f"{row.dose:g}", ha="center", va="top", fontsize=SMALL - 0.5)
    truth = table.groupby("phantom", sort=False)["truth"].first()
    labels = [f"\n{phantom_words(name)}\n(truth: {truth[name]})" for name in names]
    axes.set_xticks(np.arange(len(names)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 1.15)
    axes.set_ylabel("share of trials\nwith the true number")
    quiet(axes)
    return figure
