r"""Pool chains that disagree: find the solutions that they hold, and weigh each by photons that it has not seen.

The posterior has several modes, and a chain may never leave the one it began in. How often chains end in a mode says
nothing of how likely the mode is. The likelihood of the photons that were fitted does not say it either, because free
parameters take a share of it. So a fifth of the photons is set aside, each chain goes on with the rest until it has
forgotten them, and the mean of its product A E predicts them:

.. math:: s = \sum_{pc} x_{pc} \log \mu_{pc} - \mu_{pc}, \qquad \mu = \overline{A E} + \text{background}.

The weights of solutions are :math:`\exp(s)`, after two standard errors of the difference to the best are forgiven:
solutions that the photons cannot tell apart weigh the same. The draws are then taken from all chains by these weights,
so that every interval made of them is pooled.
"""

from threading import Event
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy import sparse

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.contracts.endmember_model import EndmemberModel
from bayesunmix.data.alignment import match, spectral_angles
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import Modes
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.sampling.chains import run_side_by_side
from bayesunmix.engine.sampling.gibbs import Chain, advance_chain, place_photons
from bayesunmix.running.progress import stage

KEPT = 0.8  # of the photons; the others are predicted
SWEEPS_TO_FORGET, SWEEPS_TO_PREDICT = 100, 100
BACKGROUND = 1e-3  # fraction of the mean spectrum: no photon is ever impossible
FORGIVEN = 2.0  # standard errors of a difference of scores
WANDERS = 2.0  # chains of one solution differ by at most this many times what they wander by themselves
LEAST_ANGLE = 2.0  # degrees: solutions that are closer are one


def solution_of_chain(endmembers: np.ndarray) -> np.ndarray:
    """Find which chains hold the same solution, in any order of components.

    Their mean spectra differ by no more than what a chain wanders by itself, between the halves of its draws.

    Parameters
    ----------
    endmembers : (chain, draw, K, C) array

    Returns
    -------
    solution : (chain,) int array
    """
    half = endmembers.shape[1] // 2
    means = endmembers.mean(axis=1, dtype=np.float64)
    halves = [(of[:half].mean(axis=0), of[half:].mean(axis=0)) for of in endmembers] if half else []
    wandered = max((_farthest(first, second) for first, second in halves), default=0.0)
    most = max(WANDERS * wandered, LEAST_ANGLE)
    solution = np.arange(len(means))
    for i in range(len(means)):
        for j in range(i):
            if solution[i] != solution[j] and _farthest(means[j], means[i]) <= most:
                solution[solution == solution[i]] = solution[j]
    return np.unique(solution, return_inverse=True)[1]


def _farthest(spectra: np.ndarray, others: np.ndarray) -> float:
    """Return the largest angle between spectra (K, C) and their partners, in degrees."""
    return float(np.diag(spectral_angles(spectra, others[match(spectra, others)])).max())


def weigh(solution: np.ndarray, scores: np.ndarray) -> Modes:
    """Weigh solutions by the scores of their chains.

    Parameters
    ----------
    solution : (chain,) int array
    scores : (chain, P) array
        Log-likelihood of the photons held out in each pixel.

    Returns
    -------
    Modes
        Best first.
    """
    chains = [np.flatnonzero(solution == number).tolist() for number in range(solution.max() + 1)]
    by_pixel = np.array([scores[of].mean(axis=0) for of in chains])
    order = np.argsort(-by_pixel.sum(axis=1), kind="stable")
    behind = by_pixel[order] - by_pixel[order[0]]
    differences = behind.sum(axis=1)
    errors = np.sqrt(behind.shape[1] * behind.var(axis=1))
    weights = np.exp(np.minimum(differences + FORGIVEN * errors, 0))
    return {
        "chains": [chains[number] for number in order],
        "weights": (weights / weights.sum()).tolist(),
        "scores": differences.tolist(),
        "errors": errors.tolist(),
    }


