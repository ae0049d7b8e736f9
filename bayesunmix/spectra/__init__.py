"""Compute X-ray physics that models and phantoms share: characteristic lines, the continuum, the detector.

`thin_film` returns what a material of given composition emits, and records it. Its parts also work on their own:
`lines` (what an element emits), `kramers` (what the electrons radiate while they slow down) and `Detector` (what the
detector records of both), on an axis of channel centres.
"""

from bayesunmix.spectra.absorption import attenuation, film_transmission
from bayesunmix.spectra.background import kramers
from bayesunmix.spectra.channels import channel_edges
from bayesunmix.spectra.composition import weight_fractions
from bayesunmix.spectra.detector import RESPONSES, Detector
from bayesunmix.spectra.lines import Lines, lines
from bayesunmix.spectra.thin_film import ThinFilm, thin_film

__all__ = [
    "RESPONSES",
    "Detector",
    "Lines",
    "ThinFilm",
    "attenuation",
    "channel_edges",
    "film_transmission",
    "kramers",
    "lines",
    "thin_film",
    "weight_fractions",
]
