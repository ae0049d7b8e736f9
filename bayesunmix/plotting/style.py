"""Colours, the probability of intervals, and the title of a component, as all pictures use them.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; maps use `viridis`, and signed ones (PCA,
ICA) `PuOr` centred on zero.
"""

from collections.abc import Sequence

from bayesunmix.data.display.words import say_shares
from bayesunmix.data.result import Unmixing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LEVEL = 0.9


def titles(result: Unmixing, separator: str = " ") -> Sequence[str]:
    """Name each component with its share of all counts, where shares have a meaning.

    With a posterior, the 90 % interval follows after `separator`, and the title says where the counts do not determine
    the share.
    """
    shares = say_shares(result.estimate, result.info, result.names, separator)
    return [f"{name} · {share}" if share else name for name, share in zip(result.names, shares, strict=True)]
