"""Other people's unmixing on the same photons: the contract of a peer, and the registry that `peers/` fills.

A peer is a frozen dataclass whose fields are its settings, as a method is. It runs in a process and an environment
of its own (see `benchmarks.peer_process`), which may hold old packages and nothing of ours. So its file imports at the
top only NumPy, SciPy and this module, and its own packages in `fit`. To add one, write one file, and
`requirements/theirs.txt` for a new environment, which `make peers` makes::

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

import dataclasses
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy import sparse

from bayesunmix.contracts.arguments import require_image, require_seed
from bayesunmix.contracts.registry import Registry
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
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


def unmix_with_peer(
    name: str, image: SpectrumImage, n_components: int, seed: int, settings: Mapping[str, Any]
) -> Unmixing:
    """Unmix an image with a peer, in a new process of the peer's environment.

    Parameters
    ----------
    name : str
        A registered peer.
    image : SpectrumImage
    n_components : int
    seed : int
    settings : dict

    Returns
    -------
    Unmixing
        As `bayesunmix.unmix` gives it. Seconds are those of `fit` alone, memory and versions those of the process.

    Raises
    ------
    Missing
        If the environment is not there.
    RuntimeError
        If the process fails; the message ends with the last line that it wrote.
    """
    require_image(image)
    require_seed(seed)
    peer = PEERS[name](**settings)
    python = python_of(peer.environment)
    request = {
        "file": inspect.getfile(type(peer)),
        "class": type(peer).__name__,
        "settings": dataclasses.asdict(peer),
        "energy_kev": image.energy_kev.tolist(),
        "navigation_shape": image.navigation_shape,
        "n_components": int(n_components),
        "seed": int(seed),
    }
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as place:
        folder = Path(place)
        sparse.save_npz(folder / "counts.npz", image.counts, compressed=False)
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        _run(python, name, folder)
        info = json.loads((folder / "info.json").read_text(encoding="utf-8"))
        with np.load(folder / "result.npz") as found:
            estimate = Factorization(found["endmembers"], found["abundances"]).canonical()
    info |= {
        "method": name,
        "settings": request["settings"],
        "n_components": estimate.n_components,
        "seed": int(seed),
        "compile_seconds": 0.0,
        "device": "cpu",
    }
    return Unmixing(estimate, info=info, grid=image.grid)


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


def _run(python: str, name: str, folder: Path) -> None:
    """Run the process to its end. It ends with us: it watches the pipe that is its standard input."""
    command = [python, "-m", "benchmarks.peer_process", name, str(folder)]
    errors = folder / "errors.txt"
    with (
        open(errors, "wb") as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            # Without bytecode files every process would compile its packages anew.
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""},
        ) as process,
    ):
        code = process.wait()
    if code:
        ending = (
            f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        )
        lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [
            "it wrote nothing"
        ]
        raise RuntimeError(f"the process of peer {name} {ending}: {lines[-1]}")
