"""Colours, the probability of intervals, titles and the figure itself, as all pictures use them.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; maps use `viridis`, and signed ones (PCA,
ICA) `PuOr` centred on zero.
"""

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from bayesunmix.data.display.words import say_shares
from bayesunmix.data.result import Unmixing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LEVEL = 0.9
_LETTERS_PER_INCH = 14  # of a title


class Picture(Figure):
    """Show itself in a notebook, without pyplot and whatever its backend is."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


def mark(figure: Figure, doubt: str) -> Figure:
    """Write above a picture that its numbers are in doubt; a picture that says so already stays as it is.

    Parameters
    ----------
    figure : Figure
    doubt : str
        What `Unmixing.doubt` says; "" marks nothing.
    """
    above = figure.get_suptitle()
    wrapped = "\n".join(textwrap.wrap(doubt, max(int(_LETTERS_PER_INCH * figure.get_figwidth()), 20)))
    if figure.legends and wrapped:  # a title would lie on the legend, which stands outside the axes
        figure.legends[0].set_title(wrapped, prop=FontProperties(size=9))
        figure.legends[0].get_title().set_color(COLOURS[1])
        figure.legends[0].set_alignment("left")
    elif wrapped not in above:
        said = "\n".join(filter(None, (wrapped, above)))
        figure.suptitle(said, fontsize=9, color=COLOURS[1], x=0.01, ha="left")
    return figure


def doubts(result: Unmixing) -> str:
    """Say what a picture of intervals must say: the doubt of the result, and that nobody looked for other solutions."""
    posterior, alone = result.posterior, len(result.names) == 1
    told = alone or (np.array(result.known) | np.array(result.unique)).all()
    searched = posterior is None or posterior.rotations is not None or told
    unsearched = "" if searched else "intervals without other solutions that fit as well"
    return "; ".join(filter(None, (result.doubt, unsearched)))


def titles(result: Unmixing, separator: str = " ") -> Sequence[str]:
    """Name each component with its share of all counts, where shares have a meaning.

    With a posterior, the 90 % interval follows after `separator`, and the title says where the counts do not determine
    the share.
    """
    shares = say_shares(result.estimate, result.info, result.names, separator)
    return [f"{name} · {share}" if share else name for name, share in zip(result.names, shares, strict=True)]
