r"""Find pieces of a label map that look more like another phase than like the other pieces of their own.

A piece is a connected area of a phase's core. Its photons x, in G groups of channels, are compared with those of the
other pieces of its phase, y, by the Dirichlet-multinomial odds

.. math:: \log \frac{p(x \mid y')}{p(x \mid y)}, \\
   p(x \mid y) \propto \frac{\Gamma(\sum_g a_g)}{\Gamma(\sum_g a_g + x_g)}
   \prod_g \frac{\Gamma(a_g + x_g)}{\Gamma(a_g)}, \quad a = y + c\, p,

with y' of another phase, and a prior of c photons of the whole map's spectrum p. The spectrum of a phase that has few
photons is known badly, and the odds include that. Before the photons are seen, one piece in twenty is taken to be
wrong, and another phase to be as likely as its area is large. Pieces are listed while the mean probability of their
labels over the list stays below the false discovery rate [1]_.

Whether chance may have made a piece is decided exactly: if it is of its phase, its photons are a random part of those
of piece and rest. Directions to look in are made from the sum of both; made from the rest alone they would find every
piece unlike it.

References
----------
.. [1] M. A. Newton et al., "Detecting differential gene expression with a semiparametric hierarchical mixture method",
   Biostatistics 5 (2004) 155-176.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import gammaln, logsumexp

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.amounts.photon_rows import Part, quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.words import say_phase

FALSE_DISCOVERIES = 0.05
N_GROUPS = 60
PRIOR_COUNTS = 60.0
WRONG_BEFORE = 0.05  # share of pieces with a wrong label, before the photons are seen
LEAST_COUNTS = 30  # of a piece
LEAST_REST = 100  # counts of the other pieces of a phase
PERMUTATIONS, MANY = 999, 99_999
RARE = 10  # exceedances of the first permutations, below which the many are drawn
MOST_RARE = 20
MIX = 0.1  # of another phase in the direction that is looked in
MAJORITY = 0.5
MOST_FLAGGED = 0.5  # of a piece: what is flagged in more of it is about the whole piece
LEAST_MIDDLE = 1e-3  # of the sum of two spectra in a group, for the weight of its photons
_SEED = 503


@dataclass(frozen=True, eq=False)
class Piece:
    """Hold a connected area that is called one phase.

    Parameters
    ----------
    phase, looks_like : int
        The phase that it is called, and the other that it looks most like.
    number : int
        Its number in `SuspectPieces.numbers`.
    pixels, counts : int
    centre : (float, float)
        Row and column, in pixels.
    log_odds : float
        For the other phase, against the one that it is called, by the photons alone.
    p_label : float
        Probability that it is what it is called.
    p_value : float
        Probability of photons as unlike the rest of its phase as these, by chance; exact.
    content : Quantity
        Share of its counts that is the other phase.
    is_flagged : bool
        Whether it was cut out of a larger one because another test found it unlike the rest. Its p-value means nothing
        then, and it is evidence of that test.
    """

    phase: int
    looks_like: int
    number: int
    pixels: int
    counts: int
    centre: tuple[float, float]
    log_odds: float
    p_label: float
    p_value: float
    content: Quantity
    is_flagged: bool = False


@dataclass(frozen=True, eq=False)
class SuspectPieces:
    """Hold the pieces of a label map that look like another phase.

    Parameters
    ----------
    pieces : tuple of Piece
        All that could be compared, the most suspect first.
    listed : int
        So many of them are listed: the mean probability of their labels is below the false discovery rate.
    numbers : (H, W) int array
        Number of the piece of each pixel, from 0; -1 for pixels of none.
    not_compared : int
        Pieces with too few counts, or that are the only one of their phase.
    evidence : tuple of Evidence
        One for each piece that is listed, but for those that were flagged.
    """

    pieces: tuple[Piece, ...]
    listed: int
    numbers: np.ndarray
    not_compared: int
    evidence: tuple[Evidence, ...]

    @property
    def suspects(self) -> tuple[Piece, ...]:
        """Return the pieces that are listed."""
        return self.pieces[: self.listed]


class _Sum(NamedTuple):
    phase: int
    number: int
    pixels: int
    centre: tuple[float, float]
    counts: np.ndarray
    is_flagged: bool


def suspect_pieces(case: Case, flagged: np.ndarray | None = None) -> SuspectPieces:
    """Compare each piece of each phase with the other pieces, and with the other phases.

    Parameters
    ----------
    case : Case
    flagged : (H, W) bool array, optional
        Pixels of windows that another test found unlike their phase. They become pieces of their own.
    """
    rng = np.random.default_rng([case.seed, _SEED])
    sums, numbers, n_small = _sums(case, flagged)
    totals = np.zeros((len(case.names), sums[0].counts.size if sums else 1))
    for one in sums:
        totals[one.phase] += one.counts
    areas = np.array([float((case.labels == k).sum()) for k in range(len(case.names))])
    whole = totals.sum(axis=0) / max(totals.sum(), 1)
    pieces = []
    for one in sums:
        rest = totals[one.phase] - one.counts
        others = [k for k in range(len(totals)) if k != one.phase and totals[k].sum() >= LEAST_REST]
        if rest.sum() < LEAST_REST or not others:
            continue
        pieces.append(_compared(one, rest, totals, others, areas, PRIOR_COUNTS * whole, rng))
    pieces.sort(key=lambda piece: (piece.p_label, -piece.log_odds))
    mean = np.cumsum([piece.p_label for piece in pieces]) / np.arange(1, len(pieces) + 1)
    listed = int((mean <= FALSE_DISCOVERIES).sum())
    evidence = tuple(_evidence(piece, len(pieces), case) for piece in pieces[:listed] if not piece.is_flagged)
    return SuspectPieces(tuple(pieces), listed, numbers, n_small + len(sums) - len(pieces), evidence)


def _sums(case: Case, flagged: np.ndarray | None) -> tuple[list[_Sum], np.ndarray, int]:
    """Return the pieces that have enough counts, the number of each pixel's piece, and how many have too few."""
    groups = groups_by_counts(case.image.sum_spectrum(), N_GROUPS)
    grouped = case.image.counts.astype(np.float64) @ summing_matrix(groups).T
    numbers = np.full(case.labels.shape, -1)
    sums, n_small, n = [], 0, 0
    for phase, area, is_flagged in _areas(case, flagged):
        of_piece, n_pieces = ndimage.label(area)
        for k, centre in enumerate(ndimage.center_of_mass(area, of_piece, range(1, n_pieces + 1)), 1):
            inside = of_piece == k
            numbers[inside] = n
            counts = np.asarray(grouped[np.flatnonzero(inside.ravel())].sum(axis=0)).ravel()
            if counts.sum() >= LEAST_COUNTS:
                middle = float(centre[0]), float(centre[1])
                sums.append(_Sum(phase, n, int(inside.sum()), middle, counts, is_flagged))
            else:
                n_small += 1
            n += 1
    return sums, numbers, n_small


