"""Compute the edges and the width of channels: a spectrum is an integral between two edges."""

import numpy as np


def channel_edges(energy_kev: np.ndarray) -> np.ndarray:
    """Return the edges of channels with the given centres.

    Inner edges lie half-way between neighbouring centres; the first and the last channel are symmetric about
    their centres.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres, strictly increasing.

    Returns
    -------
    edges_kev : (C + 1,) array

    Raises
    ------
    ValueError
        If there are fewer than two channels, or the centres are not finite and increasing.
    """
    centres = np.asarray(energy_kev, dtype=np.float64)
    if (
        centres.ndim != 1
        or centres.size < 2
        or not np.isfinite(centres).all()
        or (np.diff(centres) <= 0).any()
    ):
        raise ValueError(
            "energy_kev must hold at least two finite, strictly increasing channel centres, "
            f"got an array of shape {centres.shape}; give channel centres in keV"
        )
    inner = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])


def channel_width(energy_kev: np.ndarray) -> float:
    """Return the usual width of a channel in keV; 1 where there is a single channel."""
    return float(np.median(np.diff(energy_kev))) if energy_kev.size > 1 else 1.0
