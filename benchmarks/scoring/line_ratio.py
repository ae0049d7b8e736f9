"""Compute the ratio of two line windows in the spectrum of a component, with the interval that its posterior gives.

The windows are those of `bayesunmix.line_map`, without a background subtracted, so that the same ratio of a true
spectrum is exact. Where a posterior names rotations T that the counts allow, the draws T E are taken too, and the
interval is the union of the intervals under each of them.
"""

import numpy as np
from scipy import sparse

import bayesunmix as bu
from bayesunmix.data.draws import equal_tailed


def line_window(energy_kev: np.ndarray, line: str) -> np.ndarray:
    """Return True for the channels of a line, (C,) bool."""
    each = bu.SpectrumImage(sparse.eye_array(energy_kev.size, dtype=np.uint8, format="csr"), energy_kev)
    return bu.line_map(each, line).ravel() > 0


def line_ratios(endmembers: np.ndarray, energy_kev: np.ndarray, lines: tuple[str, str]) -> np.ndarray:
    """Return the ratio of two lines in spectra of shape (..., C)."""
    top, bottom = (endmembers[..., line_window(energy_kev, line)].sum(axis=-1) for line in lines)
    return top / np.maximum(bottom, 1e-12)


def line_ratio_interval(
    posterior: bu.Posterior,
    energy_kev: np.ndarray,
    lines: tuple[str, str],
    component: int,
    probability: float = 0.9,
) -> tuple[float, float]:
    """Return the interval of the ratio of two lines in the spectrum of a component."""
    flat = posterior.endmembers.reshape(-1, *posterior.endmembers.shape[2:]).astype(np.float64)
    top, bottom = (flat[..., line_window(energy_kev, line)].sum(axis=-1) for line in lines)  # (D, K)
    rotations = getattr(posterior, "rotations", None)
    rows = np.eye(flat.shape[1])[None] if rotations is None else rotations
    ends = [
        # What is negative within the noise is zero.
        equal_tailed(np.maximum(top @ row, 0) / np.maximum(bottom @ row, 1e-12), probability)
        for row in rows[:, component]
    ]
    return float(min(np.min(low) for low, _ in ends)), float(max(np.max(high) for _, high in ends))
