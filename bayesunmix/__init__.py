"""bayesunmix: unmix EDS spectrum images at photon level, and say how wrong the answer may be.

The table of contents:

- `SpectrumImage`, `Axis`, `read`, `write`: photon counts, from arrays or microscope files
- `unmix`: run a method; `METHODS` lists them, `Method` is their contract
- `Unmixing`, `Factorization`, `Posterior`: what comes back
- `match`, `spectral_angles`: line components up

Names are imported when they are first used, so that the command line answers at once.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesunmix.alignment import match, spectral_angles
    from bayesunmix.factorization import Factorization
    from bayesunmix.image import Axis, SpectrumImage
    from bayesunmix.io import read, write
    from bayesunmix.method import METHODS, Method, Unmixing
    from bayesunmix.posterior import Posterior
    from bayesunmix.unmixing import unmix

_HOME = {
    "METHODS": "method",
    "Axis": "image",
    "Factorization": "factorization",
    "Method": "method",
    "Posterior": "posterior",
    "SpectrumImage": "image",
    "Unmixing": "method",
    "match": "alignment",
    "read": "io",
    "spectral_angles": "alignment",
    "unmix": "unmixing",
    "write": "io",
}

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
