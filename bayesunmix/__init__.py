"""bayesunmix: unmix EDS spectrum images at photon level, and say how wrong the answer may be.

The table of contents:

- `SpectrumImage`, `Axis`, `read`, `write`, `from_hyperspy`: photon counts, from arrays, microscope files or signals
- `unmix`: run a method; `METHODS` lists them, `Method` is their contract
- `Unmixing`, `Factorization`, `Posterior`: what comes back
- `line_map`: map of an X-ray line, counted or as an estimate expects it
- `net_counts`: maps of line families by name, from the method `elements`
- `owned_elements`: the elements of reference spectra, for the phases of the method `bayes`
- `rank`, `Rank`: how many components
- `identify`, `Identified`, `verdict`: how far the counts determine the answer at all
- `region`, `phase_fractions`, `phase_map`: what regions and the image hold, and which phase a pixel is, with errors
- `line_intensities`, `denoised`: net counts of lines, and spectra, as a posterior knows them
- `load_result`: read what `Unmixing.save` wrote
- `check`, `Checks`: whether a result fits the counts, and if not, where
- `match`, `spectral_angles`: line components up

Names are imported when they are first used, so that the command line answers at once.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesunmix.alignment import match, spectral_angles
    from bayesunmix.checks.check import Checks, check
    from bayesunmix.denoising import denoised
    from bayesunmix.dimension.rank import Rank, rank
    from bayesunmix.factorization import Factorization
    from bayesunmix.family_counts import net_counts
    from bayesunmix.identification import Identified, identify, verdict
    from bayesunmix.image import Axis, SpectrumImage
    from bayesunmix.intensities import line_intensities
    from bayesunmix.io import read, write
    from bayesunmix.io.hyperspy import from_hyperspy
    from bayesunmix.io.netcdf import load_result
    from bayesunmix.line_maps import line_map
    from bayesunmix.method import METHODS, Method, Unmixing
    from bayesunmix.phase_maps import PhaseMap, phase_map
    from bayesunmix.phases import PhaseFractions, phase_fractions
    from bayesunmix.posterior import Posterior
    from bayesunmix.quantity import Quantity
    from bayesunmix.regions import Content, Region, region
    from bayesunmix.spectra.recognition import owned_elements
    from bayesunmix.unmixing import unmix

_HOME = {
    "METHODS": "method",
    "Axis": "image",
    "Checks": "checks.check",
    "Content": "regions",
    "Factorization": "factorization",
    "Identified": "identification",
    "Method": "method",
    "PhaseFractions": "phases",
    "PhaseMap": "phase_maps",
    "Posterior": "posterior",
    "Quantity": "quantity",
    "Rank": "dimension.rank",
    "Region": "regions",
    "SpectrumImage": "image",
    "Unmixing": "method",
    "check": "checks.check",
    "denoised": "denoising",
    "from_hyperspy": "io.hyperspy",
    "identify": "identification",
    "line_intensities": "intensities",
    "line_map": "line_maps",
    "load_result": "io.netcdf",
    "match": "alignment",
    "net_counts": "family_counts",
    "phase_fractions": "phases",
    "phase_map": "phase_maps",
    "owned_elements": "spectra.recognition",
    "rank": "dimension.rank",
    "read": "io",
    "region": "regions",
    "spectral_angles": "alignment",
    "unmix": "unmixing",
    "verdict": "identification",
    "write": "io",
}

__all__ = [
    "METHODS",
    "Axis",
    "Checks",
    "Content",
    "Factorization",
    "Identified",
    "Method",
    "PhaseFractions",
    "PhaseMap",
    "Posterior",
    "Quantity",
    "Rank",
    "Region",
    "SpectrumImage",
    "Unmixing",
    "check",
    "denoised",
    "from_hyperspy",
    "identify",
    "line_intensities",
    "line_map",
    "load_result",
    "match",
    "net_counts",
    "owned_elements",
    "phase_fractions",
    "phase_map",
    "rank",
    "read",
    "region",
    "spectral_angles",
    "unmix",
    "verdict",
    "write",
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
