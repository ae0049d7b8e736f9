r"""Maps of line families and continuum: known spectra, so that nothing can rotate; per-pixel Poisson fits.

Every component is the recorded spectrum of one line family of one element ("Ni_K") or one of a few curves that
together are the continuum. Their shapes are fixed, with the calibration, by the sum spectrum
(`bayesunmix.spectra.line_model`); each pixel is then fitted by itself (`bayesunmix.engine.poisson_fit`). The abundance
of "Ni_K" is the net number of Ni K counts: background and overlaps are subtracted by the fit.
`bayesunmix.net_counts` returns the maps by name with their standard errors.

A component is a line family, not a phase: two elements that always come together stay two components.

References
----------
M. Schamber, "A modification of the linear least-squares fitting method which provides continuum suppression", in *X-ray
Fluorescence Analysis of Environmental Samples*, Ann Arbor Science (1977): fitting recorded line shapes.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from bayesunmix.engine.poisson_fit import fit_abundances
from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing
from bayesunmix.settings import require_positive
from bayesunmix.spectra.element_search import find_elements, unexplained
from bayesunmix.spectra.line_model import fit_lines

LOWEST_KEV = 0.2  # below it lie the detector's noise and strobe


@METHODS.register("elements")
@dataclass(frozen=True)
class Elements:
    """Poisson fit of line families and continuum in every pixel; the number of components follows from them.

    Channels below 0.2 keV take no part. No beam energy is needed: the continuum is any smooth curve.

    Parameters
    ----------
    elements : tuple of str, optional
        Chemical symbols. Those that the sum spectrum shows beyond doubt, where not given; `info["elements"]` says
        why each.
    n_continuum : int
        Curves that make up the continuum of a pixel: with 1 it has the shape of the sum spectrum's.
    """

    finds_n_components: ClassVar[bool] = True
    elements: tuple[str, ...] | None = None
    n_continuum: int = 3

    def __post_init__(self) -> None:
        require_positive(self)
        if isinstance(self.elements, str):
            raise TypeError(
                f"setting elements of Elements must be a tuple of symbols, got {self.elements!r}; "
                "for example ('Ni', 'Cr')"
            )

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Fit every pixel; `n_components` and `key` change nothing."""
        first = int(np.searchsorted(image.energy_kev, LOWEST_KEV))
        used = image.crop(LOWEST_KEV) if first else image
        energy_kev, counts = used.energy_kev, used.sum_spectrum().astype(np.float64)
        if self.elements is None:
            reasons, model, unnamed = find_elements(energy_kev, counts)
        else:
            reasons = dict.fromkeys(self.elements, "asked for")
            model = fit_lines(energy_kev, counts, tuple(reasons))
            unnamed = unexplained(energy_kev, counts, model)
        spectra = np.concatenate([model.spectra, model.continuum_shapes(self.n_continuum)])
        abundances = fit_abundances(used, spectra)
        info: dict[str, Any] = {
            "converged": True,
            "iterations": 1,
            "objective": [model.chi_square],
            "objective_name": "chi-square of the sum spectrum per degree of freedom",
            "components": [*model.names, *(f"continuum_{k}" for k in range(self.n_continuum))],
            "elements": reasons,
            "unnamed_kev": unnamed,
            "calibration": model.calibration,
            "warnings": _warnings(reasons, model.names, unnamed),
        }
        endmembers = np.pad(spectra, [(0, 0), (first, 0)])
        return Unmixing(Factorization(endmembers, abundances), info=info)


def _warnings(reasons: dict[str, str], names: tuple[str, ...], unnamed: list[float]) -> list[str]:
    silent = [element for element in reasons if not any(name.startswith(f"{element}_") for name in names)]
    sentences = []
    if not names:
        sentences.append("no element was recognised: everything is continuum; name the elements")
    if silent:
        sentences.append(f"no line of {', '.join(silent)} lies on the axis; it has no map")
    if unnamed:
        peaks = ", ".join(f"{kev:.2f}" for kev in unnamed)
        sentences.append(
            f"peaks at {peaks} keV are explained by none of {', '.join(reasons) or 'the elements'}; "
            "if you know their elements, name all of them"
        )
    return sentences
