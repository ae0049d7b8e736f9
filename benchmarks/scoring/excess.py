"""Fill up the truth where a result has more components: the truth has no counts of them (see `scoring.pairing`)."""

import numpy as np


def with_excess(truth: np.ndarray, n_components: int) -> np.ndarray:
    """Append columns of zeros to the abundances of the truth, (P, K), until there are `n_components` of them."""
    return np.pad(truth, [(0, 0), (0, n_components - truth.shape[1])])
