"""Measure seconds and memory of `nmf` and `pca` on the needle, and of the peers on the same photons.

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

from benchmarks.memory import peak_resident_mib
from benchmarks.missing import Missing
from benchmarks.peer import ROOT, python_of
from benchmarks.speed import SPEEDS, Speed, alone, needle_series
from benchmarks.speeds._race import Race, race
from simulations.trial import acquire

TILTS, PIXELS, COUNTS_PER_PIXEL = 73, 124 * 165, 20
K = 3
REPEATS = 5
SAME = 1e-5  # relative: a peer has our deviance when it is this near
PATIENCE = 12  # times our seconds: what a peer is given


class Fit(NamedTuple):
    """Hold one fit: compiling apart, and the largest resident size of its process, reading included."""

    seconds: float
    compile_seconds: float
    iterations: int
    deviance: float
    converged: bool
    peak_mib: float


@SPEEDS.register("methods")
def methods() -> Iterator[Speed]:
    """Measure one tilt, the command line, the series, and how time grows with photons."""
    with tempfile.TemporaryDirectory() as folder:
        yield from one_tilt(Path(folder))
        yield from command_line_twice(Path(folder))
        yield from series(Path(folder))


def one_tilt(folder: Path) -> Iterator[Speed]:
    """Measure `nmf` and `pca` on one tilt, and the peers: medians, after compiling."""
    case, photons = "one tilt", COUNTS_PER_PIXEL * PIXELS
    path = _acquire(folder / "tilt", 1, photons)
    seconds = {}
    for method in ("nmf", "pca"):
        first, *fits = alone(_fits, path, method, REPEATS + 1)
        seconds[method] = median(fit.seconds for fit in fits)
        remark = f"{first.iterations} iterations, median of {REPEATS}"
        yield Speed(case, method, photons, seconds[method], first.compile_seconds, fits[-1].peak_mib, remark)
        if method == "nmf":
            yield from _against_scikit_learn(case, photons, path, first.deviance, seconds["nmf"], 100)
    try:
        decompositions = _hyperspy(path)
    except Missing as missing:
        print(f"HyperSpy is skipped: {missing}", file=sys.stderr)
        return
    for name, times in decompositions.items():
        ours = "nmf" if name == "NMF" else "pca"
        remark = _ratio(median(times), ours, seconds[ours])
        yield Speed(case, f"HyperSpy {name}", photons, median(times), remark=remark)


def command_line_twice(folder: Path) -> Iterator[Speed]:
    """Run `bayesunmix unmix` twice in processes of their own, first with an empty cache of compiled code."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache")}
    for which in ("first", "second"):
        start = time.perf_counter()
        arguments = ["unmix", f"{folder / 'tilt'}.npz", "--components", str(K), "--method", "nmf"]
        arguments += ["--out", str(folder / "out"), "--overwrite", "--quiet"]
        subprocess.run(
            [sys.executable, "-c", "from bayesunmix.cli import main; main()", *arguments],
            check=True,
            env=environment,
        )
        seconds = time.perf_counter() - start
        summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
        compiling = summary["seconds"]["compile"]
        case = f"one tilt, bayesunmix unmix, {which} run"
        yield Speed(case, "nmf", COUNTS_PER_PIXEL * PIXELS, seconds - compiling, compiling)


def series(folder: Path, tilts: int = TILTS) -> Iterator[Speed]:
    """Measure `nmf` on the whole series, against scikit-learn, and at other doses; each fit in its own process."""
    case, photons = f"{tilts} tilts", COUNTS_PER_PIXEL * PIXELS * tilts
    grown: list[tuple[float, float]] = []
    for share, repeats in ((1, REPEATS), (0.1, 1), (3, 1)):
        path = _acquire(folder / f"series-{share:g}", tilts, share * photons)
        fits = [alone(_fits, path, "nmf", 1)[0] for _ in range(repeats)]
        seconds = median(fit.seconds for fit in fits)
        compiling = median(fit.compile_seconds for fit in fits)
        remark = f"{fits[0].iterations} iterations"
        if share == 1:
            above = fits[0].deviance / alone(_best_known, path) - 1
            remark += f"; deviance above the best known by {above:.1e} of it"
        grown.append((share * photons, seconds))
        if len(grown) == 3:
            sizes, times = np.log(grown).T
            power = np.polyfit(sizes, times, 1)[0]
            remark += f"; seconds grow as photons to the power {power:.2f}"
        memory = max(fit.peak_mib for fit in fits)
        yield Speed(case, "nmf", round(share * photons), seconds, compiling, memory, remark)
        if share == 1:
            yield from _against_scikit_learn(
                case, photons, path, fits[0].deviance, seconds + compiling, PATIENCE
            )
        path.unlink()


def _acquire(stem: Path, tilts: int, photons: float) -> Path:
    return alone(_acquired, stem, tilts, photons)


def _acquired(stem: Path, tilts: int, photons: float) -> Path:
    import bayesunmix as bu

    phantom, dose, _ = needle_series(tilts, photons)
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
        found.append(Fit(*costs, info["objective"][-1], info["converged"], peak_resident_mib()))
    return found


def _best_known(path: Path) -> float:
    import bayesunmix as bu

    return float(min(bu.unmix(bu.read(path), K, "nmf", tolerance=1e-9, max_iterations=400).info["objective"]))


def _against_scikit_learn(
    case: str, photons: int, path: Path, deviance: float, seconds: float, patience: float
) -> Iterator[Speed]:
    """Race from where `nmf` starts, which is a gift to it, and from its own start."""
    for given, name in ((True, "from our start"), (False, "from NNDSVDa")):
        race = alone(_race, path, given, deviance * (1 + SAME), patience * seconds)
        remark = f"{_ratio(race.seconds, 'nmf', seconds, not race.reached)}, {race.iterations} iterations"
        if not race.reached:
            remark += f"; given up, its deviance is still {race.deviance / deviance - 1:.1e} of it above"
        yield Speed(case, f"scikit-learn sparse KL-MU {name}", photons, race.seconds, remark=remark)


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
    """Return the seconds of each of HyperSpy's decompositions of the same counts."""
    from bayesunmix import read
    from bayesunmix.io import hspy

    python = python_of("hyperspy")
    copy = path.with_suffix(".hspy")
    hspy.save(read(path), copy, "one tilt")
    command = [python, "-m", "benchmarks.speeds._hyperspy_seconds", str(copy), str(K), str(REPEATS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


def _ratio(theirs: float, ours: str, seconds: float, at_least: bool = False) -> str:
    return f"{'more than ' if at_least else ''}{theirs / seconds:.0f} x {ours}"
