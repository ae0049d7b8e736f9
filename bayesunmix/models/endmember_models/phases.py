r"""Each phase owns line families, and all phases share the shape of the continuum.

.. math:: e_k = (1 - b_k) \sum_j w_{kj} F_j + b_k \sum_m v_m C_m

F are the recorded spectra of line families, and w is zero where phase k does not own family j. C are smooth curves
(`bayesunmix.spectra.line_model`), which the sum spectrum fixes. The priors of what is drawn are w_k and v ~
Dirichlet(concentration), b_k ~ Beta(concentration, concentration). They are conjugate once it is drawn whether each
photon of a phase and channel belongs to a family or to a curve. Offset and gain of the energy axis and the width of the
peaks are drawn too (`_dictionary`): at high counts their errors are as large as those of w and b.

A phase cannot rotate if every mixture or difference of the others has a line that it does not own, because then no
other factorisation has the zeros of its spectrum. Phases that share no element are all unique.

An abundance is all counts of a phase, its continuum included. How much continuum a phase has is learned from how the
continuum follows the lines from pixel to pixel, given that it has the same shape everywhere. If shapes differ, each
phase gets a little of the others' continuum, and no interval contains that error.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np
from jax import Array

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.models.endmember_models._dictionary import (
    Calibrated,
    CalibratedShares,
    Fractions,
    Given,
    Shares,
    dictionary,
    draw_calibration,
    redraw,
    spectra_of,
)
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.recognition import recognise, require_symbols

_CALIBRATION_STEPS = 3  # in a sweep

__all__ = ["Given", "PhaseSpectra", "Shares"]


@ENDMEMBER_MODELS.register("phases")
@dataclass(frozen=True)
class PhaseSpectra:
    """Phases that own elements, on a shared continuum.

    Parameters
    ----------
    phases : tuple of tuples of str, optional
        The elements of each phase; an element may belong to several. `bayesunmix.owned_elements` finds them in
        reference spectra. Where not given, every element that the sum spectrum shows beyond doubt is a phase.
    concentration : float
        Dirichlet concentration of every fraction.
    """

    finds_n_components: ClassVar[bool] = True
    phases: tuple[tuple[str, ...], ...] | None = None
    concentration: float = 0.5

    def __post_init__(self) -> None:
        require_positive(self)
        if self.phases is None:
            return
        if not isinstance(self.phases, tuple) or not self.phases:
            raise TypeError(
                f"setting phases must be a tuple with the symbols of each phase, got {self.phases!r}; "
                "for example (('Ni', 'Al'), ('Cr',))"
            )
        for number, elements in enumerate(self.phases):
            require_symbols(f"phases[{number}]", elements)

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Fit the sum spectrum, and share its lines among the phases."""
        named = None if self.phases is None else tuple(dict.fromkeys(sum(self.phases, ())))
        found = recognise(image.energy_kev, image.sum_spectrum(), named)
        phases = tuple((element,) for element in found.reasons) if self.phases is None else self.phases
        names = ["+".join(elements) for elements in phases]
        owns = np.array(
            [[name.partition("_")[0] in elements for name in found.model.names] for elements in phases], bool
        ).reshape(len(phases), len(found.model.names))
        if not owns.size or not owns.any(axis=1).all():
            lineless = [name for name, own in zip(names, owns, strict=True) if not own.any()]
            without = f"{', '.join(lineless)} has none" if lineless else "no element was recognised"
            raise ValueError(
                f"each phase must own a line on the energy axis, and {without}; "
                "name the elements of each phase in the setting phases"
            )
        if n_components not in (None, len(names)):
            raise ValueError(
                f"n_components must be {len(names)} or not given, the number of phases ({', '.join(names)}), "
                f"got {n_components}"
            )
        given = dictionary(found, image, owns)
        unique = tuple(_unique(owns).tolist())
        warnings = [
            *found.warnings,
            *continuum_warnings(image.spectral_axis.signal),
            *_warnings(names, unique, int(found.noise.sum())),
        ]
        spectra = np.asarray(spectra_of(given, given.start))
        return Prepared(names, len(names), given, warnings, spectra, unique=unique)

    def start(self, given: Calibrated, endmembers: np.ndarray | None) -> tuple[Array, CalibratedShares]:
        """Return the fractions that the sum spectrum suggests."""
        return spectra_of(given, given.start), given.start

    def draw(
        self, key: Array, counts: Array, given: Given | Calibrated, learned: Fractions
    ) -> tuple[Array, Fractions]:
        """Draw whether each photon belongs to a family or a curve, then the fractions, then the calibration."""
        shares = redraw(key, counts, given, learned, self.concentration)
        shares = draw_calibration(jax.random.fold_in(key, 1), counts, given, shares, _CALIBRATION_STEPS)
        return spectra_of(given, shares), shares


def _unique(owns: np.ndarray) -> np.ndarray:
    """Return True for phases to which no mixture of the others can be added, (K,) bool.

    Such a mixture would have a line that the phase does not own.
    """
    # Rank of generic line strengths: almost any numbers give the same answer, so they need no key.
    strengths = owns * np.random.default_rng(0).uniform(0.5, 1, owns.shape)
    others = [np.delete(strengths, k, axis=0)[:, ~own] for k, own in enumerate(owns)]
    return np.array([not len(rest) or np.linalg.matrix_rank(rest) == len(rest) for rest in others], bool)


def _warnings(names: list[str], unique: tuple[bool, ...], n_below: int) -> list[str]:
    sentences = []
    if free := [name for name, own in zip(names, unique, strict=True) if not own]:
        sentences.append(
            f"Phases {', '.join(free)} own all lines of some mixture of the others, so their fractions are not unique. "
            "See bayesunmix.identify for the range."
        )
    if n_below:
        sentences.append(
            f"{n_below} counts below 0.2 keV belong to no phase and are taken for continuum. Crop the image."
        )
    return sentences
