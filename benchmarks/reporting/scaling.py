"""How time and memory grow: exponents of photons, pixels, channels and components.

log y = c + a log(photons) + b log(pixels) + ... by least squares over the cells of a method; a quantity that does not
vary among them, by a factor of two at least, has no exponent. Its error is the standard error of the fit.
"""

import numpy as np
import pandas as pd

QUANTITIES = ("photons", "pixels", "channels", "n_components")
COSTS = ("fit_seconds", "peak_mib")
_LEAST_CELLS = 4
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
        varying = [q for q in QUANTITIES if _LEAST_RATIO * cells[q].min() <= cells[q].max()]
        for cost in COSTS:
            known = cells[cells[cost] > 0]
            if not varying or len(known) < len(varying) + _LEAST_CELLS:
                continue
            design = np.column_stack([np.ones(len(known)), np.log(known[varying].to_numpy(float))])
            target = np.log(known[cost].to_numpy(float))
            solution, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
            if rank < design.shape[1]:
                continue
            residual = target - design @ solution
            variance = residual @ residual / (len(known) - rank)
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
