"""bayesunmix: unmix EDS spectrum images at photon level, and say how wrong the answer may be.

The table of contents:

- `SpectrumImage`, `read`: photon counts, from arrays or microscope files
- `unmix`: run a method; `METHODS` lists them
- `Unmixing`, `Factorization`, `Posterior`: what comes back
- `match`, `spectral_angles`: line components up
"""

from importlib.metadata import version

from bayesunmix.alignment import match, spectral_angles
from bayesunmix.factorization import Factorization
from bayesunmix.image import Axis, SpectrumImage
from bayesunmix.io import read, write
from bayesunmix.method import METHODS, Method, Unmixing
from bayesunmix.posterior import Posterior
from bayesunmix.unmixing import unmix

__version__ = version("bayesunmix")

__all__ = [
    "METHODS",
    "Axis",
    "Factorization",
    "Method",
    "Posterior",
    "SpectrumImage",
    "Unmixing",
    "match",
    "read",
    "spectral_angles",
    "unmix",
    "write",
]
