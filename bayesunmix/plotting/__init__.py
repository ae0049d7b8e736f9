"""Draw a result, the evidence for a number of components, and checks.

Figures are plain `matplotlib.figure.Figure` objects, without pyplot and its global state: save them with `savefig`.
"""

from bayesunmix.plotting.checks import plot_checks
from bayesunmix.plotting.maps import plot_maps
from bayesunmix.plotting.rank import plot_rank
from bayesunmix.plotting.spectra import plot_spectra

__all__ = ["plot_checks", "plot_maps", "plot_rank", "plot_spectra"]
