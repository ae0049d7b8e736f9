"""Seconds and memory of `nmf` and `pca` on the talk's needle, and of the peers on the same photons.

One tilt (124 x 165 pixels x 900 channels, 20 counts per pixel), the whole series of 73 tilts at the same dose, and the
series at a tenth and at three times it. Every fit of the series has a process of its own, which reads the counts from
a file. The peers are scikit-learn's multiplicative updates, from our own start and until they have our deviance, and
HyperSpy's decompositions, which take the environment that `make peers` makes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.memory import peak_mib
from benchmarks.missing import Missing
from benchmarks.peer import ROOT, python_of
from benchmarks.speed import SPEEDS, alone, talk_series
from benchmarks.speeds._race import Race, race
from simulations.trial import acquire

TILTS, PIXELS, COUNTS_PER_PIXEL = 73, 124 * 165, 20
K = 3
REPEATS = 5
SAME = 1e-5  # relative: a peer has our deviance when it is this near
PATIENCE = 12  # times our seconds: what a peer is given


class Fit(NamedTuple):
    """One fit: compilation apart, and the largest resident size of its process, reading included."""

    seconds: float
    compile_seconds: float
    iterations: int
    deviance: float
    converged: bool
    peak_mib: float


@SPEEDS.register("methods")
def methods() -> Iterator[str]:
    """Measure one tilt, the series, and how time grows with photons."""
    with tempfile.TemporaryDirectory() as folder:
        yield from one_tilt(Path(folder))
        yield from command_line_twice(Path(folder))
        yield from series(Path(folder))


def one_tilt(folder: Path) -> Iterator[str]:
    """Measure `nmf` and `pca` on one tilt, and the peers."""
    path = _acquire(folder / "tilt", 1, COUNTS_PER_PIXEL * PIXELS)
    yield f"one tilt, {PIXELS} pixels, K = {K}; medians of {REPEATS}, after compilation"
    seconds = {}
    for method in ("nmf", "pca"):
        first, *fits = alone(_fits, path, method, REPEATS + 1)
        seconds[method] = median(fit.seconds for fit in fits)
        compiling = f"{first.iterations} iterations; the first run compiles for {first.compile_seconds:.1f} s"
        yield f"  {method:<42} {seconds[method]:8.3f} s   {compiling}"
        if method == "nmf":
            yield from _against_scikit_learn(path, first.deviance, seconds["nmf"], 100)
    try:
        decompositions = _hyperspy(path)
    except Missing as missing:
        yield f"  HyperSpy: skipped, {missing}"
        return
    for name, times in decompositions.items():
        ours = "nmf" if name == "NMF" else "pca"
        yield _versus(f"HyperSpy {name}", median(times), ours, seconds[ours])


def command_line_twice(folder: Path) -> Iterator[str]:
    """Run `bayesunmix unmix` twice in processes of their own with an empty cache of compiled code."""
    seconds = []
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache")}
    for _ in range(2):
        start = time.perf_counter()
        arguments = ["unmix", f"{folder / 'tilt'}.npz", "--components", str(K), "--out", str(folder / "out")]
        arguments += ["--overwrite", "--quiet"]
        subprocess.run(
            [sys.executable, "-c", "from bayesunmix.cli import main; main()", *arguments],
            check=True,
            env=environment,
        )
        summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
        seconds.append((time.perf_counter() - start, summary["seconds"]["compile"]))
    (first, compiling), (second, compiling_again) = seconds
    yield f"bayesunmix unmix of that tilt: {first:.1f} s, {compiling:.1f} s of them compiling;"
    yield f"  the same again: {second:.1f} s, {compiling_again:.1f} s of them compiling"


def series(folder: Path, tilts: int = TILTS) -> Iterator[str]:
    """Measure `nmf` on the whole series, against scikit-learn, and at other doses."""
    photons = COUNTS_PER_PIXEL * PIXELS * tilts
    yield f"{tilts} tilts, {tilts * PIXELS} pixels, K = {K}; each fit from cold in its own process"
    grown = []
    for share, repeats in ((1, REPEATS), (0.1, 1), (3, 1)):
        path = _acquire(folder / f"series-{share:g}", tilts, share * photons)
        fits = [alone(_fits, path, "nmf", 1)[0] for _ in range(repeats)]
        seconds = median(fit.seconds for fit in fits)
        compiling = median(fit.compile_seconds for fit in fits)
        yield (
            f"  {share * photons / 1e6:5.1f} M photons: nmf {seconds:6.1f} s + {compiling:.1f} s compiling, "
            f"{fits[0].iterations} iterations, {max(fit.peak_mib for fit in fits):.0f} MiB"
        )
        grown.append((share * photons, seconds, seconds / fits[0].iterations))
        if share == 1:
            best = alone(_best_known, path)
            yield f"    its deviance is above the best known by {fits[0].deviance / best - 1:.1e} of it"
            yield from _against_scikit_learn(path, fits[0].deviance, seconds + compiling, PATIENCE)
        path.unlink()
    sizes, *times = np.log(grown).T
    for what, time_of in zip(("seconds", "seconds an iteration"), times, strict=True):
        yield f"  {what} grow as photons to the power {np.polyfit(sizes, time_of, 1)[0]:.2f}"


def _acquire(stem: Path, tilts: int, photons: float) -> Path:
    return alone(_acquired, stem, tilts, photons)


def _acquired(stem: Path, tilts: int, photons: float) -> Path:
    import bayesunmix as bu

    phantom, dose, _ = talk_series(tilts, photons)
    path = stem.with_name(stem.name + ".npz")
    bu.write(acquire(phantom, dose, 0).image, path)
    return path


def _fits(path: Path, method: str, repeats: int) -> list[Fit]:
    import bayesunmix as bu

    image = bu.read(path)
    found = []
    for _ in range(repeats):
        info = bu.unmix(image, K, method).info
        costs = (info["fit_seconds"], info["compile_seconds"], info["iterations"])
        found.append(Fit(*costs, info["objective"][-1], info["converged"], peak_mib()))
    return found


def _best_known(path: Path) -> float:
    import bayesunmix as bu

    return float(min(bu.unmix(bu.read(path), K, "nmf", tolerance=1e-9, max_iterations=400).info["objective"]))


def _against_scikit_learn(path: Path, deviance: float, seconds: float, patience: float) -> Iterator[str]:
    """Race from where `nmf` starts, which is a gift to it, and from its own start."""
    for given, name in ((True, "from our start"), (False, "from NNDSVDa")):
        race = alone(_race, path, given, deviance * (1 + SAME), patience * seconds)
        ended = f"{race.iterations} iterations"
        if not race.reached:
            ended += f"; given up, its deviance is still {race.deviance / deviance - 1:.1e} of it above"
        line = _versus(f"scikit-learn sparse KL-MU {name}", race.seconds, "nmf", seconds, not race.reached)
        yield f"{line} ({ended})"


def _race(path: Path, from_our_start: bool, deviance: float, most_seconds: float) -> Race:
    """Let scikit-learn run; finding a start of ours for it is not counted."""
    import bayesunmix as bu
    from bayesunmix.engine.device.events import occupied
    from bayesunmix.engine.device.threefry import random_key
    from bayesunmix.engine.fits.starts import best_start
    from bayesunmix.methods.nmf import NMF

    image = bu.read(path)
    pixels, start = occupied(image), None
    if from_our_start:
        found = best_start(image, pixels, K, random_key(0), NMF().n_starts)
        start = found.abundances[:, : pixels.pixels.size].T, found.endmembers
    return race(pixels.counts, K, start, deviance, most_seconds)


def _hyperspy(path: Path) -> dict[str, list[float]]:
    """Seconds of each of HyperSpy's decompositions of the same counts."""
    from bayesunmix import read
    from bayesunmix.io import hspy

    python = python_of("hyperspy")
    copy = path.with_suffix(".hspy")
    hspy.save(read(path), copy, "one tilt")
    command = [python, "-m", "benchmarks.speeds._hyperspy_seconds", str(copy), str(K), str(REPEATS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


def _versus(name: str, theirs: float, ours: str, seconds: float, at_least: bool = False) -> str:
    ratio = f"{'more than ' if at_least else ''}{theirs / seconds:.0f} x {ours}"
    return f"  {name:<42} {theirs:8.3f} s   {ratio}"
