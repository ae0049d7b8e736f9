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

References
----------
.. [1] M. A. Newton et al., "Detecting differential gene expression with a semiparametric hierarchical mixture method",
   Biostatistics 5 (2004) 155-176.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse
from scipy.special import gammaln, logsumexp

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.amounts.piece_and_rest import FEW, MANY, probability_of_chance, share_of_other
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.words import say_phase

FALSE_DISCOVERIES = 0.05
N_GROUPS = 60
PRIOR_COUNTS = 60.0
WRONG_BEFORE = 0.05  # share of pieces with a wrong label, before the photons are seen
LEAST_COUNTS = 30  # of a piece
LEAST_REST = 100  # counts of the other pieces of a phase
MOST_TESTED = 100  # of the pieces that are listed
MOST_SAID = 10  # of them, in sentences; their p-values are found from many draws
MAJORITY = 0.5
MOST_FLAGGED = 0.5  # of a piece: what is flagged in more of it is about the whole piece
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
    suspects : tuple of Piece
        Those that are listed, the most suspect first; at most `MOST_TESTED`.
    listed : (H, W) bool array
        Pixels of all pieces that are listed: the mean probability of their labels is below the false discovery rate.
    numbers : (H, W) int array
        Number of the piece of each pixel, from 0; -1 for pixels of none.
    n_listed, n_compared, n_not_compared : int
        Pieces that are listed, that were compared, and that have too few counts or are the only one of their phase.
    evidence : tuple of Evidence
        One for each of the first suspects, but for those that were flagged.
    """

    suspects: tuple[Piece, ...]
    listed: np.ndarray
    numbers: np.ndarray
    n_listed: int
    n_compared: int
    n_not_compared: int
    evidence: tuple[Evidence, ...]


class _Sum(NamedTuple):
    phase: int
    number: int
    pixels: int
    centre: tuple[float, float]
    counts: np.ndarray
    is_flagged: bool


class _Compared(NamedTuple):
    """Hold a piece, the phase that it looks most like, and the spectra of all other phases."""

    of: _Sum
    looks_like: int
    log_odds: float
    p_label: float
    spectra: list[np.ndarray]


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
    compared = []
    for one in sums:
        rest = totals[one.phase] - one.counts
        others = [k for k in range(len(totals)) if k != one.phase and totals[k].sum() >= LEAST_REST]
        if rest.sum() >= LEAST_REST and others:
            compared.append(_compared(one, rest, totals, others, areas, PRIOR_COUNTS * whole))
    compared.sort(key=lambda found: (found.p_label, -found.log_odds))
    mean = np.cumsum([found.p_label for found in compared]) / np.arange(1, len(compared) + 1)
    n_listed = int((mean <= FALSE_DISCOVERIES).sum())
    suspects, n_said = [], 0
    for found in compared[: min(n_listed, MOST_TESTED)]:
        n_said += not found.of.is_flagged
        many = n_said <= MOST_SAID and not found.of.is_flagged
        suspects.append(_piece(found, totals, MANY if many else FEW, rng))
    return SuspectPieces(
        tuple(suspects),
        np.isin(numbers, [found.of.number for found in compared[:n_listed]]),
        numbers,
        n_listed,
        len(compared),
        n_small + len(sums) - len(compared),
        tuple(_evidence(piece, len(compared), case) for piece in suspects if not piece.is_flagged)[
            :MOST_SAID
        ],
    )


def _sums(case: Case, flagged: np.ndarray | None) -> tuple[list[_Sum], np.ndarray, int]:
    """Return the pieces that have enough counts, the number of each pixel's piece, and how many have too few."""
    groups = groups_by_counts(case.image.sum_spectrum(), N_GROUPS)
    grouped = case.image.counts.astype(np.float64) @ summing_matrix(groups).T
    numbers = np.full(case.labels.shape, -1)
    sums, n_small, n = [], 0, 0
    for phase, area, is_flagged in _areas(case, flagged):
        of_piece, n_pieces = ndimage.label(area)
        numbers[area] = of_piece[area] + n - 1
        row = of_piece.ravel()[area.ravel()] - 1
        shape = (n_pieces, row.size)
        members = sparse.csr_array((np.ones(row.size), (row, np.arange(row.size))), shape=shape)
        counts = (members @ grouped[np.flatnonzero(area.ravel())]).toarray()
        pixels = np.bincount(row, minlength=n_pieces)
        centres = np.stack([members @ at for at in np.nonzero(area)], axis=1) / pixels[:, None]
        enough = np.flatnonzero(counts.sum(axis=1) >= LEAST_COUNTS)
        sums += [
            _Sum(
                phase,
                n + k,
                int(pixels[k]),
                (float(centres[k, 0]), float(centres[k, 1])),
                counts[k],
                is_flagged,
            )
            for k in enough.tolist()
        ]
        n_small += n_pieces - enough.size
        n += n_pieces
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
) -> _Compared:
    own = _log_evidence(one.counts, rest + prior)
    odds = np.array([_log_evidence(one.counts, totals[k] + prior) - own for k in others])
    elsewhere = np.maximum(areas[others], 1.0)
    prior_odds = np.log(WRONG_BEFORE / (1 - WRONG_BEFORE) * elsewhere / elsewhere.sum())
    likeliest = int(np.argmax(odds + prior_odds))
    spectra = [(totals[k] + prior) / (totals[k] + prior).sum() for k in others]
    p_label = float(np.exp(-logsumexp([0.0, *(odds + prior_odds)])))
    return _Compared(one, others[likeliest], float(odds[likeliest]), p_label, spectra)


def _piece(found: _Compared, totals: np.ndarray, draws: int, rng: np.random.Generator) -> Piece:
    """Test a piece that is listed, and say how much of it is something else."""
    one, other = found.of, found.looks_like
    rest = totals[one.phase] - one.counts
    return Piece(
        one.phase,
        other,
        one.number,
        one.pixels,
        int(one.counts.sum()),
        one.centre,
        found.log_odds,
        found.p_label,
        probability_of_chance(one.counts, rest, found.spectra, draws, rng),
        share_of_other(one.counts, rest, totals[other], rng),
        one.is_flagged,
    )


def _log_evidence(counts: np.ndarray, prior: np.ndarray) -> float:
    """Return the log probability of counts whose shares are drawn from a Dirichlet distribution, but for a constant."""
    counts, prior = counts[prior > 0], prior[prior > 0]  # in the other groups no piece has a count
    total = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum())
    return float(total + (gammaln(prior + counts) - gammaln(prior)).sum())


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