def _areas(case: Case, flagged: np.ndarray | None) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Yield the cores of the phases; what is flagged in them comes apart, where it is the smaller part of a piece."""
    for phase in range(len(case.names)):
        core = case.core_of(phase)
        if flagged is None:
            yield phase, core, False
            continue
        piece, n_pieces = ndimage.label(core)
        pixels, of_them = (
            np.bincount(piece[some], minlength=n_pieces + 1) for some in (core, core & flagged)
        )
        apart = core & flagged & (of_them <= MOST_FLAGGED * pixels)[piece]
        yield phase, apart, True
        yield phase, core & ~apart, False


def _compared(
    one: _Sum,
    rest: np.ndarray,
    totals: np.ndarray,
    others: list[int],
    areas: np.ndarray,
    prior: np.ndarray,
    rng: np.random.Generator,
) -> Piece:
    own = _log_evidence(one.counts, rest + prior)
    odds = np.array([_log_evidence(one.counts, totals[k] + prior) - own for k in others])
    elsewhere = np.maximum(areas[others], 1.0)
    prior_odds = np.log(WRONG_BEFORE / (1 - WRONG_BEFORE) * elsewhere / elsewhere.sum())
    likeliest = int(np.argmax(odds + prior_odds))
    other = others[likeliest]
    spectra = [(totals[k] + prior) / (totals[k] + prior).sum() for k in others]
    return Piece(
        one.phase,
        other,
        one.number,
        one.pixels,
        int(one.counts.sum()),
        one.centre,
        float(odds[likeliest]),
        float(np.exp(-logsumexp([0.0, *(odds + prior_odds)]))),
        _exact_p(one.counts, rest, spectra, rng) if odds.max() > 0 else 1.0,
        _content(one.counts, rest, totals[other], rng),
        one.is_flagged,
    )


def _log_evidence(counts: np.ndarray, prior: np.ndarray) -> float:
    """Return the log probability of counts whose shares are drawn from a Dirichlet distribution, but for a constant."""
    counts, prior = counts[prior > 0], prior[prior > 0]  # in the other groups no piece has a count
    total = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum())
    return float(total + (gammaln(prior + counts) - gammaln(prior)).sum())


def _exact_p(
    counts: np.ndarray, rest: np.ndarray, spectra: list[np.ndarray], rng: np.random.Generator
) -> float:
    """Return how often a random part of piece and rest leans as far to any other phase as the piece does."""
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
    for n_draws in (PERMUTATIONS, MANY):
        drawn = rng.multivariate_hypergeometric(both, n, n_draws, method="marginals")
        exceeding = int((lean(drawn) >= seen).sum())
        if exceeding > RARE:
            break
    return (1 + exceeding) / (n_draws + 1)


def _content(counts: np.ndarray, rest: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> Quantity:
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


def _evidence(piece: Piece, n_pieces: int, case: Case) -> Evidence:
    phase, other = case.names[piece.phase], case.names[piece.looks_like]
    at = f"the piece of {piece.pixels} pixels at row {piece.centre[0]:.0f}, column {piece.centre[1]:.0f}"
    share, sd = 100 * min(max(piece.content.mean, 0.0), 1.0), 100 * piece.content.sd
    looks = f"is {share:.0f} +- {max(sd, 0.5):.0f} % {other}"
    if sd >= 50:
        looks = f"is more like {other} than like the rest, and how much of it is {other} cannot be told"
    return Evidence(
        say_phase(phase),
        "Is each piece of it what its label says?",
        "pieces",
        f"In {say_phase(phase)} {at} {looks} (log odds {piece.log_odds:.0f}, {piece.counts} counts)",
        piece.content,
        MAJORITY,
        p_against=min(1.0, n_pieces * piece.p_value),
    )
