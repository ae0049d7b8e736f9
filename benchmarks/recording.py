"""Use a file of a microscope as a scene: its photons are thinned to a dose, and nobody knows the truth.

A suite defines it in TOML, and holds recordings or phantoms, not both::

    [scenes.dacite]
    file = "P45_the_default_job.bcf"
    reference = "P45_12bit_packed_8bit.bcf"   # left out: the photons that thinning leaves over
    components = 5
    lines = ["Mg_Ka", "Ca_Ka", "Fe_Ka"]       # of `bayesunmix.line_map`

Files lie beside the suite, or in the folder that the environment variable ``BAYESUNMIX_RECORDINGS`` names. A file that
is in neither makes skipped rows that say so.

Photons are kept with one probability each, so that the image and what is left over are independent and Poisson, with
means that differ by a known factor. Seeds thin the same photons, so they differ less than recordings would: the
intervals of the report are those of thinning.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix import SpectrumImage, read
from bayesunmix.contracts.registry import require_name
from benchmarks.missing import Missing

FOLDER_VARIABLE = "BAYESUNMIX_RECORDINGS"
_REQUIRED = ("file", "components", "lines")


@dataclass(frozen=True, eq=False)
class RecordedTrial:
    """Hold a recording at a dose: what a method may see (`image`), and what it is scored against.

    Parameters
    ----------
    image : SpectrumImage
    rest : SpectrumImage
        The photons of the same pixels that are not in the image.
    reference : SpectrumImage
        An image with more photons: another recording of the field, whose exposure may differ from pixel to pixel, or
        `rest`.
    lines : tuple of str
        X-ray lines whose maps are compared with those of the reference.
    dose : float
        Mean counts per pixel of the image.
    seed : int
    """

    image: SpectrumImage
    rest: SpectrumImage
    reference: SpectrumImage
    lines: tuple[str, ...]
    dose: float
    seed: int

    #: Nobody knows it.
    truth = None


@dataclass(frozen=True)
class Recording:
    """Name a file, what it is compared with, and how it is unmixed.

    Parameters
    ----------
    name : str
    file : Path
    components : int
        Number of components that "true" stands for.
    lines : tuple of str
        X-ray lines whose maps are scored.
    reference : Path, optional
        A second recording of the same pixels and channels.

    Raises
    ------
    ValueError
        If there is no component, or no line.
    """

    name: str
    file: Path
    components: int
    lines: tuple[str, ...]
    reference: Path | None = None

    def __post_init__(self) -> None:
        if type(self.components) is not int or self.components < 1:
            raise ValueError(
                f"components of scene {self.name} must be a whole number from 1 up, got {self.components!r}"
            )
        if not self.lines or not all(isinstance(line, str) for line in self.lines):
            raise ValueError(
                f'lines of scene {self.name} must be a list such as ["Fe_Ka"], got {list(self.lines)}'
            )

    @classmethod
    def parse(cls, name: str, table: Mapping[str, Any], folder: Path) -> "Recording":
        """Read the TOML table of a recording; files are sought in the suite's folder first.

        Raises
        ------
        ValueError
            If a key is missing or unknown.
        """
        for key in table:
            require_name(key, (*_REQUIRED, "reference"), f"key of scene {name}")
        if missing := [key for key in _REQUIRED if key not in table]:
            raise ValueError(f"{', '.join(missing)} of scene {name} is required; see benchmarks/recording.py")
        paths = {key: _sought(table[key], folder) for key in ("file", "reference") if key in table}
        return cls(name, components=table["components"], lines=tuple(_list(table["lines"])), **paths)

    @property
    def n_components(self) -> int:
        """Return the number of components that "true" stands for."""
        return self.components

    def acquire(self, dose: float, seed: int) -> RecordedTrial:
        """Thin the recording.

        Raises
        ------
        Missing
            If a file is not here, or the recording holds no more counts than the dose.
        ValueError
            If a file cannot be read, or the reference has other pixels or channels.
        """
        whole = _read(self.file)
        counts = whole.n_photons / whole.n_pixels
        if dose >= counts:
            raise Missing(
                f"recording {self.name} holds {counts:.1f} counts per pixel: choose a dose below that, not {dose:g}"
            )
        image, rest = whole.thin(dose / counts, np.random.default_rng(seed))
        return RecordedTrial(image, rest, self._reference(whole) or rest, self.lines, dose, seed)

    def grid(self) -> SpectrumImage | None:
        """Return an image with pixels and channels of the trials, or None where the file is not here."""
        return _read(self.file) if self.file.is_file() else None

    def identity(self) -> tuple[str, dict[str, Any]]:
        """Return what decides the photons besides dose and seed: a hash of the files; there is no acquisition."""
        files = [path for path in (self.file, self.reference) if path is not None]
        digests = [_digest(path) if path.is_file() else "missing" for path in files]
        return hashlib.sha256(repr((digests, self.lines)).encode()).hexdigest()[:12], {}

    def _reference(self, whole: SpectrumImage) -> SpectrumImage | None:
        if self.reference is None:
            return None
        reference = _read(self.reference)
        if reference.shape != whole.shape or not np.allclose(reference.energy_kev, whole.energy_kev):
            raise ValueError(
                f"reference of scene {self.name} must have the pixels and channels of its file, "
                f"got {reference!r} and {whole!r}"
            )
        return reference


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _sought(file: Any, folder: Path) -> Path:
    """Return where a file is, or else would be beside the suite."""
    beside = folder / str(file)
    elsewhere = Path(os.environ[FOLDER_VARIABLE]) / str(file) if FOLDER_VARIABLE in os.environ else beside
    return beside if beside.is_file() else elsewhere


@lru_cache(maxsize=4)
def _read(path: Path) -> SpectrumImage:
    if not path.is_file():
        raise Missing(
            f"there is no recording {path}; set {FOLDER_VARIABLE} to the folder that holds {path.name}"
        )
    return read(path)


@lru_cache(maxsize=16)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
