r"""Each phase owns line families, and all phases share the shape of the continuum.

.. math:: e_k = (1 - b_k) \sum_j w_{kj} F_j + b_k \sum_m v_m C_m

F are the recorded spectra of line families, and w is zero where phase k does not own family j. C are smooth curves
(`bayesunmix.spectra.line_model`). The sum spectrum fixes both, with the calibration. The priors of what is drawn are
w_k and v ~ Dirichlet(concentration), b_k ~ Beta(concentration, concentration). They are conjugate once it is drawn
whether each photon of a phase and channel belongs to a family or to a curve.

A phase cannot rotate if every mixture or difference of the others has a line that it does not own, because then no
other factorisation has the zeros of its spectrum. Phases that share no element are all unique.

An abundance is all counts of a phase, its continuum included. How much continuum a phase has is learned from how the
continuum follows the lines from pixel to pixel, given that it has the same shape everywhere. If shapes differ, each
phase gets a little of the others' continuum, and no interval contains that error.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import LEAST_RATE
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.line_model import amplitudes, inverse_noise
from bayesunmix.spectra.recognition import Recognised, recognise, require_symbols

LEAST_OF_CURVE = 1e-8  # of a curve in every channel, so that every photon has a possible origin
LEAST_SHARE = 1e-3  # least fraction of a family or curve to start from


class Given(NamedTuple):
    """Hold the families of each phase (K, F, C), which of them are real (K, F), curves (M, C), and a start."""

    families: Array
    owned: Array
    curves: Array
    start: "Shares"


class Shares(NamedTuple):
    """Hold fractions: families in the lines of a phase (K, F), lines and continuum in a phase (K, 2), curves (1, M)."""

    families: Array
    continuum: Array
    curves: Array


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
        given = _given(found, image, owns)
        unique = tuple(_unique(owns).tolist())
        warnings = [
            *found.warnings,
            *continuum_warnings(image.spectral_axis.signal),
            *_warnings(names, unique, int(found.noise.sum())),
        ]
        spectra = np.asarray(_spectra(given, given.start))
        return Prepared(names, len(names), given, warnings, spectra, unique=unique)

    def start(self, given: Given, endmembers: np.ndarray | None) -> tuple[Array, Shares]:
        """Return the fractions that the sum spectrum suggests."""
        return _spectra(given, given.start), given.start

    def draw(self, key: Array, counts: Array, given: Given, learned: Shares) -> tuple[Array, Shares]:
        """Draw whether each photon belongs to a family or a curve, and then the fractions."""
        split_key, *keys = jax.random.split(key, 6)
        lines, continuum = _parts(given, learned)
        counts = counts.astype(jnp.float32)
        of_lines = jax.random.binomial(split_key, counts, lines / jnp.maximum(lines + continuum, LEAST_RATE))
        rest = counts - of_lines
        families = _split(keys[0], of_lines, learned.families[..., None] * given.families)
        curves = _split(keys[1], rest.sum(axis=0)[None], (learned.curves[..., None] * given.curves))
        parts = jnp.stack([of_lines.sum(axis=1), rest.sum(axis=1)], axis=1)
        a = self.concentration
        shares = Shares(
            _dirichlet(keys[2], jnp.where(given.owned, families + a, 0)),
            _dirichlet(keys[3], parts + a),
            _dirichlet(keys[4], curves + a),
        )
        return _spectra(given, shares), shares


def _parts(given: Given, shares: Shares) -> tuple[Array, Array]:
    """Return lines and continuum of each phase, (K, C) each."""
    lines = jnp.einsum("kf,kfc->kc", shares.families, given.families, precision="highest")
    continuum = jnp.matmul(shares.curves, given.curves, precision="highest")
    return shares.continuum[:, :1] * lines, shares.continuum[:, 1:] * continuum


def _spectra(given: Given, shares: Shares) -> Array:
    lines, continuum = _parts(given, shares)
    spectra = lines + continuum
    return spectra / spectra.sum(axis=1, keepdims=True)  # off one by rounding only


def _split(key: Array, counts: Array, rates: Array) -> Array:
    """Share counts (K, C) multinomially among N kinds with rates (K, N, C), and sum over channels, (K, N).

    One kind after the other takes a binomial part of what is left.
    """
    rates = jnp.moveaxis(rates, 1, 0)
    from_here_on = jnp.cumsum(rates[::-1], axis=0)[::-1]
    chance = jnp.minimum(rates / jnp.maximum(from_here_on, LEAST_RATE), 1)

    def take(left: Array, kind: tuple[Array, Array]) -> tuple[Array, Array]:
        taken = jax.random.binomial(kind[0], left, kind[1])
        return left - taken, taken.sum(axis=1)

    keys = jax.random.split(key, len(rates))[:-1]
    left, sums = jax.lax.scan(take, counts, (keys, chance[:-1]))
    return jnp.concatenate([sums, left.sum(axis=1)[None]]).T


def _dirichlet(key: Array, concentration: Array) -> Array:
    """Draw each row; entries with concentration 0 are 0."""
    real = concentration > 0
    draws = log_gamma_variates(key, jnp.where(real, concentration, 1))
    return jax.nn.softmax(jnp.where(real, draws, -jnp.inf), axis=1)


def _given(found: Recognised, image: SpectrumImage, owns: np.ndarray) -> Given:
    """Arrange the families (J, C) by phase, and read the first fractions off the sum spectrum."""
    model, used = found.model, image.sum_spectrum()[found.first :].astype(np.float64)
    weights = inverse_noise(image.energy_kev[found.first :], used)
    size = amplitudes(np.concatenate([model.spectra, model.background]), used, weights)
    in_lines, in_curves = np.split(size, [len(model.spectra)])
    curves = found.all_channels(model.background)
    if n_below := found.noise.sum():
        curves = np.vstack([curves, found.noise / n_below])
        in_curves = np.append(in_curves, n_below)
    curves = np.maximum(curves, LEAST_OF_CURVE)
    order = np.argsort(~owns, axis=1, kind="stable")[:, : owns.sum(axis=1).max()]
    owned = np.take_along_axis(owns, order, axis=1)
    families = found.all_channels(model.spectra)[order] * owned[..., None]
    of_lines = np.where(owned, in_lines[order] + LEAST_SHARE * used.sum(), 0)
    of_curves = in_curves + LEAST_SHARE * used.sum()
    share = of_curves.sum() / (of_curves.sum() + in_lines.sum())
    start = Shares(
        _float32(of_lines / of_lines.sum(axis=1, keepdims=True)),
        _float32(np.tile([1 - share, share], (len(owns), 1))),
        _float32(of_curves[None] / of_curves.sum()),
    )
    curves /= curves.sum(axis=1, keepdims=True)
    return Given(_float32(families), jnp.asarray(owned), _float32(curves), start)


def _float32(array: np.ndarray) -> Array:
    return jnp.asarray(array, jnp.float32)


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
