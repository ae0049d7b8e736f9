"""Use a peer as a method: `bayesunmix.unmix` fits with it as with one of ours, and the fit runs in its own process.

So the image, the number of components, the scale and the mask are dealt with in one place for all. Only the cost and
the versions are those of the other process (`benchmarks.peer_process`), which reports them.
"""

import dataclasses
import inspect
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix import Factorization, SpectrumImage, Unmixing, unmix
from benchmarks.cost import CellCost
from benchmarks.peer import PEERS, ROOT, Peer, python_of

_REPORT = "process"  # the entry of a result's info that its process reported


def unmix_with_peer(
    name: str, image: SpectrumImage, n_components: int | None, seed: int, settings: Mapping[str, Any]
) -> tuple[Unmixing, CellCost]:
    """Unmix an image with a peer, in a new process of the peer's environment.

    Parameters
    ----------
    name : str
        A registered peer.
    image : SpectrumImage
    n_components : int or None
        None: `bayesunmix.rank` finds it.
    seed : int
    settings : dict

    Returns
    -------
    result : Unmixing
        As `bayesunmix.unmix` gives it; the versions are those of the peer's process.
    cost : CellCost
        Seconds of the peer's `fit` alone, and memory of its process.

    Raises
    ------
    Missing
        If the environment is not there.
    RuntimeError
        If the process fails; the message ends with the last line that it wrote.
    """
    peer = PEERS[name](**settings)
    found = unmix(image, n_components, _PeerMethod(name, peer, seed), seed=seed, progress=False)
    info: Any = dict(found.info)
    report = info.pop(_REPORT)
    cost = CellCost(report["fit_seconds"], 0.0, report["peak_mib"])
    info |= {"method": name, "settings": _settings(peer), "versions": report["versions"], "device": "cpu"}
    info |= cost._asdict()
    return dataclasses.replace(found, info=info), cost


@dataclasses.dataclass(frozen=True)
class _PeerMethod:
    """Stand for the peer where `unmix` takes a method: the image goes to a process, and its result comes back."""

    name: str
    peer: Peer
    seed: int

    def fit(self, image: SpectrumImage, n_components: int, key: object) -> Unmixing:
        """Run the process; peers are seeded with a number and not with a key."""
        python = python_of(self.peer.environment)
        request = {
            "file": inspect.getfile(type(self.peer)),
            "class": type(self.peer).__name__,
            "settings": _settings(self.peer),
            "energy_kev": image.energy_kev.tolist(),
            "navigation_shape": image.navigation_shape,
            "n_components": int(n_components),
            "seed": int(self.seed),
        }
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-") as place:
            folder = Path(place)
            sparse.save_npz(folder / "counts.npz", image.counts, compressed=False)
            (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
            _run(python, self.name, folder)
            info = json.loads((folder / "info.json").read_text(encoding="utf-8"))
            with np.load(folder / "result.npz") as found:
                return Unmixing(Factorization(found["endmembers"], found["abundances"]), info=info)


def _settings(peer: Any) -> dict[str, Any]:
    return dataclasses.asdict(peer)


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
