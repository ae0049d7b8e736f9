"""Iterate until the objective settles, and report how it went, in the same way for every iterative method."""

from collections.abc import Callable
from typing import Any, NamedTuple

from bayesunmix.data.result import Info
from bayesunmix.running.progress import track

ITERATIONS_PER_LOOK = 10  # at the objective
FASTEST, SLOWEST = 0.5, 0.9  # range of the factor between two gains, for the extrapolation
ROUNDING = 1e-8  # fraction of the objective by which rounding to float32 can raise it


class Run(NamedTuple):
    """Hold the end of an iteration.

    Attributes
    ----------
    state : any
        The best state.
    objective : list of float
        The objective at the start and after each block.
    iterations : int
    gap : float
        Fraction of the objective that is left to gain, extrapolated after each of the last two blocks; the larger of
        both.
    converged : bool
    interrupted : bool
        True after Ctrl-C.
    """

    state: Any
    objective: list[float]
    iterations: int
    gap: float
    converged: bool
    interrupted: bool

    def info(self, objective_name: str, warnings: list[str]) -> Info:
        """Return the entries of `Unmixing.info` that every method has, with a warning if the fit stopped early."""
        if self.interrupted:
            warnings = [
                *warnings,
                f"The fit was interrupted after {self.iterations} iterations. Run it again.",
            ]
        elif not self.converged:
            early = f"The fit stopped after {self.iterations} iterations while the {objective_name} was still changing."
            warnings = [*warnings, f"{early} Raise max_iterations."]
        return {
            "converged": self.converged,
            "interrupted": self.interrupted,
            "iterations": self.iterations,
            "objective": self.objective,
            "objective_name": objective_name,
            "relative_gap": self.gap,
            "warnings": warnings,
        }


def until_settled(
    state: Any,
    advance: Callable[[Any, int], Any],
    objective: Callable[[Any], float],
    tolerance: float,
    max_iterations: int,
    label: str,
    at_rest: Callable[[Any], Any] | None = None,
    interrupted: bool = False,
) -> Run:
    """Advance until no more than `tolerance` of the objective is left to gain, or the user interrupts.

    Parameters
    ----------
    state : any
    advance : callable (state, iterations) -> state
    objective : callable (state) -> float
    tolerance : float
        Fraction of the objective. What is left to gain is extrapolated after every `ITERATIONS_PER_LOOK` iterations, as
        a geometric series of the last two gains. It must be small twice in a row, because momentum makes the gains
        swing.
    max_iterations : int
    label : str
        Text of the progress bar.
    at_rest : callable (state) -> state, optional
        Removes the momentum from a state, for methods that extrapolate and whose objective should fall. A block in
        which it rises is repeated from its start, shorter and without momentum.
    interrupted : bool
        True if the user interrupted an earlier stage. The state is evaluated and not advanced.
    """
    trace, gains, gaps = [objective(state)], [float("inf")], [float("inf")] * 2
    iterations, block = 0, ITERATIONS_PER_LOOK
    try:
        for _ in track(range(0, 0 if interrupted else max_iterations, ITERATIONS_PER_LOOK), label):
            moved = advance(state, block)
            value = objective(moved)
            iterations += block
            if at_rest and not value <= trace[-1] + ROUNDING * abs(trace[-1]):  # a NaN is no descent either
                if block == 1:  # an iteration without momentum cannot rise, but by rounding
                    gaps = [0.0, 0.0]
                    break
                state, block = at_rest(state), max(block // 3, 1)
                continue
            gains.append(abs(trace[-1] - value) * ITERATIONS_PER_LOOK / block)
            trace.append(value)
            state, block = moved, ITERATIONS_PER_LOOK
            gaps = [gaps[1], _left_to_gain(*gains[-2:]) / max(abs(value), 1e-300)]
            if max(gaps) <= tolerance:
                break
    except KeyboardInterrupt:
        interrupted = True
    return Run(state, trace, iterations, max(gaps), max(gaps) <= tolerance, interrupted)


def _left_to_gain(before: float, last: float) -> float:
    """Return the rest of the geometric series of which two gains are terms; infinity after a first gain.

    A small gain right after a large one may be an accident of the momentum, so it counts as at least a tenth of it.
    """
    last = max(last, before / 10)
    ratio = min(max(last / before, FASTEST), SLOWEST) if before > 0 else 0.0
    return last * ratio / (1 - ratio)
