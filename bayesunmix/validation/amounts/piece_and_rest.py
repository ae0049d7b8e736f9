"""Compare the photons of one piece of a phase with those of the other pieces.

Whether chance may have made the piece is decided exactly: if it is of its phase, its photons are a random part of those
of piece and rest. Directions to look in are made from the sum of both; made from the rest alone they would find every
piece unlike it.
"""

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.amounts.photon_rows import Part, quantity

FEW, MANY = 999, 99_999
RARE = 10  # exceedances of the first permutations, below which the many are drawn
MIX = 0.1  # of another phase in the direction that is looked in
LEAST_MIDDLE = 1e-3  # of the sum of two spectra in a group, for the weight of its photons


def probability_of_chance(
    counts: np.ndarray, rest: np.ndarray, spectra: list[np.ndarray], draws: int, rng: np.random.Generator
) -> float:
    """Return how often a random part of piece and rest leans as far to any other phase as the piece does.

    That is found from `FEW` draws, and from as many as are asked for where these are too few.
    """
    both = (counts + rest).astype(np.int64)
    own = both / both.sum()
    directions = np.array([np.log1p(MIX * (other / np.maximum(own, 1e-12) - 1)) for other in spectra])
    directions[:, both == 0] = 0
    n, share = int(counts.sum()), counts.sum() / both.sum()
    mean = directions @ own
    sd = np.sqrt(np.maximum(directions**2 @ own - mean**2, 1e-300) * n * max(1 - share, 1e-9))

    def lean(drawn: np.ndarray) -> np.ndarray:
        return np.asarray(((drawn @ directions.T - n * mean) / sd).max(axis=-1))

    seen = lean(counts) - 1e-9
    for n_draws in (FEW, draws):
        drawn = rng.multivariate_hypergeometric(both, n, n_draws, method="marginals")
        exceeding = int((lean(drawn) >= seen).sum())
        if exceeding > RARE or n_draws == draws:
            break
    return (1 + exceeding) / (n_draws + 1)


def share_of_other(
    counts: np.ndarray, rest: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> Quantity:
    """Return the share of a piece's counts that is another phase, between the spectra of the rest and of that phase.

    Half of the photons of both spectra make the weights, the other half is compared: noise in both would look like a
    difference.
    """
    halves = [rng.binomial(some.astype(np.int64), 0.5) for some in (rest, other)]
    share, length, noise, of_spectra = 0.0, 0.0, 0.0, 0.0
    x, n = counts / counts.sum(), counts.sum()
    for turned in (False, True):
        used = [some - half if turned else half for some, half in zip((rest, other), halves, strict=True)]
        kept = [some - one for some, one in zip((rest, other), used, strict=True)]
        if min(one.sum() for one in [*used, *kept]) <= 0:
            break
        (a, b), (c, d) = ([one / one.sum() for one in some] for some in (used, kept))
        weight = (b - a) / np.maximum(a + b, LEAST_MIDDLE)
        share, length = share + weight @ (x - c), length + weight @ (d - c)
        spread = [float(np.sqrt(max(weight**2 @ p - (weight @ p) ** 2, 0))) for p in (x, c, d)]
        noise, of_spectra = (
            noise + spread[0],
            of_spectra
            + np.hypot(*(s / np.sqrt(one.sum()) for s, one in zip(spread[1:], (rest, other), strict=True))),
        )
    if length <= 0:
        return quantity(Part(0.0, 1.0, np.empty(0), np.zeros(1)))
    draws = share / length + of_spectra / length * np.array([-1, 1])
    return quantity(Part(share / length, noise / length / np.sqrt(n), draws, np.full(1, share / length)))
