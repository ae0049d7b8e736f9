r"""Recognise endmembers that were fitted to these counts channel by channel, freely or under a smoothness prior.

Such endmembers copy a part of the noise of the counts. A test that takes them for known is wrong twice: the residual
scatters less than it should, and a derivative of the model's spectrum contains the same noise. Two signs are looked
for. The residual, or its second difference along the channels, which suppresses a misfit as broad as a peak, scatters
clearly less than counting noise. Or the draws of the posterior leave every channel free: the second difference of the
sum spectrum scatters from draw to draw by more than a small part of what counting noise would give. Spectra made of
lines leave less than a thousandth; smooth ones a third and more.
"""

import numpy as np

_LESS = 0.5  # of the variance of counting noise is less whatever the number of channels
_ERRORS = 5.0  # standard errors below it
_FREE = 0.05  # fraction of the variance of counting noise
_LEAST_COUNTS = 1.0  # expected in a channel that is looked at


def fitted_to(
    counts: np.ndarray, expected: np.ndarray, totals: np.ndarray, drawn: np.ndarray | None = None
) -> bool:
    """Return True if the endmembers were fitted to these counts channel by channel.

    Parameters
    ----------
    counts, expected : (C,) arrays
        The recorded sum spectrum, and that of the estimate.
    totals : (K,) array
        Counts of each component.
    drawn : (chain, draw, K, C) array, optional
        Draws of the endmembers.
    """
    informed = expected >= _LEAST_COUNTS
    if _scatters_less((counts - expected)[informed] ** 2, expected[informed], 1.0, _LESS):
        return True
    if expected.size < 3:
        return False
    noise = _second_difference_variance(expected)
    clear = noise >= 6 * _LEAST_COUNTS
    rough = np.diff(counts - expected, 2) ** 2
    # Neighbouring second differences share channels, so there are half as many independent ones.
    if _scatters_less(rough[clear], noise[clear], 2.0, 0.0):
        return True
    if drawn is None or not clear.any():
        return False
    scatter = _second_difference_scatter(totals, drawn)
    return bool((scatter[clear] / noise[clear]).mean() > _FREE)


def _scatters_less(squares: np.ndarray, variance: np.ndarray, alike: float, enough: float) -> bool:
    """Return True if squares are clearly smaller than the variance of counting noise, or than a part that is enough.

    `alike` is how many of them share one independent value.
    """
    if not squares.size:
        return False
    ratio = squares / variance
    error = np.sqrt(alike * (2 + 1 / variance).sum()) / ratio.size
    return bool(ratio.mean() < max(enough, 1 - _ERRORS * error))


def _second_difference_variance(expected: np.ndarray) -> np.ndarray:
    return expected[:-2] + 4 * expected[1:-1] + expected[2:]


def _second_difference_scatter(totals: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return the variance over draws of the second difference of the sum spectrum, (C - 2,)."""
    sums = np.maximum(drawn.sum(axis=-1, dtype=np.float64), 1e-300)
    summed = np.einsum("sdk,sdkc->sdc", totals / sums, drawn)
    return np.asarray(np.diff(summed, 2, axis=-1).reshape(-1, drawn.shape[-1] - 2).var(axis=0))
