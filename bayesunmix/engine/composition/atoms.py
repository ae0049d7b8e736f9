r"""List the compositions that a pixel may have: pure, or a mixture of two or three components with exact zeros.

An *atom* is one composition, the shares :math:`f_1, \dots, f_K` of a pixel's expected counts. A pixel of a pure atom
contains exactly nothing of the other components, which no continuous prior can say. Mixtures stand on a grid:
pairs in steps of 0.1, triples in steps of 0.2. The same idea, with one or two cell types a spot, is the "doublet" mode
of RCTD [1]_.

References
----------
.. [1] D. M. Cable et al., "Robust decomposition of cell type mixtures in spatial transcriptomics", Nat. Biotechnol. 40,
   517 (2022).
"""

import itertools
from functools import cache

import numpy as np

PAIR_STEPS, TRIPLE_STEPS = 10, 5  # a pair has shares in steps of 1 / 10
MOST_WITH_TRIPLES = 4  # components; the triples of more would outnumber all other atoms
_FEWER_STEPS = 5  # of pairs
_MOST_FINE = 6  # components with fine pairs


@cache
def palette(n_components: int) -> np.ndarray:
    """List the atoms of K components, pure ones first.

    Returns
    -------
    (M, K) float64 array
        Rows sum to one. It is read-only, because all callers share it.
    """
    steps = PAIR_STEPS if n_components <= _MOST_FINE else _FEWER_STEPS
    rows = [*_mixtures(n_components, 1, 1), *_mixtures(n_components, 2, steps)]
    if n_components <= MOST_WITH_TRIPLES:
        rows += _mixtures(n_components, 3, TRIPLE_STEPS)
    atoms = np.array(rows)
    atoms.flags.writeable = False
    return atoms


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
