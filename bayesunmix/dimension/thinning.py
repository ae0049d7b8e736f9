r"""Add components while they predict held-out photons, which the fit has not seen.

Every photon is assigned at random to one of five folds. Poisson counts split into independent Poisson counts. A
factorisation of four folds, :math:`\mu = A E`, is scored on the fifth by :math:`\sum x \log \mu - \mu`. Components are
added one at a time while the score gains more than twice its error.

A component can be added in two ways, and the better one counts. *Everywhere*: maximum likelihood from starts along the
residual. *Locally*: only in superpixels whose likelihood gains more than log S by it, the price of picking them out of
S. The latter finds a precipitate of a few dozen photons, which would drown in the noise of all other superpixels.

References
----------
A. Neufeld, L. L. Gao, J. Popp, A. Battle and D. Witten, "Inference after latent variable estimation for single-cell RNA
sequencing data", Biostatistics 25, 270 (2024).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.change import Change, change_between
from bayesunmix.dimension.pooling import Pooled, sizes
from bayesunmix.running.progress import track

_FOLDS = 5
_ERRORS = 2.0  # standard errors that a gain must exceed
_SEEDS = 4
_MOST_ROUNDS = 25
_SETTLED = 0.3  # log-likelihood gained by 20 EM steps
_LEAST_SUPERPIXELS = 32
_MOST_SUPERPIXELS = 640
_BACKGROUND = 1e-3  # fraction of the product of the margins that is added: no photon is ever impossible
_PRIOR_COUNTS = 1.0  # each endmember is fitted with one count of the mean spectrum added


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Hold what further components gain on photons that were held out.

    Parameters
    ----------
    gains : (K,) array
        Log-likelihood gained by the second component, the third, ...; the last is the first that failed.
    errors : (K,) array
        Standard errors, from the scatter over folds.
    blocks : (K,) int array
        Pixels per side of the superpixels that each gain was found on.
    n_components : int
    changes : tuple of Change
        What each component that was accepted changes; the first belongs to the second component.
    """

    gains: np.ndarray
    errors: np.ndarray
    blocks: np.ndarray
    n_components: int
    changes: tuple[Change, ...] = ()

    @property
    def deviance(self) -> np.ndarray:
        """Return the held-out Poisson deviance of 1, 2, ... components, less that of one."""
        return -2 * np.concatenate([[0.0], np.cumsum(self.gains)])


class _Fit(NamedTuple):
    abundances: np.ndarray
    endmembers: np.ndarray


class _Part(NamedTuple):
    """Hold the counts of four folds with the background that every fit of them adds, and the counts of the fifth."""

    counts: np.ndarray
    background: np.ndarray
    held_out: np.ndarray


class _Size(NamedTuple):
    """Hold the folds on superpixels of one size: those that are occupied, of all (S, G) counts."""

    parts: list[_Part]
    matrix: Pooled
    occupied: np.ndarray


def held_out(image: SpectrumImage, most: int, rng: np.random.Generator) -> HeldOut:
    """Add components, up to `most`, while they predict held-out photons.

    Small superpixels come first, where materials mix least. When no further component is found, the search continues
    with larger ones, which show weak but extended components best.
    """
    accepted: list[tuple[float, float, int]] = []
    changes: list[Change] = []
    failed: tuple[float, float, int] | None = None
    fits: list[_Fit] | None = None
    matrices = sizes(image, _LEAST_SUPERPIXELS, _MOST_SUPERPIXELS)
    most = min(most, np.count_nonzero(matrices[0].counts.any(axis=1)), matrices[0].counts.shape[1])
    for size in track(_deal(matrices, rng), "held-out photons", len(matrices)):
        parts, block = size.parts, size.matrix.block
        fits = [_first(part) for part in parts] if fits is None else _refine(parts, fits)
        while len(accepted) + 1 < most:
            gain, error, grown = _try_one_more(parts, fits)
            if gain <= _ERRORS * error:
                failed = max(failed or (gain, error, block), (gain, error, block))
                break
            accepted.append((gain, error, block))
            changes.append(_change(size, fits, grown))
            fits, failed = grown, None
    gains, errors, blocks = np.array([*accepted, *([failed] if failed else [])]).reshape(-1, 3).T
    return HeldOut(gains, errors, blocks.astype(int), 1 + len(accepted), tuple(changes))


