"""Peers with known faults, for the tests: a suite loads this file by `modules = [...]`."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.peer import PEERS


@PEERS.register("stub_peer")
@dataclass(frozen=True)
class StubPeer:
    """Guesses, raises, dies, or leaves its process id in a file and waits."""

    environment: ClassVar[str] = "main"
    modules: ClassVar[tuple[str, ...]] = ("sklearn",)
    how: str = "guesses"
    note: str = ""

    def fit(self, counts, energy_kev, navigation_shape, n_components, seed):
        if self.how == "dies":
            os.kill(os.getpid(), 9)
        if self.how == "raises":
            raise RuntimeError("no solution today")
        if self.how == "waits":
            Path(self.note).write_text(str(os.getpid()))
            time.sleep(600)
        endmembers = -np.tile(energy_kev, (n_components, 1))
        info = {"shape": navigation_shape, "seed given": seed, "warnings": ["only a guess."]}
        return endmembers, -counts.toarray()[:, :n_components].astype(float), info
