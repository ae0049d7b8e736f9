"""What the pictures share: colours, the level of intervals, and the title of a component.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; maps use `viridis`, and signed ones (PCA,
ICA) `PuOr` centred on zero.
"""

from collections.abc import Sequence

from bayesunmix.data.result import Unmixing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LEVEL = 0.9


def titles(result: Unmixing) -> Sequence[str]:
    """Name each component with its share of all counts, where shares have a meaning."""
    total = result.estimate.abundances.sum(axis=0)
    if not result.estimate.is_nonnegative or total.sum() == 0:
        return result.names
    shares = total / total.sum()
    return [f"{name} · {share:.1%} of counts" for name, share in zip(result.names, shares, strict=True)]
