"""Find how many counts would decide: to tell two spectra apart, and to make an interval as narrow as a tolerance.

Of two known spectra the likelihood ratio tells best which one some photons come from. Its error is found by drawing
photons; the Chernoff information [1]_ only says where to begin, since its bound asks for up to twice as many.

References
----------
.. [1] H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations",
   Ann. Math. Stat. 23 (1952) 493-507.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from bayesunmix.contracts.arguments import require_seed
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case
from bayesunmix.validation.words import say_counts

N_DRAWS = 10_000
MOST_COUNTS = 1e9
LEAST_MORE = (
    1.2  # times narrower, where the interval fits and other parts of the report ask for more certainty
)
CLOSE = 0.02
FEW = 32  # counts: up to these, photons are drawn one by one
GROUPS = 64  # of channels with like ratios
IMPOSSIBLE = 1e-9  # share of the other spectrum in each: no photon is impossible
LEAST_INFORMATION = 1e-12


@dataclass(frozen=True)
class Pair:
    """Hold what it takes to tell two phases apart.

    Parameters
    ----------
    names : (str, str)
    counts : float
        Counts that a pixel needs; inf where the spectra are the same.
    pixels : float
        Pixels that a piece needs at the counts per pixel of the map.
    sentence : str
    """

    names: tuple[str, str]
    counts: float
    pixels: float
    sentence: str


def counts_to_tell(spectrum_a: Any, spectrum_b: Any, error: float = 0.05, seed: int = 0) -> float:
    """Return the smallest number of counts that tells two spectra apart.

    Parameters
    ----------
    spectrum_a, spectrum_b : (C,) arrays
        In any scale, not negative.
    error : float
        Probability to choose the wrong one, where each is as likely before; between 0 and 1/2.
    seed : int
        Of the photons that are drawn; the same seed gives the same answer.

    Returns
    -------
    float
        A whole number, or inf where the spectra are the same.

    Raises
    ------
    ValueError
        If the spectra are not two rows of as many channels, have negative values or are empty, or the error does not
        lie between 0 and 1/2.

    Examples
    --------
    >>> from bayesunmix.validation.amounts.counts_needed import counts_to_tell
    >>> counts_to_tell([0.6, 0.4], [0.4, 0.6])
    67.0
    """
    require_seed(seed)
    if not 0 < error < 0.5:
        raise ValueError(f"error must lie between 0 and 0.5, got {error}; 0.05 is usual")
    a, b = _validated(spectrum_a, spectrum_b)
    information = chernoff_information(a, b)
    if information < LEAST_INFORMATION:
        return math.inf
    grouped = _by_ratio(a, b)

    def error_at(counts: int) -> float:
        rng = np.random.default_rng([seed, counts])
        return (
            _error(a, b, counts, rng, _singly) if counts <= FEW else _error(*grouped, counts, rng, _at_once)
        )

    return _smallest(error_at, error, -math.log(2 * error) / information)


def chernoff_information(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Chernoff information of two spectra that sum to one: the error falls as exp(-N C) at least."""

    def log_overlap(t: float) -> float:
        return float(np.log((a**t * b ** (1 - t)).sum()))

    return -float(minimize_scalar(log_overlap, bounds=(0, 1), method="bounded").fun)


def counts_for(per_pixel: float, arm: float, gap: float) -> float:
    """Return the counts per pixel at which an interval's arm, which falls as one over their root, fits into a gap."""
    return math.inf if gap <= 0 else per_pixel * max(arm / gap, LEAST_MORE) ** 2


def dose_ladder(
    case: Case, result: Unmixing, members: tuple[tuple[int, ...], ...], error: float = 0.05
) -> tuple[Pair, ...]:
    """Return what it takes to tell each two phases of a claim apart, the hardest first.

    Parameters
    ----------
    case : Case
    result : Unmixing
    members : tuple of K tuples of int
        Components of the result that each phase is, none for a phase without one (`Confusion.members`).
    error : float
    """
    per_pixel = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    endmembers = result.estimate.endmembers
    size = result.estimate.abundances.sum(axis=0)
    claimed = [k for k in range(len(members)) if members[k]]
    pairs = []
    for i, a in enumerate(claimed):
        for b in claimed[i + 1 :]:
            if members[a] == members[b]:  # one thing under two names
                continue
            one, other = (size[list(members[k])] @ endmembers[list(members[k])] for k in (a, b))
            names = case.names[a], case.names[b]
            counts = counts_to_tell(one, other, error, case.seed)
            pixels = math.inf if math.isinf(counts) else math.ceil(counts / per_pixel)
            pairs.append(Pair(names, counts, pixels, _say(names, counts, pixels, per_pixel)))
    return tuple(sorted(pairs, key=lambda pair: -pair.counts))


