"""Measure seconds and memory of `bayes` on one tilt of the needle and on the series, and of one sweep of the maps."""

import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

import bayesunmix as bu
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.gibbs import Chain, Sums, advance_maps, place_photons
from bayesunmix.models.abundance_priors.palette import TREE_SWEEPS_OF_LARGE, candidates
from benchmarks.memory import peak_resident_mib
from benchmarks.speed import SPEEDS, Speed, alone, needle_series
from simulations.trial import acquire

TILT_PHOTONS, SERIES_PHOTONS = 4e5, 30e6
BEFORE = TREE_SWEEPS_OF_LARGE + 2  # sweeps that are not measured: a field begins with some of the tree
SWEEPS = 5


@SPEEDS.register("bayes")
def bayes(
    tilts: int = 73, photons: float = SERIES_PHOTONS, tilt_photons: float = TILT_PHOTONS
) -> Iterator[Speed]:
    """Measure the pipeline and its preview on one tilt, and the pipeline and one sweep of the maps on the series.

    Each has a process of its own. A sweep is the mean of a few, of one chain, with fixed endmembers.

    Parameters
    ----------
    tilts : int
        Number of tilts of the series.
    photons, tilt_photons : float
        Photons of the series, and of the one tilt.

    Yields
    ------
    Speed
    """
    for method in ("bayes_cavi", "bayes"):
        yield alone(_fit, method, 1, tilt_photons)
    yield alone(_fit, "bayes", tilts, photons)
    for prior in ("gamma", "multiscale", "palette, tree", "palette, field 9"):
        yield alone(_sweep, prior, tilts, photons)


def _fit(method: str, tilts: int, photons: float) -> Speed:
    phantom, dose, _ = needle_series(tilts, photons)
    image = acquire(phantom, dose, 0).image
    info = bu.unmix(image, 3, method).info
    case = f"{tilts} tilts" if tilts > 1 else "one tilt"
    return Speed(
        case, method, image.n_photons, info["fit_seconds"], info["compile_seconds"], peak_resident_mib()
    )


def _sweep(name: str, tilts: int, photons: float) -> Speed:
    phantom, dose, _ = needle_series(tilts, photons)
    trial = acquire(phantom, dose, 0)
    prior = candidates()[name] if name in candidates() else ABUNDANCE_PRIORS[name]()
    events = place_photons(trial.image)
    maps = jnp.asarray(trial.truth.abundances.T, jnp.float32) + 1e-3
    nothing = Sums(jnp.zeros_like(maps), jnp.zeros_like(maps))
    chain = Chain(
        maps,
        jnp.asarray(trial.truth.endmembers, jnp.float32),
        prior.start(events.exposure, maps.reshape(-1, *events.exposure.shape)),
        (),
    )
    began = time.perf_counter()
    jax.block_until_ready(advance_maps(events, chain, nothing, random_key(0), prior, 0))
    compiling = time.perf_counter() - began
    chain, sums = jax.block_until_ready(advance_maps(events, chain, nothing, random_key(0), prior, BEFORE))
    began = time.perf_counter()
    jax.block_until_ready(advance_maps(events, chain, sums, random_key(1), prior, SWEEPS))
    seconds = time.perf_counter() - began
    assert np.isfinite(sums.first).all()
    return Speed(
        f"{tilts} tilts, a sweep of the maps",
        name,
        trial.image.n_photons,
        seconds / SWEEPS,
        compiling,
        peak_resident_mib(),
    )