def _try_one_more(parts: list[_Part], fits: list[_Fit]) -> tuple[float, float, list[_Fit]]:
    """Return the gain of one more component on the held-out folds, its error, and the fits with it."""
    before = np.array([_score(part, fit) for part, fit in zip(parts, fits, strict=True)])
    grown = [_grow(part, fit) for part, fit in zip(parts, fits, strict=True)]
    after = np.array([[_score(part, fit) for fit in both] for part, both in zip(parts, grown, strict=True)])
    way = int(np.argmax(after.sum(axis=0)))
    gains = after[:, way] - before
    settled = [_converge(part, both[way]) for part, both in zip(parts, grown, strict=True)]
    return float(gains.sum()), float(gains.std(ddof=1) * np.sqrt(_FOLDS)), settled


def _change(size: _Size, fits: list[_Fit], grown: list[_Fit]) -> Change:
    """Return what the new component changes, on average over the folds."""
    before, after = (
        np.sum([_expected(part, fit) for part, fit in zip(size.parts, some, strict=True)], axis=0)
        for some in (fits, grown)
    )
    before, after = before / (_FOLDS - 1), after / (_FOLDS - 1)
    totals = size.matrix.counts.sum(axis=1)
    return change_between(before, after, size.occupied, totals, size.matrix.grid, size.matrix.block)


def _deal(matrices: list[Pooled], rng: np.random.Generator) -> Iterator[_Size]:
    """Split the photons into folds once, and yield the same folds on superpixels of each size, smallest first."""
    rest, folds = matrices[0].counts.astype(np.int64), []
    for left in range(_FOLDS, 0, -1):
        dealt = rng.binomial(rest, 1 / left)
        rest = rest - dealt
        fine = matrices[0]._replace(counts=dealt)
        folds.append(list(itertools.accumulate(matrices[1:], lambda fold, _: fold.coarser(), initial=fine)))
    for size in range(len(matrices)):
        occupied = np.asarray(matrices[size].counts.any(axis=1))
        total = matrices[size].counts[occupied]
        parts = [_part(total, fold[size].counts[occupied]) for fold in folds]
        yield _Size(parts, matrices[size], occupied)


def _part(total: np.ndarray, held_out: np.ndarray) -> _Part:
    # Nowhere zero: a superpixel or group may have no photon in four folds and one in the fifth.
    kept = total - held_out
    margins = np.outer(total.sum(axis=1), total.sum(axis=0)) / total.sum()
    return _Part(kept, _BACKGROUND * margins, held_out)


def _first(part: _Part) -> _Fit:
    spectrum = part.counts.sum(axis=0) + part.background.sum(axis=0)
    return _Fit(part.counts.sum(axis=1, keepdims=True), spectrum[None] / spectrum.sum())


def _refine(parts: list[_Part], fits: list[_Fit]) -> list[_Fit]:
    """Take the endmembers over to superpixels of another size."""
    refined = []
    for part, fit in zip(parts, fits, strict=True):
        n_components = len(fit.endmembers)
        shares = np.repeat(part.counts.sum(axis=1, keepdims=True) / n_components, n_components, axis=1)
        refined.append(_converge(part, _Fit(shares, fit.endmembers)))
    return refined


def _score(part: _Part, fit: _Fit) -> float:
    """Return the log-likelihood of the fifth fold, which is a quarter as large as what was fitted."""
    return float(_row_scores(part.held_out, _expected(part, fit) / (_FOLDS - 1)).sum())


def _expected(part: _Part, fit: _Fit) -> np.ndarray:
    return fit.abundances @ fit.endmembers + part.background


