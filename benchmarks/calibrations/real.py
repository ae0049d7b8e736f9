"""Hold results of real recordings against what is known of them, and of phantoms in which assumptions are false.

Each row is one claim (`benchmarks.scoring.claims`). Recordings are sought in the folder that the environment variable
``BAYESUNMIX_RECORDINGS`` names, or in ``../shared/data/real`` beside the checkout.
"""

import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesunmix as bu
from bayesunmix.analysis.line_maps import line_window
from bayesunmix.analysis.line_ratios import line_ratio_interval, line_ratios
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.calibrations._false_assumptions import RATIOS, claims_of
from benchmarks.metrics.held_out_deviance import held_out_deviance
from benchmarks.recording import FOLDER_VARIABLE, RecordedTrial
from benchmarks.scoring.claims import about, claim, covers, of_chains, statement
from benchmarks.scoring.predicted_counts import line_map_error, predictive_coverage

_BESIDE = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"
_MEASURED = "Rossouw et al., Nano Letters 15 (2015) 2716; bare particles of the specimen"
_DACITE_LINES = ("O_Ka", "Na_Ka", "Mg_Ka", "Al_Ka", "Si_Ka", "K_Ka", "Ca_Ka", "Ti_Ka", "Fe_Ka")
_EARTH_LINES = ("O_Ka", "Mg_Ka", "Al_Ka", "Si_Ka", "Ca_Ka", "Fe_Ka", "Cu_Ka")
_DACITE = ("P45_the_default_job.bcf", "P45_12bit_packed_8bit.bcf")
_ROWS, _RATIO = 20, 1.49  # of the first file of the dacite: rows with more dose, and how much more


@dataclass(frozen=True)
class _File:
    """A recording, the number of components that it is fitted with, and lines that its spectrum shows."""

    file: str
    components: int
    lines: tuple[str, ...]


RECORDINGS = {
    "core_shell": _File("core_shell.hspy", 3, ("C_Ka", "O_Ka", "Fe_Ka", "Cu_Ka", "Pt_La")),
    "dacite_22": _File(_DACITE[0], 5, _DACITE_LINES),
    "dacite_122": _File(_DACITE[1], 5, _DACITE_LINES),
    "bridgmanite": _File("71GPa_experimental_data.hspy", 3, _EARTH_LINES),
    "sio2": _File("sio2.hspy", 3, ("C_Ka", "O_Ka", "Si_Ka", "Cu_Ka")),
    "bcf50": _File("bcf50.bcf", 2, ("C_Ka", "Al_Ka", "Ag_La", "Cu_Ka")),
    "view000": _File("View000_0000006.pts", 2, ("C_Ka", "O_Ka", "S_Ka", "Fe_Ka", "Cu_Ka")),
}
_OTHER, _LEFT_OUT = "another recording of the field", "photons left out"
_WHERE = {_OTHER: "the other recording", _LEFT_OUT: _LEFT_OUT}
HALF_OF = "half of "  # and the name of a recording: photons of the other half are predicted
HALVES = tuple(HALF_OF + name for name in RECORDINGS)
_MULTISCALE = "bayes, multiscale prior"
_RIVALS: dict[str, tuple[str, dict[str, Any]]] = {
    "nmf": ("nmf", {}),
    "nmf_smooth": ("nmf_smooth", {}),
    _MULTISCALE: ("bayes", {"abundance_prior": "multiscale"}),
    "bayes": ("bayes", {}),
}
"""What is fitted to half of the photons: method and options of each."""


def measure(case: str, seed: int) -> list[dict[str, Any]]:
    """Fit one recording or trial, and return a row for each claim."""
    if case in RATIOS:
        return list(claims_of(case, seed, fit))
    if case in HALVES:
        return list(_of_half(RECORDINGS[case.removeprefix(HALF_OF)], seed))
    return list(_of_recording(case, seed))


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Count for each case and fact how often it holds."""
    judged = rows[rows["holds"].notna()].assign(holds=lambda some: some["holds"].astype(str) == "True")
    table = judged.groupby(["case", "fact", "method"], sort=False).agg(
        trials=("seed", "size"),
        holds=("holds", "sum"),
        value=("value", "mean"),
        lower=("lower", "mean"),
        upper=("upper", "mean"),
        known=("known", "mean"),
        worst_r_hat=("r_hat", "max"),
    )
    return table.reset_index()


def folder() -> Path:
    """Return the folder of the recordings."""
    return Path(os.environ.get(FOLDER_VARIABLE, _BESIDE))


def read_recording(file: str) -> bu.SpectrumImage:
    """Read a recording as the command line does.

    Raises
    ------
    ValueError
        If it is not there.
    """
    if not (folder() / file).is_file():
        raise ValueError(
            f"there is no recording {folder() / file}; set {FOLDER_VARIABLE} to the folder that holds it, or leave "
            f"this case out with --only case=..."
        )
    return bu.read(folder() / file)


def fit(image: bu.SpectrumImage, components: int, method: str, seed: int, **options: Any) -> bu.Unmixing:
    """Unmix at default settings but for the options."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bu.UnmixingWarning)
        return bu.unmix(image, components, method, seed=seed, **options)


