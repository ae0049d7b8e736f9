"""Define what a peer is, other people's unmixing on the same photons, and the registry that `peers/` fills.

A peer is a frozen dataclass whose fields are its settings, as a method is. It runs in a process and an environment
of its own, which may hold old packages and nothing of ours: `benchmarks.peer_method` starts the process, and
`benchmarks.peer_process` is what it runs. So the file of a peer imports at the top only NumPy, SciPy and this module,
and its own packages in `fit`. To add one, write one file, and `requirements/theirs.txt` for a new environment, which
`make peers` makes::

    @PEERS.register("mine")
    @dataclass(frozen=True)
    class Mine:
        environment: ClassVar[str] = "theirs"
        modules: ClassVar[tuple[str, ...]] = ("theirs.estimators",)
        tolerance: float = 1e-6

        def fit(self, counts, energy_kev, navigation_shape, n_components, seed):
            from theirs.estimators import Estimator
            ...
            return endmembers, abundances, {"converged": True}

Peers get what our methods have: converged runs, as many starts, and the public setting that does best on
``PHANTOMS["nicr_film"]`` at 5, 20 and 50 counts per pixel (seeds 100, 101, 102, which no suite uses). Each file says
what was tried, and where more than the film was looked at.
"""

import sys
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy import sparse

from bayesunmix.contracts.registry import Registry
from benchmarks.missing import Missing

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".venv-peers"


class Peer(Protocol):
    """A frozen dataclass of settings with a `fit`.

    Attributes
    ----------
    environment : str
        "main" for this one, else a folder in `.venv-peers/`.
    modules : tuple of str
        Its own packages, which are imported before its time is taken, and whose versions are reported.
    """

    environment: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]

    def fit(
        self,
        counts: sparse.csr_array,
        energy_kev: np.ndarray,
        navigation_shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """Unmix counts (P, C) into endmembers (K, C), abundances (P, K), and an info that JSON can hold."""
        ...


PEERS: Registry[type[Peer]] = Registry("peer", "benchmarks.peers")


def python_of(environment: str) -> str:
    """Return the interpreter of an environment.

    Raises
    ------
    Missing
        If it has not been installed, or could not be.
    """
    if environment == "main":
        return sys.executable
    folder = ENVIRONMENTS / environment
    if (folder / "installed").is_file():
        return str(folder / "bin" / "python")
    log = folder / "install.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    if errors := [line.strip() for line in lines if line.lower().lstrip().startswith("error")]:
        raise Missing(
            f"the environment {environment} could not be installed ({errors[-1]}); `make peers` tries again"
        )
    raise Missing(f"the environment {environment} is not installed; `make peers` installs it")
