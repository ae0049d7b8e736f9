"""Keep what the report draws: the truth of a phantom, and the estimate of every cell, as small .npz files.

Float32, compressed, written whole or not at all; an estimate too large to be drawn is not kept.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.data.result import Unmixing
from bayesunmix.io.file import whole_file
from benchmarks.record import RunRecord
from benchmarks.recording import Recording
from benchmarks.scene import Scene
from simulations.phantom import Phantom

_MOST_VALUES = 5_000_000
KEY = ("phantom", "dose", "seed", "method", "components")  # of an estimate, as in its record


@dataclass(frozen=True)
class Snapshots:
    """Read and write the snapshots of one set of results.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    def truth_path(self, phantom: str) -> Path:
        """Return the path of a phantom's truth."""
        return self.folder / f"{phantom}-truth.npz"

    def estimate_path(self, phantom: str, dose: float, seed: int, method: str, components: str) -> Path:
        """Return the path of a method's estimate."""
        return self.folder / f"{phantom}-dose{dose:g}-seed{seed}-{method}-{components}.npz"

    def keep_estimate(self, record: RunRecord, content: bytes) -> None:
        """Store the estimate of a record."""
        path = self.estimate_path(record.phantom, record.dose, record.seed, record.method, record.components)
        _write(path, content)

    def keep_truth(self, scene: Scene | Recording) -> None:
        """Store the truth at unit dose; of a recording only the grid, and nothing where its file is not here."""
        drawn = scene.build() if isinstance(scene, Scene) else scene.grid()
        if drawn is None:
            return
        arrays = {
            "energy_kev": drawn.energy_kev,
            "navigation_shape": np.array(drawn.navigation_shape),
            "pixel_size": np.array([axis.scale for axis in drawn.axes] or [1.0]),
            "pixel_unit": np.array(drawn.axes[-1].units if drawn.axes else "px"),
        }
        if isinstance(drawn, Phantom):
            arrays["endmembers"], arrays["abundances"] = drawn.truth.endmembers, drawn.truth.abundances
            arrays["labels"] = np.array(drawn.labels)
        _write(self.truth_path(scene.name), _npz(arrays))


def estimate_bytes(unmixing: Unmixing) -> bytes | None:
    """Return the .npz file of an aligned estimate and, with a posterior, of its 90 % intervals; None if too large."""
    arrays = {"endmembers": unmixing.estimate.endmembers, "abundances": unmixing.estimate.abundances}
    if unmixing.posterior is not None:
        lower, upper = unmixing.posterior.interval(0.9)
        arrays["abundances_width"] = upper.abundances - lower.abundances
        arrays["endmembers_lower"], arrays["endmembers_upper"] = lower.endmembers, upper.endmembers
    return _npz(arrays) if sum(array.size for array in arrays.values()) <= _MOST_VALUES else None


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def load(path: Path) -> dict[str, np.ndarray]:
    """Read a snapshot."""
    with np.load(path) as file:
        return dict(file)


def _npz(arrays: Mapping[str, Any]) -> bytes:
    small = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **small)
    return buffer.getvalue()
