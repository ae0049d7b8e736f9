"""One image, one table of short settings, and the fits of them, so that tests share compiled code.

Compiling takes most of the time of a first run, and code is compiled anew for every size of image, number of
components and setting that shapes a computation. A test that needs a fit and not a certain image takes `film` and
`unmixed`; one that needs another image keeps to 3 components and to sizes that another test has compiled.
"""

from functools import cache
from typing import Any

import pytest

import bayesunmix as bu
from simulations import PHANTOMS, Trial, acquire

N_COMPONENTS, SEED = 3, 4
#: Settings that differ from the defaults, by method: as few draws as a test of what comes out can do with.
SETTINGS: dict[str, dict[str, Any]] = {
    "bayes": {"n_warmup": 40, "n_draws": 40, "n_maps": 40},
    "bayes_gibbs": {"n_warmup": 30, "n_draws": 40},
    "bayes_cavi": {"n_draws": 30},
    "bayes_nuts": {"n_warmup": 20, "n_draws": 30},
    "bootstrap": {"n_replicates": 20},
    "fisher_conditional": {"n_draws": 40},
    "fisher_joint": {"n_draws": 40},
}
#: A method of each path through the engine: what `make test-quick` tries of the contracts.
ONE_OF_EACH_PATH = ("bayes", "elements", "nmf", "pca")


@cache
def film() -> Trial:
    """Three layers at 20 counts a pixel."""
    return acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0, n_channels=300), 20, 1)


@cache
def unmixed(method: str) -> bu.Unmixing:
    """Unmix the film by a method, once in a process. A test leaves the result as it is."""
    return bu.unmix(film().image, N_COMPONENTS, method, seed=SEED, **SETTINGS.get(method, {}))


def every_method(*, but: set[str] = frozenset()) -> list:
    """All registered methods, as parameters of which `make test-quick` takes a few."""
    return [
        pytest.param(name, marks=() if name in ONE_OF_EACH_PATH else pytest.mark.slow)
        for name in bu.METHODS
        if name not in but
    ]
