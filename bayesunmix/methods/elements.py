"""Maps of line families and continuum: known spectra, so that nothing can rotate; per-pixel Poisson fits.

Every component is the recorded spectrum of one line family of one element ("Ni_K"), or one of a few curves that
together are the continuum. The sum spectrum fixes their shapes and the calibration (`bayesunmix.spectra.line_model`).
Each pixel is then fitted by itself (`bayesunmix.engine.fits.poisson_fit`). The abundance of "Ni_K" is the net number of
Ni K counts: the fit subtracts background and overlaps. `bayesunmix.net_counts` returns the maps by name with their
standard errors.

A component is a line family, not a phase: two elements that always occur together stay two components.

References
----------
M. Schamber, "A modification of the linear least-squares fitting method which provides continuum suppression", in *X-ray
Fluorescence Analysis of Environmental Samples*, Ann Arbor Science (1977): fitting recorded line shapes.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.fits.poisson_fit import fit_abundances
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV, recognise, require_symbols


@METHODS.register("elements")
@dataclass(frozen=True)
class ElementMaps:
    """Poisson fit of line families and continuum in every pixel. The number of components follows from the elements.

    Channels below 0.2 keV are ignored. No beam energy is needed, because the continuum is any smooth curve. A warning
    says that micro-XRF (``signal="xrf"``) has no such continuum, but scattered radiation of its tube.

    Parameters
    ----------
    elements : tuple of str, optional
        Chemical symbols. Where not given: those that the sum spectrum shows beyond doubt; `info["elements"]` gives the
        reason for each.
    n_continuum : int
        Curves that make up the continuum of a pixel. With 1 it has the shape of the sum spectrum's.
    """

    finds_n_components: ClassVar[bool] = True
    elements: tuple[str, ...] | None = None
    n_continuum: int = 3

    def __post_init__(self) -> None:
        require_positive(self)
        if self.elements is not None:
            require_symbols("elements of ElementMaps", self.elements)

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Fit every pixel; `n_components` and `key` change nothing."""
        found = recognise(image.energy_kev, image.sum_spectrum(), self.elements)
        used, model = image.crop(NOISE_BELOW_KEV) if found.first else image, found.model
        spectra = np.concatenate([model.spectra, model.continuum_shapes(self.n_continuum)])
        abundances = fit_abundances(used, spectra)
        info: Info = {
            "converged": True,
            "iterations": 1,
            "objective": [model.chi_square],
            "objective_name": "chi-square of the sum spectrum per degree of freedom",
            "families": [*model.names, *["continuum"] * self.n_continuum],
            "elements": found.reasons,
            "unnamed_kev": found.unnamed_kev,
            "calibration": model.calibration,
            "warnings": [*found.warnings, *continuum_warnings(image.spectral_axis.signal)],
        }
        names = (*model.names, *(f"continuum_{k}" for k in range(self.n_continuum)))
        estimate = Factorization(found.all_channels(spectra), abundances)
        return Unmixing(estimate, info=info, names=names, known=(True,) * len(names))
