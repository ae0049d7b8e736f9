"""X-ray physics that models and phantoms share: characteristic lines, the continuum, the detector.

A spectrum on an axis of channel centres is built from `lines` (what an element emits), `kramers` (what the
electrons radiate while they slow down) and `Detector` (what is left of both after the detector).
"""

from bayesunmix.spectra.background import kramers
from bayesunmix.spectra.channels import channel_edges
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.lines import Lines, lines

__all__ = ["Detector", "Lines", "channel_edges", "kramers", "lines"]
