"""Draw how often the check of the model alarms: models that are right above, faults below."""

import numpy as np
from matplotlib.figure import Figure

from paper.evidence import Results
from paper.figures.drawing import GREY, MISSED, OTHERS, OURS, SMALL, WIDTH, quiet

_WORDS = {
    "right_known": "right: spectra known",
    "right_nmf": "right: NMF",
    "right_nmf_semi": "right: NMF, some spectra given",
    "right_elements": "right: element lines",
    "shift": "energy axis shifted",
    "line_ratio": "line ratio wrong",
    "continuum": "continuum wrong",
    "pile_up": "pile-up",
    "tail": "peaks with a tail",
    "escape": "escape peaks",
    "realistic": "all detector faults, weak",
    "too_few": "one component too few",
}


def checks(results: Results) -> Figure:
    """Draw the share of trials with an alarm, a row a case, a marker a dose."""
    table = results.checks
    cases = list(dict.fromkeys(table.sort_values("right", ascending=False, kind="stable")["case"]))
    doses = sorted(table["dose"].unique())
    figure = Figure(figsize=(WIDTH, 0.23 * len(cases) + 0.75), layout="constrained")
    axes = figure.add_subplot()
    for row in table.itertuples():
        y = cases.index(row.case) + 0.18 * (2 * doses.index(row.dose) - (len(doses) - 1))
        share = row.alarms / row.trials
        wrong = share > 0.05 if row.right else share < 1
        colour = MISSED if wrong else OURS if row.dose == doses[-1] else OTHERS[3]
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=1)
        axes.plot(share, y, "o" if row.dose == doses[-1] else "s", color=colour, markersize=4)
        axes.text(1.06, y, f"{row.alarms}/{row.trials}", fontsize=SMALL - 1, va="center", color=GREY)
    axes.set_yticks(np.arange(len(cases)), [_words(case) for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.6)
    axes.set_xlim(-0.03, 1.14)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel(
        f"share of trials with an alarm (squares {doses[0]:g}, circles {doses[-1]:g} counts per pixel)"
    )
    quiet(axes, "x")
    return figure


def _words(case: str) -> str:
    fault, _, _ = case.partition(" ")
    return _WORDS.get(fault, fault.replace("_", " "))
