"""Hold compositions: of one component, region or phase, and of all that was asked of an image."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from bayesunmix.quantification.amounts import Amount, Drawn, amounts_of
from bayesunmix.quantification.composition_maps import CompositionMaps
from bayesunmix.quantification.element_amount import ElementAmount
from bayesunmix.quantification.factors import LineFactor
from bayesunmix.quantification.formulas import FormulaFit
from bayesunmix.quantification.tables import COMMON_FACTORS, element_row, formula_sentence, laid_out, percent

_LARGEST = 1e9  # of a ratio
Kind = Literal["component", "region", "phase"]


@dataclass(frozen=True, eq=False)
class Composition:
    """Hold what a component, a region or a claimed phase is made of; `composition["Fe"]` is one element.

    Parameters
    ----------
    name : str
    kind : {"component", "region", "phase"}
    elements : tuple of ElementAmount
    n_counts : float
        All counts, continuum included.
    formulas : tuple of FormulaFit
        The formulas that were asked for, the nearest first.
    mass_thickness : Amount or None
        In ug/cm2, where zeta-factors give it.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(formula).record(energy_kev, Detector()) for formula in ("CrNi", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> composition = bu.quantify(result, image, ["Cr", "Ni"], beam_kev=200).components[0]
    >>> [amount.element for amount in composition]
    ['Cr', 'Ni']
    >>> 0 <= composition["Ni"].atomic.lower <= composition["Ni"].atomic.upper <= 1
    True
    """

    name: str
    kind: Kind
    elements: tuple[ElementAmount, ...]
    n_counts: float
    formulas: tuple[FormulaFit, ...] = ()
    mass_thickness: Amount | None = None
    _atoms: Drawn | None = field(default=None, repr=False)

    def __getitem__(self, element: str) -> ElementAmount:
        for amount in self.elements:
            if amount.element == element:
                return amount
        raise KeyError(
            f"{element!r} was not quantified; there are {', '.join(a.element for a in self.elements)}"
        )

    def __iter__(self) -> Iterator[ElementAmount]:
        return iter(self.elements)

    def table(self) -> str:
        """Return the composition as a table of plain text, in per cent."""
        said = [f"  {amount.element}: {remark}" for amount in self.elements for remark in amount.remarks]
        if self.mass_thickness is not None:
            t = self.mass_thickness
            said.append(f"  mass thickness {t.mean:.3g} ug/cm2, {t.lower:.3g} to {t.upper:.3g}")
        if self.formulas:
            said.append(f"  {formula_sentence(self.formulas)}")
        return "\n".join([f"{self.title}: {self.n_counts:,.0f} counts", laid_out(self.elements), *said])

    __repr__ = table

    @property
    def title(self) -> str:
        """Return the name, and what kind of part it is."""
        return self.name if self.name.startswith(self.kind) else f"{self.kind} {self.name}"

    def sentence(self) -> str:
        """Return the sentence to copy into a paper."""
        level = 100 * self.elements[0].atomic.value.interval
        told = [
            f"{a.element} {percent(a.atomic.lower)} to {percent(a.atomic.upper)}"
            if a.detected
            else f"{a.element} below {percent(a.atomic.upper)}"
            for a in self.elements
        ]
        return (
            f"{self.name} holds {', '.join(told)} at.% ({level:g} % intervals, which include the errors of counting, "
            "of the unmixing with its other solutions, and of the k-factors)."
        )

    def ratio(self, top: str, bottom: str, level: float = 0.9) -> Amount:
        """Return the ratio of the atoms of two elements, with all four errors.

        Parameters
        ----------
        top, bottom : str
            Elements.
        level : float
            Probability of the interval.

        Raises
        ------
        KeyError
            If one of them was not quantified.
        """
        return _ratio(_divided(self.pair(top, bottom)), level)

    def pair(self, top: str, bottom: str) -> Drawn:
        """Return the draws of two elements; `KeyError` where one was not quantified."""
        names = [self[element].element for element in (top, bottom)]
        order = [amount.element for amount in self.elements]
        assert self._atoms is not None, "made by quantify"
        return self._atoms.of([order.index(name) for name in names])


@dataclass(frozen=True, eq=False)
class Quantification:
    """Hold the compositions of an image: `quantification["name"]` is one of them.

    Parameters
    ----------
    components, regions, phases : tuple of Composition
    maps : CompositionMaps or None
        Atomic fractions of each pixel, where they were asked for.
    factors : tuple of LineFactor
        The factor of each element, and its relative standard deviation.
    left_out : tuple of str
        Elements that are in the spectrum and were not quantified.
    assumptions : tuple of str
        What the numbers rest on besides the counts.
    warnings : tuple of str
    level : float
        Probability of the intervals.
    doubt : str
        "not converged" and why, and what the result assumes (`Unmixing.doubt`); "" where there is nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(formula).record(energy_kev, Detector()) for formula in ("CrNi", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> upper_half = np.repeat([True, False], 32).reshape(8, 8)
    >>> found = bu.quantify(result, image, elements=["Cr", "Ni"], regions={"upper": upper_half})
    >>> chromium = found["upper"]["Cr"].atomic
    >>> chromium.lower < 0.5 < chromium.upper
    True
    """

    components: tuple[Composition, ...]
    regions: tuple[Composition, ...]
    phases: tuple[Composition, ...]
    maps: CompositionMaps | None
    factors: tuple[LineFactor, ...]
    left_out: tuple[str, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    level: float
    doubt: str = ""

    @property
    def parts(self) -> tuple[Composition, ...]:
        """Return all compositions."""
        return (*self.components, *self.regions, *self.phases)

    def __getitem__(self, name: str) -> Composition:
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(f"there is no part {name!r}; there are {', '.join(part.name for part in self.parts)}")

    def __iter__(self) -> Iterator[Composition]:
        return iter(self.parts)

    def table(self) -> str:
        """Return all compositions as tables of plain text, in per cent, with what they rest on."""
        factors = ", ".join(f"{f.line} {f.k:.4g} +- {100 * f.sd:.2g} %" for f in self.factors)
        said = [f"k-factors (weight): {factors}"]
        if self.left_out:
            said.append(f"left out: {', '.join(self.left_out)}")
        said += [f"assuming {one}" for one in self.assumptions]
        if len(self.parts) > 1:
            said.append(COMMON_FACTORS)
        said += [f"warning: {one}" for one in self.warnings]
        return "\n\n".join([*(part.table() for part in self.parts), "\n".join(said)])

    __repr__ = table

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each element of each part: what a CSV file holds."""
        factors = {factor.element: factor for factor in self.factors}
        return [
            {"part": part.name, "kind": part.kind, **element_row(amount, factors.get(amount.element))}
            for part in self.parts
            for amount in part.elements
        ]

    def ratio_between(self, top: str, bottom: str, first: str, second: str) -> Amount:
        """Return the ratio of two elements in one part over the same ratio in another.

        The k-factors cancel in it, so it has no error from them.

        Parameters
        ----------
        top, bottom : str
            Elements.
        first, second : str
            Names of the parts.

        Raises
        ------
        KeyError
            If a part or an element is not there.
        """
        ratios = [_divided(self[name].pair(top, bottom)) for name in (first, second)]
        return _ratio(_quotient(*ratios), self.level)


def _ratio(drawn: Drawn, level: float) -> Amount:
    """Summarise draws of a ratio; what is as good as infinite is infinite."""
    (found,) = amounts_of(drawn, level, most=np.inf, from_zero=False)

    def opened(value: float) -> float:
        return np.inf if value >= _LARGEST / len(drawn.plain) else value

    q = found.value
    value = replace(
        q,
        mean=opened(q.mean),
        lower=opened(q.lower),
        upper=opened(q.upper),
        counting_sd=opened(q.counting_sd),
        endmember_sd=opened(q.endmember_sd),
        upper_limit=None if q.upper_limit is None else opened(q.upper_limit),
        feasible=None if q.feasible is None else (opened(q.feasible[0]), opened(q.feasible[1])),
    )
    return Amount(value, opened(found.factor_sd), opened(found.lower), opened(found.upper))


def _quotient(top: Drawn, bottom: Drawn) -> Drawn:
    """Divide draws of one number by those of another; the factors are the same in both and cancel."""
    n = min(len(top.plain), len(bottom.plain))
    plain = _safe(top.plain[:n], bottom.plain[:n])
    under = _safe(top.under[:, :n], bottom.under[:, :n])
    mean, sd = plain.mean(axis=0), _counting_sd(top, bottom)
    by_counting = np.stack([mean * (1 - sd), mean * (1 + sd)])  # two draws that scatter as much
    return Drawn(
        plain,
        plain,
        under,
        under,
        _safe(top.own, bottom.own),
        by_counting,
        mean[None],
        top.is_known and bottom.is_known,
    )


def _counting_sd(top: Drawn, bottom: Drawn) -> float:
    """Return the relative error of a quotient that comes from counting."""
    first, second = (amounts_of(drawn, 0.9, most=np.inf)[0] for drawn in (top, bottom))
    relative = [part.counting_sd / part.mean if part.mean > 0 else 0.0 for part in (first, second)]
    return float(np.hypot(relative[0], relative[1]))


def _divided(both: Drawn) -> Drawn:
    """Divide the first element by the second in every draw."""
    fields = {
        name: _safe(getattr(both, name)[..., :1], getattr(both, name)[..., 1:]) for name in both._fields[:-1]
    }
    return Drawn(**fields, is_known=both.is_known)


def _safe(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Divide; nothing over nothing is 0, and anything else over nothing is as good as infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(np.nan_to_num(top / bottom, nan=0.0, posinf=_LARGEST), _LARGEST)