def _of_recording(case: str, seed: int) -> Iterator[dict[str, Any]]:
    recording = RECORDINGS[case]
    image = read_recording(recording.file)
    begun = time.perf_counter()
    found = fit(image, recording.components, "bayes", seed)
    shared = about(found, recording.components, image.n_photons / image.n_pixels, begun)
    yield from of_chains(found, shared)
    if case == "core_shell":
        core = int(line_ratios(found.estimate.endmembers, image.energy_kev, ("Pt_La", "Fe_Ka")).argmax())
        lines = ("Fe_Ka", "Pt_La")
        value = float(line_ratios(found.estimate.endmembers[core], image.energy_kev, lines))
        assert found.posterior is not None
        lower, upper = line_ratio_interval(found.posterior, image.energy_kev, lines, core)
        yield claim("/".join(lines), _MEASURED, value, lower, upper, 0.18, 0.02, shared)
    if case.startswith("dacite"):
        other = read_recording(_DACITE[case == "dacite_22"])
        exposure = _exposure(image, other, case)
        yield from _predicted(found, other, exposure, recording.lines, _OTHER, shared)
    if case == "dacite_22":
        share = found.estimate.endmembers[:, line_window("Na_Ka", image.spectral_axis)].sum(axis=1)
        area = bu.phase_fractions(found, image).areas[found.names[int(share.argmax())]]
        source = "area in a recording with many more counts"
        yield claim("area of plagioclase", source, area.mean, area.lower, area.upper, 0.132, 0.0, shared)
    if case == "bridgmanite":
        calcium = int(
            found.estimate.endmembers[:, line_window("Ca_Ka", image.spectral_axis)].sum(axis=1).argmax()
        )
        for line in ("U_Ma", "Nd_La", "Sm_La"):
            yield _only_in(found, image, line, calcium, shared)
    if case == "sio2":
        number = bu.rank(image, seed=seed).n_components
        yield claim(
            "materials that rank recommends",
            "one phase and its support",
            number,
            number,
            number,
            2,
            0,
            shared,
        )


def _of_half(recording: _File, seed: int) -> Iterator[dict[str, Any]]:
    """Fit half of the photons, and score the other half.

    The deviance is 0 for the mean spectrum, and lower is better. Both are compared with the multiscale prior alone,
    which differs in the maps only: the same seed draws the same endmembers.
    """
    whole = read_recording(recording.file)
    image, rest = whole.thin(0.5, np.random.default_rng(seed))
    trial = RecordedTrial(image, rest, rest, (), image.n_photons / image.n_pixels, seed)
    scores, rows = {}, []
    for name, (method, options) in _RIVALS.items():
        begun = time.perf_counter()
        found = fit(image, recording.components, method, seed, **options)
        shared = about(found, recording.components, trial.dose, begun, name)
        scores[name] = held_out_deviance(trial, found), line_map_error(found.estimate, rest, recording.lines)
        for fact, score in zip(
            ("held-out deviance per pixel", "error of line maps"), scores[name], strict=True
        ):
            rows.append(statement(fact, _LEFT_OUT, score, None, shared))
        if found.posterior is not None:
            same = np.ones(rest.n_pixels)
            rows += _predicted(found, rest, same, recording.lines, _LEFT_OUT, shared)
    yield from rows
    for k, fact in enumerate(("held-out deviance", "error of line maps")):
        known = scores[_MULTISCALE][k]
        worse = scores["bayes"][k] - known
        yield statement(
            f"{fact}, over that of the multiscale prior", _LEFT_OUT, worse, bool(worse <= 0), shared
        )


def _predicted(
    found: bu.Unmixing,
    other: bu.SpectrumImage,
    exposure: np.ndarray,
    lines: tuple[str, ...],
    source: str,
    shared: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """Ask whether 90 % intervals of predicted counts hold other counts of the field, line by line."""
    assert found.posterior is not None
    for line in lines:
        covered = predictive_coverage(found.posterior, other, exposure, line)
        yield covers(f"counts of {line} in {_WHERE[source]}", source, covered, shared)


def _exposure(image: bu.SpectrumImage, other: bu.SpectrumImage, case: str) -> np.ndarray:
    """Return the dose of the other recording over that of the image, (P,): rows of a partial frame have their own."""
    upper = np.arange(image.navigation_shape[0])[:, None] < _ROWS
    relative = np.where(upper, _RATIO, 1.0) ** (-1 if case == "dacite_22" else 1)
    relative = np.broadcast_to(relative, image.navigation_shape)
    scale = other.n_photons / (image.total_map() * relative).sum()
    return (scale * relative).ravel()


def _only_in(
    found: bu.Unmixing, image: bu.SpectrumImage, line: str, component: int, shared: dict[str, Any]
) -> dict[str, Any]:
    """Ask whether a component has a line more strongly than any other: the interval of the lead over the next one."""
    assert found.posterior is not None
    window = line_window(line, image.spectral_axis)
    shares = found.posterior.endmembers[..., window].sum(axis=-1, dtype=np.float64)
    others = np.delete(shares, component, axis=-1).max(axis=-1)
    lead = (shares[..., component] / others).ravel()
    lower, upper = np.quantile(lead, [0.05, 0.95])
    source = "U, Nd and Sm only in Ca-perovskite (espm, arXiv:2404.17496)"
    row = claim(
        f"{line} of Ca-perovskite over the next", source, lead.mean(), lower, upper, 1, np.nan, shared
    )
    return row | {"holds": bool(lower > 1)}


CALIBRATIONS.register("real")(Calibration({"case": (*RECORDINGS, *RATIOS, *HALVES)}, measure, summarise))
