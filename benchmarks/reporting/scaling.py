"""Fit how time and memory grow: exponents of photons, pixels, channels and components.

log y = c + a log(photons) + b log(pixels) + ... by least squares over the cells of a method; a quantity that does not
vary among them, by a factor of two at least and not only as those before it do, has no exponent. Its error is the
standard error of the fit.
"""

import numpy as np
import pandas as pd

SIZES = ("photons", "pixels", "channels", "n_components")
COSTS = ("fit_seconds", "peak_mib")
_LEAST_FREEDOM = 2
_LEAST_RATIO = 2.0


def exponents(records: pd.DataFrame) -> pd.DataFrame:
    """Fit the exponents of each method.

    Returns
    -------
    DataFrame
        Columns `method`, `cost`, `quantity`, `exponent`, `error`, `cells`; empty where nothing varies.
    """
    rows = []
    ran = records[(records["status"] == "ok") & (records["role"] != "bound")]
    for method, cells in ran.groupby("method"):
        for cost in COSTS:
            known = cells[cells[cost] > 0]
            varying, design = _varying(known)
            freedom = len(known) - design.shape[1]
            if not varying or freedom < _LEAST_FREEDOM:
                continue
            solution, residual = _least_squares(design, np.log(known[cost].to_numpy(float)))
            variance = residual @ residual / freedom
            error = np.sqrt(np.diagonal(np.linalg.inv(design.T @ design)) * variance)
            rows += [
                {
                    "method": method,
                    "cost": cost,
                    "quantity": q,
                    "exponent": a,
                    "error": e,
                    "cells": len(known),
                }
                for q, a, e in zip(varying, solution[1:], error[1:], strict=True)
            ]
    return pd.DataFrame(rows, columns=["method", "cost", "quantity", "exponent", "error", "cells"])


def _varying(cells: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Return the quantities that have an exponent, and the columns 1 and their logarithms."""
    varying: list[str] = []
    design = np.ones((len(cells), 1))
    for quantity in SIZES:
        column = np.log(cells[quantity].to_numpy(float))
        if len(cells) and np.ptp(_least_squares(design, column)[1]) >= np.log(_LEAST_RATIO):
            varying, design = [*varying, quantity], np.column_stack([design, column])
    return varying, design


def _least_squares(design: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    return solution, target - design @ solution
