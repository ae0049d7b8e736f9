"""Define what a baseline is, and the registry that `baselines/` fills.

A baseline may see the truth, so it is no method: it marks what the photons allow (`oracle_endmembers`) or what no
effort gives (`mean_spectrum`), for error bars too. Baselines are scored like methods, shown as bounds, and never
ranked. One is called with the trial and the number of components, and gives a canonical estimate with a posterior; the
trial of a recording has no truth (`benchmarks.recording`).
"""

from collections.abc import Callable
from typing import Any

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.result import Unmixing

Baseline = Callable[[Any, int], Unmixing]

BASELINES: Registry[Baseline] = Registry("baseline", "benchmarks.baselines")
