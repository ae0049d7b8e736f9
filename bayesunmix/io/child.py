"""Run the readers of other packages in a child process, so that a damaged file cannot harm the user's own.

Decoders compiled by others can end a process, never come back, or ask for any amount of memory when a file is
damaged. The child reads, and sends what it reads in parts. Where it ends, is silent for too long, or needs more memory
than there is, one sentence says so. The child waits for further files, and ends by itself when none comes
(`bayesunmix.io.child_main` is its side).
"""

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bayesunmix.io.digest import files_of
from bayesunmix.io.reading_axes import Refused

_TO_START_S = 120.0
_SILENCE_S = 30.0  # longer than any part takes
_SILENT_BYTES_PER_S = 1e6  # no disk is slower, and some readers go through a whole file before the first part
_WHOLE_S = 45.0  # a damaged size may be that of a map without end, whose parts come quickly
_BYTES_PER_S = 5e4

_log = logging.getLogger("bayesunmix")


def parts(read: Callable[..., Iterator[Any]], path: Path, **arguments: Any) -> Iterator[Any]:
    """Call ``read(path, **arguments)`` in the child, and yield what it yields.

    Parameters
    ----------
    read : function
        A generator function at the top of its module, which yields what can be pickled.
    path : Path
        The file that is read: sentences name it, and its size decides how long the child may be silent.
    **arguments
        What can be pickled.

    Raises
    ------
    Refused
        If `read` refuses the file, or the child ends, is silent for too long, or fails in any other way.
    MemoryError
        If there is not enough memory.
    ModuleNotFoundError
        If a package is missing.
    """
    path = path.absolute()
    size = sum(file.stat().st_size for file in files_of(path))
    silence = _SILENCE_S + size / _SILENT_BYTES_PER_S
    child = _child_with((read, path, arguments, psutil.virtual_memory().available))
    end = time.monotonic() + _WHOLE_S + size / _BYTES_PER_S
    kind = ""
    try:
        while (answer := child.answer(path, min(silence, end - time.monotonic())))[0] == "part":
            yield answer[1]
        kind, content = answer
    finally:
        if kind:
            _waiting.append(child)
        else:  # it is in the middle of a file that nobody wants any more
            child.end()
    if kind != "end":
        raise _ERRORS[kind](content)


class _Child:
    """A child process and its two pipes."""

    def __init__(self) -> None:
        places = os.pathsep.join(place or os.getcwd() for place in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bayesunmix.io.child_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": places},
        )

    def takes(self, request: object) -> bool:
        """Send a request; return False where the child has ended before."""
        assert self._process.stdin is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            return False
        return self._receive(_TO_START_S) == "taken"

    def answer(self, path: Path, silence_s: float) -> tuple[str, Any]:
        """Return the next answer, its kind and its content; log the notes that come before."""
        while received := self._receive(silence_s):
            if received[0] != "note":
                return received
            _log.warning("%s", received[1])
        raise Refused(
            f"cannot read {path.name!r}: {self._how_it_ended()}, so the file is probably damaged; "
            "copy it again from where it was recorded"
        )

    def end(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # of what was still to be sent to a process that is no more
                pipe.close()  # type: ignore[union-attr]

    def _receive(self, silence_s: float) -> Any:
        """Wait for something from the child; return None where it ends, or is silent for longer and is ended."""
        assert self._process.stdout is not None
        self._too_late = False
        watch = threading.Timer(max(silence_s, 0), self._stop)
        watch.daemon = True
        watch.start()
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            return None
        finally:
            watch.cancel()

    def _stop(self) -> None:
        self._too_late = True
        self._process.kill()

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        if self._too_late:
            return "its reader took much longer than a file of its size can need"
        if status < 0:
            return f"its reader broke down ({signal.Signals(-status).name})"
        return "its reader ended without a word"


# Children that have done their work, one for each thread that reads at the same time.
_waiting: list[_Child] = []
if hasattr(os, "register_at_fork"):  # two processes cannot share one child
    os.register_at_fork(after_in_child=_waiting.clear)

_ERRORS: dict[str, type[Exception]] = {
    "refused": Refused,
    "missing": ModuleNotFoundError,
    "memory": MemoryError,
}


def _child_with(request: object) -> _Child:
    """Return a child that has taken the request; one that waited for too long has ended."""
    while _waiting:
        child = _waiting.pop()
        if child.takes(request):
            return child
        child.end()
    child = _Child()
    if child.takes(request):
        return child
    child.end()
    raise RuntimeError(
        "the process that reads files did not start: "
        f"`{sys.executable} -m bayesunmix.io.child_main` must run and wait for input"
    )
