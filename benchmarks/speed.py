"""Measure speed with `python -m benchmarks speed SUBJECT`: the registry that `speeds/` fills, and what members share.

A member is called without arguments, measures, and yields one `Speed` at a time. Machines are noisy: these are figures
to read, and no test bounds them.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from bayesunmix.contracts.registry import Registry
from benchmarks import provenance
from benchmarks.published import read_about, read_rows, write_rows
from simulations.phantom import PHANTOMS, Phantom

Result = TypeVar("Result")


class Speed(NamedTuple):
    """Hold one measurement.

    Parameters
    ----------
    case : str
        What is computed, of what: "one tilt", "73 tilts".
    method : str
        By what: one of ours, or a peer.
    photons : int
        Photons of the image.
    seconds : float
        Seconds without compiling.
    compile_seconds : float
    peak_mib : float
        Largest resident size of its process, image and libraries included; NaN where it was not looked at.
    remark : str
    """

    case: str
    method: str
    photons: int
    seconds: float
    compile_seconds: float = 0.0
    peak_mib: float = np.nan
    remark: str = ""

    def line(self) -> str:
        """Write it in one line of a terminal."""
        what = f"{self.case}, {self.method}"
        memory = f"{self.peak_mib:.0f}" if np.isfinite(self.peak_mib) else ""
        numbers = f"{self.photons:>11} {self.seconds:>9.3f} {self.compile_seconds:>10.1f} {memory:>9}"
        return f"{what:<58} {numbers}  {self.remark}".rstrip()


HEADING = f"{'':<58} {'photons':>11} {'seconds':>9} {'compiling':>10} {'peak MiB':>9}"
SPEEDS: Registry[Callable[[], Iterator[Speed]]] = Registry(
    "subject of a speed benchmark", "benchmarks.speeds"
)


def measure_speeds(subject: str, out: Path | None) -> Iterator[Speed]:
    """Measure a subject, and write each row at once to a file of results where one is named.

    Parameters
    ----------
    subject : str
        A name of `SPEEDS`.
    out : Path or None
        CSV file with a row a measurement. Its older rows of the same subject are replaced.
    """
    older = read_rows(out) if out is not None and out.is_file() else pd.DataFrame(columns=["subject"])
    rows = older[older["subject"] != subject].to_dict("records")
    for measured in SPEEDS[subject]():
        if out is not None:
            rows.append({"subject": subject, **measured._asdict()})
            write_rows(out, pd.DataFrame(rows), provenance.about(read_about(out)))
        yield measured


def needle_series(tilts: int, photons: float) -> tuple[Phantom, float, float]:
    """Build the needle's tilt series.

    Returns
    -------
    phantom : Phantom
        `tilts` x 124 x 165 pixels x 900 channels; the series of the NIST short course (Taillon, 2022) has 73 tilts.
    dose : float
        Dose that gives it so many photons, on average.
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
