"""Draw how often planted errors of claimed maps are found: a row an error, a column a dose."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from paper.evidence import Results
from paper.figures.drawing import INK, MISSED, SMALL, WIDTH


def validation(results: Results) -> Figure:
    """Draw the share of reports that find each error, with the numbers; red frames miss their target."""
    table = results.validation
    table = table[~table["right"]]
    cases = list(dict.fromkeys(sorted(table["case"])))
    doses = sorted(table["dose"].unique())
    half = -(-len(cases) // 2)
    figure = Figure(figsize=(WIDTH, 0.185 * half + 0.5), layout="constrained")
    for axes, some in zip(figure.subplots(1, 2), (cases[:half], cases[half:]), strict=True):
        shares = np.full((half, len(doses)), np.nan)
        for row in table[table["case"].isin(some)].itertuples():
            y, x = some.index(row.case), doses.index(row.dose)
            shares[y, x] = row.found / row.reports
            dark = shares[y, x] > 0.5
            axes.text(
                x,
                y,
                f"{row.found:.0f}/{row.reports}",
                ha="center",
                va="center",
                fontsize=SMALL - 0.5,
                color="white" if dark else INK,
            )
            if shares[y, x] < row.least_found:
                axes.add_patch(
                    Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, fill=False, edgecolor=MISSED, linewidth=1.6)
                )
        axes.imshow(shares, cmap="Blues", vmin=-0.1, vmax=1.15, aspect="auto")
        axes.set_yticks(np.arange(len(some)), some, fontsize=SMALL)
        axes.set_xticks(np.arange(len(doses)), [f"{dose:g}" for dose in doses])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    figure.supxlabel("counts per pixel above; reports that find the error, of all reports", fontsize=8)
    return figure
