"""What `python -m benchmarks speed SUBJECT` measures: the registry that `speeds/` fills, and what its members share.

A member is called without arguments, measures, and yields one line of text at a time. Machines are noisy: these are
figures to read, and no test asserts them.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from bayesunmix.contracts.registry import Registry
from simulations.phantom import PHANTOMS, Phantom

SPEEDS: Registry[Callable[[], Iterator[str]]] = Registry("subject of a speed benchmark", "benchmarks.speeds")

Result = TypeVar("Result")


def talk_series(tilts: int, photons: float) -> tuple[Phantom, float, float]:
    """Build the needle's tilt series.

    Returns
    -------
    phantom : Phantom
        `tilts` x 124 x 165 pixels x 900 channels; the talk's series has 73 tilts.
    dose : float
        That gives it so many photons, on average.
    seconds : float
        Time it took.
    """
    start = time.perf_counter()
    phantom = PHANTOMS["nicr_needle"](tilts=tilts)
    return phantom, photons / phantom.specimen.sum(), time.perf_counter() - start


def alone(measure: Callable[..., Result], *arguments: object) -> Result:
    """Call in a new process, so that its peak of resident memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()
