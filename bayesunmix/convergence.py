"""Iterate until the objective settles, and report how it went, in the same way for every iterative method."""

from collections.abc import Callable
from typing import Any, NamedTuple

from bayesunmix.progress import track

BLOCK = 10  # iterations between two looks at the objective


class Run(NamedTuple):
    """Where an iteration ended: its state, the objective after each block, and whether it settled."""

    state: Any
    objective: list[float]
    iterations: int
    converged: bool

    def info(self, objective_name: str, warnings: list[str]) -> dict[str, Any]:
        """Return the entries of `Unmixing.info` that every method has, with a warning if it stopped early."""
        if not self.converged:
            early = f"stopped after {self.iterations} iterations with the {objective_name} still changing"
            warnings = [*warnings, f"{early}; raise max_iterations"]
        return {
            "converged": self.converged,
            "iterations": self.iterations,
            "objective": self.objective,
            "objective_name": objective_name,
            "warnings": warnings,
        }


def until_settled(
    state: Any,
    advance: Callable[[Any, int], Any],
    objective: Callable[[Any], float],
    tolerance: float,
    max_iterations: int,
    label: str,
) -> Run:
    """Advance until a block of `BLOCK` iterations changes the objective by less than `tolerance` of itself.

    Parameters
    ----------
    state : any
    advance : callable (state, iterations) -> state
    objective : callable (state) -> float
    tolerance : float
    max_iterations : int
    label : str
        For the progress bar.
    """
    trace, converged, iterations = [objective(state)], False, 0
    for _ in track(range(0, max_iterations, BLOCK), label):
        state = advance(state, BLOCK)
        iterations += BLOCK
        trace.append(objective(state))
        converged = abs(trace[-2] - trace[-1]) <= tolerance * abs(trace[-1])
        if converged:
            break
    return Run(state, trace, iterations, converged)
