"""bayesunmix: unmix EDS spectrum images at photon level, and say how wrong the answer may be.

The table of contents:

- `SpectrumImage`, `Axis`, `read`, `write`, `from_hyperspy`: photon counts, from arrays, microscope files or signals
- `split`: two independent halves of the photons
- `unmix`: run a method; `METHODS` lists them, `Method` is their contract
- `Unmixing`, `Factorization`, `Posterior`: what comes back
- `UnmixingWarning`, `NotConvergedWarning`, `NotIdentifiedWarning`: what `unmix` warns of
- `line_map`: map of an X-ray line, counted or as an estimate expects it
- `net_counts`: maps of line families by name, from the method `elements`
- `owned_elements`: the elements of reference spectra, for the phases of the method `bayes`
- `rank`, `Rank`: how many components
- `identify`, `Identified`, `verdict`: how far the counts determine the answer at all
- `ladder`, `PureAreas`, `Owns`, `Reference`: what one would have to believe for a sharper answer
- `region`, `phase_fractions`, `phase_map`: what regions and the image hold, and which phase a pixel is, with errors
- `line_ratio`: ratio of two lines in the spectrum of a component, with the interval that other solutions leave
- `line_intensities`, `denoised`: net counts of lines, and spectra, as a posterior knows them
- `quantify`, `Quantification`, `Composition`, `Amount`: what each part is made of, in at.%, with four errors kept apart
- `cliff_lorimer`, `k_ratios`, `write_msa`: compositions from given intensities, and what other programs need
- `save_result`, `load_result`: a whole result in one netCDF file; `to_hyperspy`: its spectra and maps as signals
- `Claim`, `read_claim`, `validate`, `Validation`, `Finding`, `Tolerance`: is a claim about a map right?
- `check`, `Checks`: whether a result fits the counts, and if not, where
- `plot_maps`, `plot_spectra`, `plot_rank`, `plot_checks`: pictures
- `match`, `spectral_angles`: line components up

Names are imported when they are first used, so that the command line answers at once.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesunmix.analysis.assumptions import Owns, PureAreas, Reference
    from bayesunmix.analysis.denoising import denoised
    from bayesunmix.analysis.family_counts import net_counts
    from bayesunmix.analysis.identification import Identified, identify
    from bayesunmix.analysis.intensities import line_intensities
    from bayesunmix.analysis.ladder import Ladder, ladder
    from bayesunmix.analysis.line_maps import line_map
    from bayesunmix.analysis.line_ratios import line_ratio
    from bayesunmix.analysis.phase_maps import PhaseMap, phase_map
    from bayesunmix.analysis.phases import PhaseFractions, phase_fractions
    from bayesunmix.analysis.quantity import Quantity, verdict
    from bayesunmix.analysis.regions import Content, Region, region
    from bayesunmix.checks.check import check
    from bayesunmix.checks.outcome import Checks
    from bayesunmix.claims.claim import Claim
    from bayesunmix.claims.reading import read_claim
    from bayesunmix.contracts.method import METHODS, Method
    from bayesunmix.data.alignment import match, spectral_angles
    from bayesunmix.data.factorization import Factorization
    from bayesunmix.data.halves import split
    from bayesunmix.data.image import Axis, SpectrumImage
    from bayesunmix.data.posterior import Posterior
    from bayesunmix.data.result import (
        NotConvergedWarning,
        NotIdentifiedWarning,
        Unmixing,
        UnmixingWarning,
    )
    from bayesunmix.data.spectral_axis import SpectralAxis
    from bayesunmix.dimension.rank import Rank, rank
    from bayesunmix.io import read, write
    from bayesunmix.io.hyperspy import from_hyperspy, to_hyperspy
    from bayesunmix.io.netcdf import load_result, save_result
    from bayesunmix.plotting import plot_checks, plot_maps, plot_rank, plot_spectra
    from bayesunmix.quantification.amounts import Amount
    from bayesunmix.quantification.composition import Composition, Quantification
    from bayesunmix.quantification.exposure import write_msa
    from bayesunmix.quantification.intensities import cliff_lorimer
    from bayesunmix.quantification.k_ratios import k_ratios
    from bayesunmix.quantification.quantify import quantify
    from bayesunmix.spectra.recognition import owned_elements
    from bayesunmix.unmixing import unmix
    from bayesunmix.validation.finding import Finding
    from bayesunmix.validation.tolerance import Tolerance
    from bayesunmix.validation.validate import validate
    from bayesunmix.validation.validation import Validation

_HOME = {
    "METHODS": "contracts.method",
    "Amount": "quantification.amounts",
    "Axis": "data.image",
    "Checks": "checks.outcome",
    "Claim": "claims.claim",
    "Composition": "quantification.composition",
    "Content": "analysis.regions",
    "Factorization": "data.factorization",
    "Finding": "validation.finding",
    "Identified": "analysis.identification",
    "Method": "contracts.method",
    "PhaseFractions": "analysis.phases",
    "PhaseMap": "analysis.phase_maps",
    "Posterior": "data.posterior",
    "Quantification": "quantification.composition",
    "Quantity": "analysis.quantity",
    "Rank": "dimension.rank",
    "Region": "analysis.regions",
    "SpectralAxis": "data.spectral_axis",
    "SpectrumImage": "data.image",
    "Tolerance": "validation.tolerance",
    "Unmixing": "data.result",
    "UnmixingWarning": "data.result",
    "NotConvergedWarning": "data.result",
    "NotIdentifiedWarning": "data.result",
    "plot_checks": "plotting",
    "plot_maps": "plotting",
    "plot_rank": "plotting",
    "plot_spectra": "plotting",
    "Validation": "validation.validation",
    "check": "checks.check",
    "cliff_lorimer": "quantification.intensities",
    "denoised": "analysis.denoising",
    "from_hyperspy": "io.hyperspy",
    "identify": "analysis.identification",
    "k_ratios": "quantification.k_ratios",
    "Ladder": "analysis.ladder",
    "Owns": "analysis.assumptions",
    "PureAreas": "analysis.assumptions",
    "Reference": "analysis.assumptions",
    "ladder": "analysis.ladder",
    "line_intensities": "analysis.intensities",
    "line_map": "analysis.line_maps",
    "line_ratio": "analysis.line_ratios",
    "load_result": "io.netcdf",
    "save_result": "io.netcdf",
    "to_hyperspy": "io.hyperspy",
    "match": "data.alignment",
    "net_counts": "analysis.family_counts",
    "phase_fractions": "analysis.phases",
    "phase_map": "analysis.phase_maps",
    "owned_elements": "spectra.recognition",
    "quantify": "quantification.quantify",
    "rank": "dimension.rank",
    "read": "io",
    "read_claim": "claims.reading",
    "region": "analysis.regions",
    "spectral_angles": "data.alignment",
    "split": "data.halves",
    "unmix": "unmixing",
    "validate": "validation.validate",
    "verdict": "analysis.quantity",
    "write": "io",
    "write_msa": "quantification.exposure",
}

__all__ = [
    "METHODS",
    "Amount",
    "Axis",
    "Checks",
    "Claim",
    "Composition",
    "Content",
    "Factorization",
    "Finding",
    "Identified",
    "Ladder",
    "Method",
    "NotConvergedWarning",
    "NotIdentifiedWarning",
    "Owns",
    "PhaseFractions",
    "PhaseMap",
    "Posterior",
    "PureAreas",
    "Quantification",
    "Quantity",
    "Rank",
    "Reference",
    "Region",
    "SpectralAxis",
    "SpectrumImage",
    "Tolerance",
    "Unmixing",
    "UnmixingWarning",
    "Validation",
    "check",
    "cliff_lorimer",
    "denoised",
    "from_hyperspy",
    "identify",
    "k_ratios",
    "ladder",
    "line_intensities",
    "line_map",
    "line_ratio",
    "load_result",
    "match",
    "net_counts",
    "owned_elements",
    "phase_fractions",
    "phase_map",
    "plot_checks",
    "plot_maps",
    "plot_rank",
    "plot_spectra",
    "quantify",
    "rank",
    "read",
    "read_claim",
    "region",
    "save_result",
    "spectral_angles",
    "split",
    "to_hyperspy",
    "unmix",
    "validate",
    "verdict",
    "write",
    "write_msa",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("bayesunmix")
    if name not in _HOME:
        raise AttributeError(f"module 'bayesunmix' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"bayesunmix.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
