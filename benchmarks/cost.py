"""Say what a cell costs: seconds of the fit, seconds of compiling, and memory."""

from typing import NamedTuple


class CellCost(NamedTuple):
    """Cost of one fit, whoever measured it: `bayesunmix.unmix`, the harness, or the process of a peer.

    Parameters
    ----------
    fit_seconds : float
        Wall time without compilation.
    compile_seconds : float
        Time in which JAX traced and compiled.
    peak_mib : float
        Largest resident size of the process of the fit, MiB.
    """

    fit_seconds: float
    compile_seconds: float
    peak_mib: float
