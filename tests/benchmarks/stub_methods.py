"""Methods with known faults, for the tests of the harness: a suite loads this file by `modules = [...]`."""

import os
import time
from dataclasses import dataclass

import jax
import numpy as np

from bayesunmix import METHODS, Factorization, Posterior, Unmixing
from bayesunmix.analysis import feasible_climb, identification


def guess(image, n_components, key) -> Unmixing:
    """Random endmembers and a posterior, both given by the key alone."""
    # Cells run in processes of their own, which the fixture `_walk_briefly` does not reach.
    identification.identify.__kwdefaults__["n_steps"], feasible_climb.MOST_STEPS = 2, 4
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    endmembers = rng.dirichlet(np.ones(image.n_channels), (1, 8, n_components))
    share = image.total_map().reshape(-1, 1) / n_components
    abundances = share * rng.uniform(0.5, 1.5, (1, 8, share.size, n_components))
    estimate = Factorization(endmembers.mean((0, 1)), abundances.mean((0, 1)))
    return Unmixing(
        estimate, Posterior(endmembers, abundances), {"converged": True, "warnings": ["only a guess."]}
    )


@METHODS.register("stub_guess")
@dataclass(frozen=True)
class StubGuess:
    pause: float = 0.0

    def fit(self, image, n_components, key):
        time.sleep(self.pause)
        return guess(image, n_components, key)


@METHODS.register("stub_raises")
@dataclass(frozen=True)
class StubRaises:
    def fit(self, image, n_components, key):
        raise RuntimeError("the stub refuses to work\nand says why on a second line")


@METHODS.register("stub_dies")
@dataclass(frozen=True)
class StubDies:
    """Take the process down at seed 1."""

    def fit(self, image, n_components, key):
        if int(np.asarray(jax.random.key_data(key))[-1]) == 1:
            os._exit(3)
        return guess(image, n_components, key)


@METHODS.register("stub_hungry")
@dataclass(frozen=True)
class StubHungry:
    mib: int = 0

    def fit(self, image, n_components, key):
        hoard = np.ones((self.mib, 2**17))
        time.sleep(3)
        return guess(image, n_components, key) if hoard.size else None
