"""Run chains side by side in threads, let the user interrupt them, and resume them after a kill.

A sweep keeps one core busy, so each chain has a thread. The key of every block of sweeps is fixed beforehand, so a
chain that resumes from a checkpoint makes the same draws as one that was never stopped.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.io.file import whole_file
from bayesunmix.running.compilation import give_back_memory
from bayesunmix.running.home import at_home
from bayesunmix.running.progress import track

SECONDS_BETWEEN_CHECKPOINTS = 30.0
# NumPy parses the header of every array as Python source, and Python 3.11 fails ("AST constructor recursion depth
# mismatch") where two threads parse at once.
_ONE_READS = Lock()
Ended = TypeVar("Ended")


class Checkpoint(NamedTuple):
    """Say where chains are kept on disk, with a hash of what decides their draws. A path of None keeps nothing."""

    path: Path | None
    identity: str

    def file(self, name: str) -> Path | None:
        """Return the file of one chain at one stage."""
        return self.path and self.path.with_name(f"{self.path.name}.{name}.npz")

    def beside(self, name: str) -> "Checkpoint":
        """Return another checkpoint of the same run, for draws that take the place of the first."""
        return self._replace(path=self.path and self.path.with_name(f"{self.path.name}.{name}"))

    def forget(self, stages: Iterable[str], n_chains: int) -> None:
        """Remove the files of all chains at stages that are done."""
        for name in (f"{stage}{number}" for stage in stages for number in range(n_chains)):
            if (file := self.file(name)) is not None:
                file.unlink(missing_ok=True)


def checkpoint(path: str | None, image: SpectrumImage, settings: Any, key: jax.Array) -> Checkpoint:
    """Make a checkpoint that identifies a run by its counts and mask, settings and key.

    Raises
    ------
    ValueError
        If the folder of the path does not exist.
    """
    if path is None:
        return Checkpoint(None, "")
    if not at_home(path).absolute().parent.is_dir():
        raise ValueError(f"checkpoint must lie in a folder that exists, got {path!r}; make the folder first")
    digest = hashlib.sha256(json.dumps([image.shape, repr(settings)]).encode())
    counts = image.counts
    for part in (counts.indptr, counts.indices, counts.data, image.takes_part, jax.random.key_data(key)):
        digest.update(np.ascontiguousarray(part).tobytes())
    return Checkpoint(at_home(path).absolute(), digest.hexdigest())


def run_side_by_side(run: Callable[[int, Event], Ended], n_chains: int) -> tuple[list[Ended], bool]:
    """Run chains in threads until they are done, or until Ctrl-C asks them to end early.

    The memory that compiling their code took is given back first.

    Returns
    -------
    results : list
        What ``run(number, stop)`` returned for each chain. A chain ends soon after `stop` is set.
    interrupted : bool
    """
    give_back_memory()
    stop, interrupted = Event(), False
    with ThreadPoolExecutor(n_chains) as pool:
        futures = [pool.submit(run, number, stop) for number in range(n_chains)]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop.set()
    return [future.result() for future in futures], interrupted


def advance_in_blocks(
    advance: Callable[[Any, jax.Array, int], tuple[Any, tuple[np.ndarray, ...]]],
    state: Any,
    keys: jax.Array,
    stop: Event,
    label: str,
    kept: Checkpoint,
    name: str,
) -> tuple[Any, list[tuple[np.ndarray, ...]]]:
    """Advance a chain block by block, and keep what each block gives.

    Parameters
    ----------
    advance : callable
        ``(state, key, number of the block) -> (state, arrays of the block)``.
    state : tree of arrays
    keys : JAX keys
        One for each block.
    stop : Event
    label : str
        Text of the progress bar.
    kept : Checkpoint
    name : str
        Name of this chain and stage, for the checkpoint.

    Returns
    -------
    state : tree of arrays
    found : list
        What the blocks gave; fewer than keys if the chain was stopped.
    """
    state, found = _resume(state, kept, name)
    saved = time.monotonic()
    for number in _rest(len(found), len(keys), label):
        if stop.is_set():
            break
        state, arrays = advance(state, keys[number], number)
        found.append(arrays)
        if kept.path is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
            _save(state, found, kept, name)
            saved = time.monotonic()
    if kept.path is not None:
        _save(state, found, kept, name)
    return state, found


def _rest(first: int, n: int, label: str) -> Iterator[int]:
    return track(range(first, n), label, n - first)


def _save(state: Any, found: list[tuple[np.ndarray, ...]], kept: Checkpoint, name: str) -> None:
    file = kept.file(name)
    assert file is not None
    arrays: dict[str, Any] = {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    arrays |= {f"found_{b}_{i}": array for b, block in enumerate(found) for i, array in enumerate(block)}
    with whole_file(file) as temporary, open(temporary, "wb") as opened:
        np.savez(opened, identity=np.array(kept.identity), blocks=np.array(len(found)), **arrays)


def _resume(state: Any, kept: Checkpoint, name: str) -> tuple[Any, list[tuple[np.ndarray, ...]]]:
    file = kept.file(name)
    if file is None or not file.is_file():
        return state, []
    with _ONE_READS, np.load(file) as stored:
        if str(stored["identity"]) != kept.identity:
            raise ValueError(
                f"{file} belongs to another image, seed or settings; remove it, or choose another checkpoint"
            )
        leaves, tree = jax.tree.flatten(state)
        restored = [stored[f"state_{i}"] for i in range(len(leaves))]
        found = []
        for b in range(int(stored["blocks"])):
            names = sorted(
                (n for n in stored.files if n.startswith(f"found_{b}_")), key=lambda n: int(n.split("_")[2])
            )
            found.append(tuple(stored[n] for n in names))
    return jax.tree.unflatten(tree, [jax.numpy.asarray(leaf) for leaf in restored]), found
