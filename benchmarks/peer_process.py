"""Run a peer in its own process: ``python -m benchmarks.peer_process NAME FOLDER``, with the peer's own interpreter.

It reads `counts.npz` and `request.json` from the folder and leaves `result.npz` and `info.json` there. Packages are
imported and counts are read before the time of the fit is taken.
"""

import importlib
import importlib.metadata
import json
import os
import platform
import runpy
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.memory import peak_resident_mib
from benchmarks.peer import PEERS


def main(name: str, folder: Path) -> None:
    """Fit as the request says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    if name not in PEERS:  # it is not in the folder of peers, but in a file of somebody's own
        found = runpy.run_path(request["file"])
        if name not in PEERS:  # an entry point names the class, which need not register itself
            PEERS.register(name)(found[request["class"]])
    peer = PEERS[name](**request["settings"])
    for module in peer.modules:
        importlib.import_module(module)
    counts = sparse.csr_array(sparse.load_npz(folder / "counts.npz"))
    energy_kev, shape = np.array(request["energy_kev"]), tuple(request["navigation_shape"])

    start = time.perf_counter()
    endmembers, abundances, info = peer.fit(
        counts, energy_kev, shape, request["n_components"], request["seed"]
    )
    seconds = time.perf_counter() - start

    info["process"] = {
        "fit_seconds": seconds,
        "peak_mib": peak_resident_mib(),
        "versions": _versions(peer.modules),
    }
    np.savez(folder / "result.npz", endmembers=endmembers, abundances=abundances)
    (folder / "info.json").write_text(json.dumps(info), encoding="utf-8")


def _versions(modules: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, NumPy, SciPy and the packages that hold the given modules."""
    distributions = importlib.metadata.packages_distributions()
    tops = dict.fromkeys(module.partition(".")[0] for module in modules)
    names = ["numpy", "scipy", *(name for top in tops for name in distributions.get(top, []))]
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


def _end_with_parent() -> None:
    os.read(0, 1)  # until the other end of the pipe is closed; sys.stdin would be locked when we end
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
