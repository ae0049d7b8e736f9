"""Measure how far the boundaries of the phase maps are off: average symmetric surface distance, in pixels.

The mean, over all pieces of boundary of either map (see `scoring.phase_map`), of the distance to the nearest piece
of the other map's (Heimann et al. 2009, https://doi.org/10.1109/TMI.2009.2013851). A piece is the edge
between two neighbouring pixels of the specimen; its surface and the vacuum are no boundary. Boundaries that were
invented count like those that were missed.

A series (three navigation axes) is taken image by image. Where one map of an image has no boundary at all, the other's
are as far off as the image is long, corner to corner; where neither has one, nothing is wrong.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import NONE, phase_maps
from simulations.trial import Trial


@metric(label="Boundary error", unit="px", best="low")
def boundary_error(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean distance between the boundaries of the two phase maps, pixels."""
    truth, estimate = phase_maps(trial, unmixing)
    image_shape = trial.phantom.navigation_shape[-2:]
    total, n_pieces = 0.0, 0
    for true, estimated in zip(*(m.reshape(-1, *image_shape) for m in (truth, estimate)), strict=True):
        asked = true != NONE
        a, b = (_boundary(labels, asked) for labels in (true, estimated))
        total += _distances(a, b).sum() + _distances(b, a).sum()
        n_pieces += int(a.sum() + b.sum())
    return float(total / n_pieces) if n_pieces else 0.0


def _boundary(labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Mark edges between unlike neighbours, on a grid of half the step whose even places are the pixels."""
    edges = np.zeros([2 * n - 1 for n in labels.shape], bool)
    axes = range(labels.ndim)
    for axis in axes:
        one, other = (
            tuple(part if a == axis else slice(None) for a in axes)
            for part in (slice(None, -1), slice(1, None))
        )
        between = tuple(slice(int(a == axis), None, 2) for a in axes)
        edges[between] = (labels[one] != labels[other]) & asked[one] & asked[other]
    return edges


def _distances(edges: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance of each edge to the nearest of the others, in pixels."""
    if not others.any():
        return np.full(np.count_nonzero(edges), np.linalg.norm(np.array(edges.shape) + 1) / 2)
    return distance_transform_edt(~others, sampling=0.5)[edges]
