"""Write a claim about a result as a row of a table: what is known, who says so, and what the method says of it.

A claim holds if the interval of the method reaches the known value within the error of the latter.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import bayesunmix as bu

MOST_R_HAT = 1.1
LEAST_COVERED = 0.87  # by 90 % intervals


def about(
    found: bu.Unmixing, components: int, dose: float, begun: float, method: str = "bayes"
) -> dict[str, Any]:
    """Return what all claims about a fit share; `begun` is when it began, by `time.perf_counter`."""
    return {
        "method": method,
        "components": components,
        "dose": round(dose, 1),
        "r_hat": round(float(found.info.get("r_hat", np.nan)), 4),
        "converged": bool(found.info["converged"]),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def claim(
    fact: str,
    source: str,
    value: float,
    lower: float,
    upper: float,
    known: float,
    error: float,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Return the row of a claim that a quantity lies in an interval."""
    numbers = {"value": value, "lower": lower, "upper": upper, "known": known, "known_error": error}
    rounded = {name: float(f"{number:.5g}") for name, number in numbers.items()}
    holds = bool(lower <= known + error and known - error <= upper)
    order = ("method", "components", "dose", "r_hat", "converged", "seconds")
    first = {key: about[key] for key in order[:3]}
    return {"fact": fact, "source": source, **first, **rounded, "holds": holds} | {
        k: about[k] for k in order[3:]
    }


def statement(
    fact: str, source: str, value: float, holds: bool | None, about: dict[str, Any]
) -> dict[str, Any]:
    """Return the row of a claim without an interval."""
    return claim(fact, source, value, np.nan, np.nan, np.nan, np.nan, about) | {"holds": holds}


def covers(fact: str, source: str, covered: float, about: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a claim that 90 % intervals hold their share of values."""
    row = claim(fact, source, covered, np.nan, np.nan, 0.9, 0.9 - LEAST_COVERED, about)
    return row | {"holds": bool(covered >= LEAST_COVERED)}


def of_chains(found: bu.Unmixing, about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of what chains must do: agree, or not be called calibrated."""
    assert found.posterior is not None
    agree, said = bool(about["r_hat"] < MOST_R_HAT), bool(found.posterior.calibrated)
    yield statement("R-hat under 1.1", "chains of one posterior agree", about["r_hat"], agree, about)
    fact = "calibrated only if chains agree"
    yield statement(fact, "chains of one posterior agree", float(said), agree or not said, about)
