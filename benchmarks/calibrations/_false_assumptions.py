"""Hold results of phantoms in which an assumption is false that helps elsewhere against the truth.

The dose is 120 counts per pixel. Total intervals have to hold the truth; those of counting alone are measured beside
them, without a claim.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import bayesunmix as bu
from bayesunmix.analysis.line_ratios import line_ratio_interval, line_ratios
from benchmarks.scoring.claims import about, claim, covers, of_chains, statement
from benchmarks.scoring.coverage import coverage
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, acquire

DOSE = 120.0
# A phantom, and the lines of the component whose ratio is asked.
RATIOS = {
    "buried_cores": ("core", ("Fe_Ka", "Pt_La")),
    "particles_on_film": ("TiO2", ("O_Ka", "Ti_Ka")),
    "absorbing_silicate": ("olivine", ("O_Ka", "Fe_Ka")),
    "partial_frame": ("plagioclase", ("Ca_Ka", "Al_Ka")),
    "fine_eutectic": ("Al2Cu", ("Al_Ka", "Cu_Ka")),
    "graded_couple": ("Al", ("Ag_La", "Al_Ka")),
}


def claims_of(name: str, seed: int, fit: Callable[..., bu.Unmixing]) -> Iterator[dict[str, Any]]:
    """Fit a trial of a phantom, and yield a row for each claim."""
    trial = acquire(PHANTOMS[name](), DOSE, seed)
    image, truth, labels = trial.image, trial.truth, trial.phantom.labels
    begun = time.perf_counter()
    found = align(truth, fit(image, truth.n_components, "bayes", seed))
    shared = about(found, truth.n_components, DOSE, begun)
    of_range = shared | {"method": "identify"}
    yield from of_chains(found, shared)

    identified = bu.identify(found, image, seed=seed)
    everywhere = np.ones(image.navigation_shape, bool)
    whole = bu.region(found, image, everywhere, identified=identified, seed=seed)
    shares = truth.abundances.sum(axis=0) / truth.abundances.sum()
    for k, label in enumerate(labels):
        said = whole.components[k].fraction
        yield claim(f"fraction of {label}", "truth", said.mean, said.lower, said.upper, shares[k], 0, shared)
        low, high = identified.overall.lower[k], identified.overall.upper[k]
        yield claim(f"range of {label}", "truth", said.mean, low, high, shares[k], 0, of_range)

    label, lines = RATIOS[name]
    component = labels.index(label)
    known = float(line_ratios(truth.endmembers[component], image.energy_kev, lines))
    value = float(line_ratios(found.estimate.endmembers[component], image.energy_kev, lines))
    assert found.posterior is not None
    lower, upper = line_ratio_interval(found.posterior, image.energy_kev, lines, component)
    fact = "/".join(lines)
    yield claim(fact, "truth", value, lower, upper, known, 0, shared)
    spectra = (identified.rotations @ found.estimate.endmembers)[:, component]
    ratios = line_ratios(spectra, image.energy_kev, lines)
    yield claim(f"range of {fact}", "truth", value, ratios.min(), ratios.max(), known, 0, of_range)

    covered = coverage(trial, found, 0.9, "total")
    yield covers("abundances of pixels in their 90 % intervals", "truth", covered, shared)
    counted = coverage(trial, found, 0.9)
    yield statement("the same, without what the counts leave open", "truth", counted, None, shared)
