"""Seconds and memory of the Bayesian pipeline on one tilt of the needle and on the series, and of a sweep over it."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import bayesunmix as bu
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.gibbs import Chain, Sums, advance_maps, place_photons
from benchmarks.memory import peak_mib
from benchmarks.speed import SPEEDS, alone, talk_series
from simulations.trial import acquire

TILT_PHOTONS, SERIES_PHOTONS = 4e5, 30e6
SWEEPS = 5


class Speed(NamedTuple):
    """One measurement; `peak_mib` is the largest resident size of its process, image and libraries included."""

    what: str
    photons: int
    seconds: float
    compile_seconds: float
    peak_mib: float


@SPEEDS.register("bayes")
def bayes() -> Iterator[str]:
    """Measure the pipeline and its preview on one tilt, and the pipeline and one sweep of the maps on 73 tilts."""
    yield f"{'':<34} {'photons':>11} {'s':>8} {'compile s':>10} {'peak MiB':>9}"
    for row in speed_of_bayes():
        yield (
            f"{row.what:<34} {row.photons:>11} {row.seconds:>8.2f} {row.compile_seconds:>10.1f} {row.peak_mib:>9.0f}"
        )


def speed_of_bayes(
    tilts: int = 73, photons: float = SERIES_PHOTONS, tilt_photons: float = TILT_PHOTONS
) -> Iterator[Speed]:
    """Measure each in a process of its own; a sweep is the mean of a few, of one chain, with the endmembers held.

    Parameters
    ----------
    tilts : int
        Of the series.
    photons, tilt_photons : float
        Of the series, and of the one tilt.

    Yields
    ------
    Speed
    """
    for method in ("bayes_cavi", "bayes"):
        yield alone(_fit, method, 1, tilt_photons)
    yield alone(_fit, "bayes", tilts, photons)
    for prior in ("gamma", "multiscale"):
        yield alone(_sweep, prior, tilts, photons)


def _fit(method: str, tilts: int, photons: float) -> Speed:
    phantom, dose, _ = talk_series(tilts, photons)
    image = acquire(phantom, dose, 0).image
    info = bu.unmix(image, 3, method).info
    what = f"{method}, {f'{tilts} tilts' if tilts > 1 else 'one tilt'}"
    return Speed(what, image.n_photons, info["fit_seconds"], info["compile_seconds"], peak_mib())


def _sweep(name: str, tilts: int, photons: float) -> Speed:
    phantom, dose, _ = talk_series(tilts, photons)
    trial = acquire(phantom, dose, 0)
    prior, events = ABUNDANCE_PRIORS[name](), place_photons(trial.image)
    maps = jnp.asarray(trial.truth.abundances.T, jnp.float32) + 1e-3
    nothing = Sums(jnp.zeros_like(maps), jnp.zeros_like(maps))
    chain = Chain(
        maps,
        jnp.asarray(trial.truth.endmembers, jnp.float32),
        prior.start(events.exposure, maps.reshape(-1, *events.exposure.shape)),
        (),
    )
    began = time.perf_counter()
    chain, sums = jax.block_until_ready(advance_maps(events, chain, nothing, random_key(0), prior, SWEEPS))
    with_compiling = time.perf_counter() - began
    began = time.perf_counter()
    jax.block_until_ready(advance_maps(events, chain, sums, random_key(1), prior, SWEEPS))
    seconds = time.perf_counter() - began
    assert np.isfinite(sums.first).all()
    return Speed(
        f"sweep of the maps, {tilts} tilts, {name}",
        trial.image.n_photons,
        seconds / SWEEPS,
        with_compiling - seconds,
        peak_mib(),
    )
