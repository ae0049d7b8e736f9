r"""List the compositions that a pixel may have: pure, or a mixture of two or three components with exact zeros.

An *atom* is one composition, the shares :math:`f_1, \dots, f_K` of a pixel's expected counts. A pixel of a pure atom
contains exactly nothing of the other components, which no continuous prior can say. Mixtures stand on a grid: pairs in
steps of 0.1, triples in steps of 0.2. A pair stands for its *cell*, all shares that are closer to it than to the next
pair, so that many counts find compositions between the grid points. The same idea, with one or two cell types a spot,
is the "doublet" mode of RCTD [1]_.

References
----------
.. [1] D. M. Cable et al., "Robust decomposition of cell type mixtures in spatial transcriptomics", Nat. Biotechnol. 40,
   517 (2022).
"""

import itertools
from functools import cache
from typing import NamedTuple

import numpy as np

PAIR_STEPS, TRIPLE_STEPS = 10, 5  # a pair has shares in steps of 1 / 10
MOST_WITH_TRIPLES = 4  # components; the triples of more would outnumber all other atoms
_FEWER_STEPS = 5  # of pairs
_MOST_FINE = 6  # components with fine pairs


class Palette(NamedTuple):
    """Hold the atoms of K components and the cells around them. Arrays are read-only, because all callers share them.

    Attributes
    ----------
    atoms : (M, K) float64 array
        Pure ones first; rows sum to one.
    halves : (M, K) float64 array
        From the middle of the cell of an atom to its end; 0 for pure atoms and triples.
    knots : (N, K) float64 array
        The atoms, and then the ends of all cells.
    ends : (2, M) int array
        The knots at the two ends of each cell.
    """

    atoms: np.ndarray
    halves: np.ndarray
    knots: np.ndarray
    ends: np.ndarray


@cache
def palette(n_components: int) -> Palette:
    """List the atoms of K components and their cells."""
    steps = PAIR_STEPS if n_components <= _MOST_FINE else _FEWER_STEPS
    rows = [*_mixtures(n_components, 1, 1), *_mixtures(n_components, 2, steps)]
    if n_components <= MOST_WITH_TRIPLES:
        rows += _mixtures(n_components, 3, TRIPLE_STEPS)
    atoms = np.array(rows)
    halves = np.array([_half(row, steps) for row in rows])
    finer = np.concatenate([atoms, atoms - halves, atoms + halves]).round(9)
    _, first, number = np.unique(finer, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # as they come, so that the atoms stay first
    place = np.argsort(order)[number.ravel()]
    found = Palette(atoms, halves, finer[first[order]], place.reshape(3, -1)[1:])
    for array in found:
        array.flags.writeable = False
    return found


def distances(atoms: np.ndarray) -> np.ndarray:
    """Return half of the absolute difference of each two atoms, (M, M): the share of the counts that is not common."""
    return 0.5 * np.abs(atoms[:, None] - atoms[None]).sum(axis=-1)


def _mixtures(n_components: int, n_parts: int, steps: int) -> list[np.ndarray]:
    """List all mixtures of exactly `n_parts` components, with shares in whole `steps`."""
    found = []
    for members in itertools.combinations(range(n_components), n_parts):
        for parts in itertools.product(range(1, steps + 1), repeat=n_parts):
            if sum(parts) == steps:
                row = np.zeros(n_components)
                row[list(members)] = np.array(parts) / steps
                found.append(row)
    return found


def _half(atom: np.ndarray, steps: int) -> np.ndarray:
    """Return half of a cell: for a pair, half a step from one component to the other."""
    members = np.flatnonzero(atom)
    half = np.zeros_like(atom)
    if len(members) == 2:
        half[members] = np.array([1, -1]) / (2 * steps)
    return half
