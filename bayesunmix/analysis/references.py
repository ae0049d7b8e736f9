r"""Compare a given spectrum with what the components can make: the rotation's row for it, and what is left over.

The row is the least-squares mixture of the estimated spectra. What no mixture explains is half of the summed absolute
difference between both spectra, in groups of channels that hold equal shares of the two, so that noise and a small
shift of the axis do not matter.
"""

import numpy as np

from bayesunmix.analysis.feasible_evidence import estimator
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage

GROUPS = 64  # of channels
CONTRADICTS = 0.1  # of the given spectrum; noise of 1000 counts leaves about as much


def reference_row(spectrum: np.ndarray, estimate: Factorization, image: SpectrumImage) -> np.ndarray:
    """Return the row of the rotation, (K,), that gives a component this spectrum.

    Raises
    ------
    TypeError, ValueError
        If it is no spectrum on the channels of the image.
    """
    row = estimator(estimate.endmembers, image.sum_spectrum()) @ _scaled(spectrum, image)
    return np.asarray(row / row.sum())


def unexplained_share(spectrum: np.ndarray, explained: np.ndarray, image: SpectrumImage) -> float:
    """Return the share of a given spectrum that another one, (C,), does not explain."""
    given = _scaled(spectrum, image)
    made = np.maximum(explained, 0)
    made = made / made.sum()
    share = np.cumsum(given + made) / 2
    group = np.minimum((GROUPS * (share - (given + made) / 4)).astype(int), GROUPS - 1)
    return float(np.abs(np.bincount(group, given - made)).sum() / 2)


def _scaled(spectrum: np.ndarray, image: SpectrumImage) -> np.ndarray:
    try:
        found = np.asarray(spectrum, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a reference spectrum must be an array of {image.n_channels} numbers, got {spectrum!r}; give one on the "
            "channels of the image"
        ) from error
    if found.shape != (image.n_channels,) or not np.isfinite(found).all() or (found < 0).any():
        raise ValueError(
            f"a reference spectrum must have {image.n_channels} finite values, none negative, got shape "
            f"{found.shape}; bring it to the channels of the image"
        )
    if not found.sum() > 0:
        raise ValueError("a reference spectrum must not be empty; give one with counts")
    return np.asarray(found / found.sum())