def _say(names: tuple[str, str], counts: float, pixels: float, per_pixel: float) -> str:
    if math.isinf(counts):
        return f"{names[0]} and {names[1]} have the same spectrum: no number of counts tells them apart."
    at = f"At {say_counts(per_pixel)} counts per pixel"
    if pixels <= 1:
        return f"{at} a pixel of {names[0]} can be told from one of {names[1]} ({say_counts(counts)} are needed)."
    return (
        f"{at} a pixel of {names[0]} cannot be told from one of {names[1]} ({say_counts(counts)} are needed); pieces "
        f"under {pixels:.0f} pixels are undecidable."
    )


def _validated(*spectra: Any) -> list[np.ndarray]:
    rows = [np.asarray(spectrum, np.float64) for spectrum in spectra]
    fine = all(row.ndim == 1 and (row >= 0).all() and 0 < row.sum() < np.inf for row in rows)
    if not fine or rows[0].shape != rows[1].shape:
        shapes = " and ".join(str(row.shape) for row in rows)
        raise ValueError(
            f"two spectra of as many channels are needed, without negative values, and none empty, got {shapes}"
        )
    a, b = (row / row.sum() for row in rows)
    a, b = a[a + b > 0], b[a + b > 0]
    return [(1 - IMPOSSIBLE) * a + IMPOSSIBLE * b, (1 - IMPOSSIBLE) * b + IMPOSSIBLE * a]


def _by_ratio(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gather channels with like ratios of the two: the ratio is all that counts."""
    order = np.argsort(np.log(a) - np.log(b), kind="stable")
    a, b = a[order], b[order]
    group = np.minimum(((np.cumsum(a + b) - (a + b) / 2) / 2 * GROUPS).astype(int), GROUPS - 1)
    # Where one of the two has next to nothing, ratios differ widely within a group: those channels stand alone.
    group = np.unique(np.stack([group, np.round(2 * (np.log(a) - np.log(b)))]), axis=1, return_inverse=True)[
        1
    ]
    return np.bincount(group.ravel(), a), np.bincount(group.ravel(), b)


def _smallest(error_at: Callable[[int], float], error: float, most: float) -> float:
    """Return the fewest counts with an error that is small enough, to 2 %; its logarithm falls almost in a line."""
    points = {0: 0.5, max(math.ceil(most), 1): 0.0}
    high = max(points)
    points[high] = error_at(high)
    while points[high] > error:  # not by Chernoff's bound, but by the chance of the draws
        high *= 2
        if high > MOST_COUNTS:
            return math.inf
        points[high] = error_at(high)
    while True:
        high = min(n for n, e in points.items() if e <= error)
        low = max(n for n in points if n < high)
        if high - low <= max(1, high * CLOSE):
            return float(high)
        logs = math.log(points[low]), math.log(max(points[high], 0.5 / N_DRAWS))
        share = (logs[0] - math.log(error)) / max(logs[0] - logs[1], 1e-9)
        guess = low + share * (high - low)
        step = max(1.0, high * CLOSE / 2)
        near = (
            guess + step if guess - low < high - guess else guess - step
        )  # past the root, to end the search there
        middle = round(near if len(points) > 3 else guess)
        points[min(max(middle, low + 1), high - 1)] = error_at(min(max(middle, low + 1), high - 1))


def _error(
    a: np.ndarray,
    b: np.ndarray,
    counts: int,
    rng: np.random.Generator,
    summed: Callable[[np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray],
) -> float:
    """Return the share of wrong choices among draws of so many photons; a tie is wrong every other time."""
    ratio = np.log(a) - np.log(b)
    of_a, of_b = summed(a, ratio, counts, rng), summed(b, ratio, counts, rng)
    tie = 1e-9 * float(np.abs(ratio).max())
    wrong_a = (of_a < -tie).mean() + (np.abs(of_a) <= tie).mean() / 2
    wrong_b = (of_b > tie).mean() + (np.abs(of_b) <= tie).mean() / 2
    return float(wrong_a + wrong_b) / 2


def _singly(p: np.ndarray, ratio: np.ndarray, counts: int, rng: np.random.Generator) -> np.ndarray:
    """Draw photons one by one, and sum their log ratios."""
    channel = np.searchsorted(
        np.cumsum(p) / p.sum(), rng.random((N_DRAWS * FEW // counts, counts)), side="right"
    )
    return np.asarray(ratio[np.minimum(channel, p.size - 1)].sum(axis=1))


def _at_once(p: np.ndarray, ratio: np.ndarray, counts: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how many photons each channel gets, and sum their log ratios."""
    return np.asarray(rng.multinomial(counts, p / p.sum(), N_DRAWS) @ ratio)
