"""Measure whether intervals of single pixels cover the truth if the endmembers are known: the second stage of `bayes`.

With known endmembers every phantom is identified, so that only counting noise and the prior of the map are tested.
`priors` names those that were used, which photons kept apart choose (`bayesunmix.engine.sampling.choice`). Entries of
at most 5 % of their pixel must lie under their one-sided 95 % limit; `limit` is that limit where nothing is, as a share
of the mean abundance.
"""

import time

import jax
import numpy as np
import pandas as pd

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.chosen_maps import draw_chosen_maps
from bayesunmix.engine.sampling.maps import NOWHERE, Maps
from bayesunmix.engine.sampling.modes import LEAST_START
from bayesunmix.methods.bayes import N_MAPS, Bayes
from benchmarks.calibration import CALIBRATIONS, Calibration, shares_text
from benchmarks.calibrations._phantoms import MEASURED
from benchmarks.metrics.abundance_rmse import abundance_rmse
from benchmarks.metrics.interval_score import interval_score
from benchmarks.scoring.coverage import active, coverage
from benchmarks.scoring.pit import pit_histogram
from benchmarks.scoring.shared_error import shared_error, shared_over_seeds
from simulations import PHANTOMS, Trial, acquire

_NOTHING = 1e-6  # of a pixel


def measure(phantom: str, dose: float, prior: str, seed: int) -> dict[str, float | str]:
    """Draw the maps of one trial with the true endmembers."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    truth, settings = trial.truth, Bayes(abundance_prior=prior)
    map_key, image_key = jax.random.split(random_key(seed))
    known = np.broadcast_to(truth.endmembers, (settings.n_chains, 1, *truth.endmembers.shape))
    totals = np.asarray(trial.image.counts.sum(axis=1), float)
    start = np.repeat(totals[:, None] / truth.n_components + LEAST_START, truth.n_components, axis=1)
    begun = time.perf_counter()
    found = draw_chosen_maps(
        trial.image,
        known,
        [start] * settings.n_chains,
        settings.priors(),
        map_key=map_key,
        image_key=image_key,
        n_maps=N_MAPS,
        sweeps_per_map=settings.sweeps_per_map,
        most_mib=settings.most_draws_mib,
        kept=NOWHERE,
    )
    seconds = time.perf_counter() - begun
    return {**_scores(trial, found.maps), "priors": " and ".join(found.weights), "seconds": round(seconds, 1)}


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds for each phantom, dose and prior, with 95 % intervals."""
    columns = ["coverage_50", "coverage_90", "coverage_95", "under_limit", "rmse", "interval_score"]
    return shared_over_seeds(rows, ["phantom", "dose", "prior"], columns)


def _result(trial: Trial, maps: Maps) -> Unmixing:
    endmembers = trial.truth.endmembers
    draws = np.broadcast_to(endmembers, (*maps.draws.shape[:2], *endmembers.shape))
    return Unmixing(Factorization(endmembers, maps.mean), Posterior(draws, maps.draws))


def _scores(trial: Trial, maps: Maps) -> dict[str, float | str]:
    result, truth = _result(trial, maps), trial.truth
    little = trial.phantom.specimen[:, None] & ~active(trial)
    nothing = little & (truth.fractions < _NOTHING)
    assert result.posterior is not None
    limit = result.posterior.upper_limit(0.95).abundances
    shared = shared_error(trial, result)
    covered = {f"coverage_{100 * level:.0f}": coverage(trial, result, level) for level in (0.5, 0.9, 0.95)}
    return {
        **{name: round(share, 4) for name, share in covered.items()},
        "under_limit": round(float((truth.abundances <= limit)[little].mean()), 4)
        if little.any()
        else np.nan,
        "limit": round(float(limit[nothing].mean() / truth.abundances.mean()), 4)
        if nothing.any()
        else np.nan,
        "rmse": round(abundance_rmse(trial, result), 4),
        "interval_score": round(interval_score(trial, result), 4),
        "shared_z": round(shared.z, 3),
        "deviations_90": round(shared.deviations_90, 4),
        "pit": shares_text(pit_histogram(trial, result)),
    }


CALIBRATIONS.register("maps")(
    Calibration(
        {
            "phantom": MEASURED,
            "dose": (10.0, 50.0),
            "prior": ("chosen", "multiscale"),
        },
        measure,
        summarise,
    )
)