def pooled_order(modes: Modes, n_chains: int, n_draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose draws from chains by the weights of their solutions, as many as there are.

    Returns
    -------
    chain, draw : (n_chains, n_draws) int arrays
        Where each draw comes from. Draws of one chain stay together. With equal weights all stay where they are.
    """
    of_chain = np.zeros(n_chains)
    for chains, weight in zip(modes["chains"], modes["weights"], strict=True):
        of_chain[chains] = weight / len(chains)
    ends = np.rint(np.cumsum(of_chain) * n_chains * n_draws).astype(int)
    numbers = np.diff(ends, prepend=0)
    chain = np.repeat(np.arange(n_chains), numbers)
    draw = np.concatenate([np.linspace(0, n_draws - 1, n).round().astype(int) for n in numbers])
    return chain.reshape(n_chains, n_draws), draw.reshape(n_chains, n_draws)


class _Held(NamedTuple):
    """Photons set aside: the pixel, channel and number of each entry, and what is added to every expectation."""

    pixel: np.ndarray
    channel: np.ndarray
    counts: np.ndarray
    background: np.ndarray

    def score(self, expected: np.ndarray, totals: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each pixel, (P,), from expected counts of the entries and totals of pixels."""
        logs = self.counts * np.log(expected + self.background)
        return np.bincount(self.pixel, logs, totals.size) - totals


def held_out_scores(
    image: SpectrumImage,
    given: Any,
    model: EndmemberModel,
    *,
    prior: AbundancePrior,
    chains: list[Chain],
    block: int,
    key: jax.Array,
) -> np.ndarray | None:
    """Set photons aside, let each chain go on with the others, and score its prediction of them.

    Parameters
    ----------
    image : SpectrumImage
        What the chains were sampled from.
    given
        What the model prepared.
    model : EndmemberModel
    prior : AbundancePrior
    chains : list of Chain
    block : int
        Sweeps in a block.
    key : JAX key

    Returns
    -------
    scores : (chain, P) array, or None
        None if the user interrupted.
    """
    thin_key, key = jax.random.split(key)
    kept, rest = image.thin(KEPT, numpy_generator(thin_key))
    events, held = place_photons(kept), _held(kept, rest)
    ratio = (1 - KEPT) / KEPT

    def run(number: int, stop: Event) -> np.ndarray:
        chain = chains[number]
        chain = chain._replace(abundances=KEPT * chain.abundances)
        expected, totals = np.zeros(held.counts.size), np.zeros(image.n_pixels)
        n_forget, n_predict = (-(-sweeps // block) for sweeps in (SWEEPS_TO_FORGET, SWEEPS_TO_PREDICT))
        for done, block_key in enumerate(
            jax.random.split(jax.random.fold_in(key, number), n_forget + n_predict)
        ):
            if stop.is_set():
                break
            chain, _ = advance_chain(events, given, chain, block_key, prior, model, block)
            if done >= n_forget:
                maps, spectra = (
                    np.asarray(part, np.float64) for part in (chain.abundances, chain.endmembers)
                )
                expected += sum(a[held.pixel] * e[held.channel] for a, e in zip(maps, spectra, strict=True))
                totals += maps.sum(axis=0)
        return held.score(ratio / n_predict * expected, ratio / n_predict * totals)

    with stage("compiling the sampler for photons that are held out"):  # and not in every thread
        advance_chain(events, given, chains[0], key, prior, model, block)
    scores, interrupted = run_side_by_side(run, len(chains))
    return None if interrupted else np.stack(scores)


def _held(kept: SpectrumImage, rest: SpectrumImage) -> _Held:
    entries = sparse.coo_array(rest.counts)
    pixel, channel = entries.coords
    # The expectation of all photons from the margins: rest is a random part of them.
    spectrum = (kept.sum_spectrum() + rest.sum_spectrum()).astype(np.float64)
    totals = (kept.total_map() + rest.total_map()).ravel().astype(np.float64)
    margins = totals[pixel] * spectrum[channel] / spectrum.sum() * (1 - KEPT)
    return _Held(pixel, channel, entries.data.astype(np.float64), BACKGROUND * margins)
