"""What a computation costs: seconds of work, seconds of compilation, and peak memory.

Compilation is reported by JAX itself, so one run yields both times. Peak memory is the largest resident size
of this process seen by a thread that looks every few milliseconds; it includes what the process held before.
"""

import math
import threading
import time
from types import TracebackType

import psutil

_COMPILE_EVENTS = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
_compilations: list[tuple[float, float]] = []
_listening = False


def _listen() -> None:
    """Ask JAX, once per process, to report compilation times: listeners cannot be taken off singly."""
    global _listening
    if not _listening:
        import jax

        def add(event: str, duration_secs: float, **_: str | int) -> None:
            if event in _COMPILE_EVENTS:
                end = time.perf_counter()
                _compilations.append((end - duration_secs, end))

        jax.monitoring.register_event_duration_secs_listener(add)
        _listening = True


class Cost:
    """Context manager that measures its body.

    Attributes
    ----------
    fit_seconds : float
        Wall time without compilation.
    compile_seconds : float
        Time in which JAX was tracing or compiling, in one thread or in several at once.
    peak_mib : float
        Largest resident size of the process, MiB.
    """

    def __init__(self, every_seconds: float = 0.005) -> None:
        self._every = every_seconds
        self._stop = threading.Event()
        self._process = psutil.Process()
        self.fit_seconds = self.compile_seconds = self.peak_mib = 0.0

    def _look(self) -> None:
        self.peak_mib = max(self.peak_mib, self._process.memory_info().rss / 2**20)

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self._look()

    def __enter__(self) -> "Cost":
        _listen()
        self._look()
        self._n_before, self._start = len(_compilations), time.perf_counter()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        wall = time.perf_counter() - self._start
        self._stop.set()
        self._thread.join()
        self._look()
        self.compile_seconds = min(_covered(_compilations[self._n_before :]), wall)
        self.fit_seconds = wall - self.compile_seconds


def _covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of time spans: chains compile side by side, and a moment counts once."""
    covered, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        covered += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return covered
