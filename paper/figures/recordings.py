"""Draw what is known of recordings beside what the method says: another recording of a field, and a measured ratio."""

import numpy as np
from matplotlib.figure import Figure

from paper.evidence import Results
from paper.figures.drawing import INK, MISSED, OTHERS, OURS, SMALL, TARGET, WIDTH, line_words, quiet

_RECORDINGS = {"dacite_22": (OURS, "o"), "dacite_122": (OTHERS[1], "s")}
_COUNTS, _OF = "counts of ", " in the other recording"


def recordings(results: Results) -> Figure:
    """Draw the shares of pixels of the other recording that predictions hold, and the ratio of two lines."""
    table = results.known
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    axes, ratio = figure.subplots(1, 2, width_ratios=(2.6, 1))
    predicted = table[table["fact"].str.startswith(_COUNTS) & table["case"].isin(_RECORDINGS)]
    lines = list(dict.fromkeys(predicted["fact"].str.removeprefix(_COUNTS).str.removesuffix(_OF)))
    axes.axhspan(0.87, 0.93, color=TARGET, alpha=0.15, linewidth=0)
    axes.axhline(0.9, color=INK, linewidth=0.6)
    for n, (case, (colour, marker)) in enumerate(_RECORDINGS.items()):
        own = predicted[predicted["case"] == case]
        if own.empty:
            continue
        at = [
            lines.index(fact.removeprefix(_COUNTS).removesuffix(_OF)) + 0.16 * (2 * n - 1)
            for fact in own["fact"]
        ]
        axes.plot(at, own["value"], marker, color=colour, markersize=4.5, label=_words(results, case))
    axes.set_xticks(np.arange(len(lines)), [line_words(line) for line in lines], fontsize=SMALL)
    axes.set_ylabel("share of pixels inside")
    axes.set_ylim(min(0.8, float(predicted["value"].min()) - 0.02), 1.01)
    axes.legend(frameon=False, loc="lower left")
    axes.set_title("Dacite: prediction of another recording", loc="left")
    quiet(axes)
    row = table[(table["case"] == "core_shell") & (table["fact"] == "Fe_Ka/Pt_La")].iloc[0]
    colour = OURS if row["holds"] == row["trials"] else MISSED
    ratio.plot([0, 0], [row["lower"], row["upper"]], color=colour, linewidth=1.4)
    ratio.plot(0, row["value"], "_", color=colour, markersize=12, markeredgewidth=1.6)
    ratio.plot(0, row["known"], "D", color=INK, markersize=4)
    for name, value in (("estimate", row["value"]), ("measured", row["known"])):
        ratio.text(0.12, value, name, fontsize=SMALL, va="center")
    ratio.set_xlim(-0.4, 0.75)
    ratio.set_xticks([])
    ratio.set_ylim(-0.03, max(1.05, float(row["upper"]) * 1.05))
    ratio.set_ylabel(line_words("Fe_Ka / Pt_La of the core"))
    ratio.set_title("Core and shell", loc="left")
    quiet(ratio)
    return figure


def _words(results: Results, case: str) -> str:
    rows = results.rows_of("real.csv")
    dose = float(rows.loc[rows["case"] == case, "dose"].iloc[0])
    return f"fitted to {dose:.0f} counts per pixel"