def _row_scores(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return (counts * np.log(expected) - expected).sum(axis=1)


def _grow(part: _Part, fit: _Fit) -> tuple[_Fit, _Fit]:
    """Add the best component that lies everywhere, and the best local one."""
    expected = _expected(part, fit)
    before = _row_scores(part.counts, expected)
    everywhere, local = [], []
    for spectrum in _directions(part.counts, expected):
        dense = _settle(part, _start(part, fit, spectrum), 20)
        everywhere.append((_row_scores(part.counts, _expected(part, dense)).sum(), dense))
    for spectrum in _outstanding(part.counts, expected):
        sparse = _restrict(part, fit, _start(part, fit, spectrum), before)
        gain = _row_scores(part.counts, _expected(part, sparse)) - before
        price = np.log(len(gain)) * (sparse.abundances[:, -1] > 0)
        local.append(((gain - price).sum(), sparse))
    best = [max(candidates, key=lambda c: c[0])[1] for candidates in (everywhere, local)]
    return _settle(part, best[0], 60), _settle(part, best[1], 20)


def _start(part: _Part, fit: _Fit, spectrum: np.ndarray) -> _Fit:
    """Give the new component a fifth of every superpixel."""
    mean = part.background.sum(axis=0) / part.background.sum()
    new = 0.99 * spectrum / max(spectrum.sum(), 1e-12) + 0.01 * mean
    abundances = np.column_stack([0.8 * fit.abundances, 0.2 * part.counts.sum(axis=1)])
    return _Fit(abundances, np.vstack([fit.endmembers, new / new.sum()]))


def _directions(counts: np.ndarray, expected: np.ndarray) -> Iterator[np.ndarray]:
    """Yield spectra along the two largest singular vectors of the residual, with either sign."""
    scaled = (counts - expected) / np.sqrt(expected)
    vectors = np.linalg.eigh(scaled.T @ scaled)[1][:, -2:] * np.sqrt(expected.sum(axis=0))[:, None]
    for vector in vectors.T:
        yield np.maximum(vector, 0)
        yield np.maximum(-vector, 0)


def _outstanding(counts: np.ndarray, expected: np.ndarray) -> Iterator[np.ndarray]:
    """Yield residual spectra of the superpixels that fit worst, and of those with the least expected peaks."""
    residual = counts - expected
    deviance = xlogy(counts, counts / expected) - residual
    misfit = np.argsort(-deviance.sum(axis=1), kind="stable")[:_SEEDS]
    peaks = np.argsort(-np.where(residual > 0, deviance, 0), axis=None, kind="stable")[:_SEEDS]
    for row in np.unique(np.concatenate([misfit, peaks // counts.shape[1]])):
        yield np.maximum(residual[row], 0)


def _restrict(part: _Part, old: _Fit, start: _Fit, before: np.ndarray) -> _Fit:
    """Fit a new component in the superpixels that need it, and leave the others and the old endmembers alone."""
    fit = start
    for _ in range(8):
        fit = fit._replace(abundances=_allocated(part, fit))
    without = np.column_stack([old.abundances, np.zeros(len(before))])
    for _ in range(3):
        gain = _row_scores(part.counts, _expected(part, fit)) - before
        needed = (gain > np.log(len(before))) & (fit.abundances[:, -1] > 0)
        if not needed.any():
            return _Fit(without, fit.endmembers)
        fit = fit._replace(abundances=np.where(needed[:, None], fit.abundances, without))
        few = _Part(part.counts[needed], part.background[needed], part.held_out[needed])
        moved = _settle(few, _Fit(fit.abundances[needed], fit.endmembers), 10, old.endmembers)
        fit.abundances[needed] = moved.abundances
        fit = fit._replace(endmembers=moved.endmembers)
    return fit


def _converge(part: _Part, fit: _Fit) -> _Fit:
    """Do EM steps until they gain hardly anything; otherwise a further component would get the rest of the gain."""
    reached = -np.inf
    for _ in range(_MOST_ROUNDS):
        fit = _settle(part, fit, 20)
        score = _row_scores(part.counts, _expected(part, fit)).sum()
        if score - reached < _SETTLED:
            break
        reached = score
    return fit


def _settle(part: _Part, fit: _Fit, iterations: int, fixed: np.ndarray | None = None) -> _Fit:
    """Do EM steps on the dense matrix. The first endmembers may be fixed."""
    prior = part.counts.sum(axis=0) / max(part.counts.sum(), 1) * _PRIOR_COUNTS
    for _ in range(iterations):
        fit = fit._replace(abundances=_allocated(part, fit))
        spectra = fit.endmembers * (fit.abundances.T @ (part.counts / _expected(part, fit))) + prior
        spectra /= spectra.sum(axis=1, keepdims=True)
        fit = fit._replace(endmembers=spectra if fixed is None else np.vstack([fixed, spectra[len(fixed) :]]))
    return fit


def _allocated(part: _Part, fit: _Fit) -> np.ndarray:
    return fit.abundances * ((part.counts / _expected(part, fit)) @ fit.endmembers.T)
