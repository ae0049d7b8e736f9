"""The contract of a baseline, and the registry that `baselines/` fills.

A baseline may see the truth, so it is no method: it marks what the photons allow (`oracle_endmembers`) or what no
effort gives (`mean_spectrum`). Baselines are scored like methods, shown as bounds, and never ranked.
"""

from collections.abc import Callable

from bayesunmix.factorization import Factorization
from bayesunmix.registry import Registry
from simulations.phantom import Trial

Baseline = Callable[[Trial], Factorization]

BASELINES: Registry[Baseline] = Registry("baseline", "benchmarks.baselines")
