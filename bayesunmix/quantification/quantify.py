r"""Quantify components, regions and claimed phases: atomic and weight per cent, with four errors kept apart.

1. Line families and continuum are fitted jointly to every draw of the posterior (`bayesunmix.analysis.family_shares`),
   so that overlaps are part of the error; nothing is counted in windows.
2. The factor of each element is computed or given (`bayesunmix.quantification.factors`).
3. Net counts become a composition by Cliff and Lorimer, or with zeta-factors, absorption included
   (`bayesunmix.quantification.cliff_lorimer`), for every draw, under every other solution that fits as well, and with
   factors drawn at random (`bayesunmix.quantification.amounts`).

It holds for films that electrons cross. A bulk specimen (SEM) is refused: there the composition follows from the
intensities by a matrix correction of other programs, for which `bayesunmix.k_ratios` and `bayesunmix.write_msa` hand
over what they need.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.other_solutions import other_solutions
from bayesunmix.claims.claim import Claim
from bayesunmix.contracts.arguments import (
    require_nonnegative,
    require_posterior,
    require_result_of,
    require_seed,
)
from bayesunmix.data.draws import require_probability
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.quantification.asked_parts import asked_parts
from bayesunmix.quantification.composition import Composition, Quantification
from bayesunmix.quantification.composition_maps import composition_maps
from bayesunmix.quantification.factors import LineFactor, given_factors
from bayesunmix.quantification.film import FilmSettings, Oxygen, recipe_for, why_not_bulk
from bayesunmix.quantification.formulas import formula_atoms
from bayesunmix.quantification.line_choice import Choice, choose_lines
from bayesunmix.quantification.net_draws import component_draws, region_draws
from bayesunmix.quantification.summary import composed
from bayesunmix.spectra.bulk import continuum_end
from bayesunmix.spectra.detector import Detector

_LEAST_COUNTS = 50.0


def quantify(
    result: Unmixing,
    image: SpectrumImage,
    elements: Sequence[str] | None = None,
    *,
    k_factors: Mapping[str, Any] | Sequence[float] | str | Path | None = None,
    thickness_nm: float | None = None,
    density: float | None = None,
    oxygen: Oxygen = "measured",
    level: float = 0.9,
    beam_kev: float | None = None,
    takeoff_deg: float | None = None,
    detector: Detector | None = None,
    regions: Mapping[str, Any] | None = None,
    claim: Claim | None = None,
    exclude: Sequence[str] = (),
    formulas: Sequence[str] = (),
    maps: bool = False,
    valences: Mapping[str, float] | None = None,
    zeta_factors: Mapping[str, Any] | Sequence[float] | str | Path | None = None,
    electrons: float | None = None,
    identified: Identified | None = None,
    seed: int = 0,
) -> Quantification:
    """Quantify every component, and regions and claimed phases where they are given, in a thin film.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior, or one whose spectra are all known.
    image : SpectrumImage
        The image that was unmixed.
    elements : sequence of str, optional
        Elements ("Fe") or lines ("Fe_Ka", "Fe_K") to quantify. Where not given, those that the sum spectrum shows.
        Other elements in the spectrum are fitted, so that their lines are not taken for these, and left out.
    k_factors : mapping, list, or path of a CSV file, optional
        Factors for weight by line: ``{"Fe_Ka": 1.45, "Pt_La": (5.08, 0.25)}``, with a standard deviation where it is
        known. A list has the order of `elements`, as HyperSpy has it. Computed where not given, with an error of 5 to
        40 % that depends on the line.
    thickness_nm, density : float, optional
        Thickness of the film, and its density in g/cm3, to correct for absorption.
    oxygen : {"measured", "stoichiometry"}
        Whether oxygen is counted, or follows from the valences of the others.
    level : float
        Probability of the intervals.
    beam_kev : float, optional
        Energy of the electrons; 200 is assumed where not given, and the error of this is added.
    takeoff_deg : float, optional
        Angle between the film and the direction of the detector, for absorption; 22 is assumed where not given.
    detector : Detector, optional
        Where it is known, for its efficiency.
    regions : mapping from name to bool array of the image's navigation shape, optional
    claim : Claim, optional
        A map of phases, each of which is quantified.
    exclude : sequence of str
        Elements that are in the spectrum and not in the specimen, such as the Cu of a grid.
    formulas : sequence of str
        Stoichiometries to compare with, such as ``["Mg2SiO4", "MgSiO3"]``.
    maps : bool
        Whether to map the atomic fractions as well.
    valences : mapping from str to float, optional
        Where they differ from the usual ones, such as ``{"Fe": 3}``.
    zeta_factors : optional
        Zeta-factors in kg/m2 per photon and electron, in the forms of `k_factors`, instead of these.
    electrons : float, optional
        Electrons for each pixel, with zeta-factors.
    identified : Identified, optional
        What ``bayesunmix.identify(result, image)`` returned, for example with other assumptions.
    seed : int
        The same seed gives the same answer.

    Returns
    -------
    Quantification

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, an element has no line on the axis or no factor, the specimen is
        bulk, or the result has no posterior.

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
    >>> found = bu.quantify(result, image, ["Cr", "Ni"], k_factors={"Cr_Ka": (1.56, 0.05), "Ni_Ka": (1.86, 0.06)})
    >>> [part.kind for part in found]
    ['component', 'component']
    >>> found.components[0]["Ni"].line
    'Ni_Ka'
    """
    require_result_of(result, image)
    image.spectral_axis.require_xray()
    require_nonnegative(result, "a composition is made of net counts")
    require_seed(seed)
    require_probability(level)
    given, film = _factors_and_film(
        k_factors,
        zeta_factors,
        elements,
        FilmSettings(beam_kev, thickness_nm, density, takeoff_deg, oxygen, valences, electrons, detector),
    )
    masks = asked_parts(regions, claim, image, result.names)
    for formula in _listed(formulas):
        formula_atoms(formula)
    if image.spectral_axis.signal == "xrf":
        raise ValueError(
            "k-factors hold for lines that electrons excite, and these were excited by X-rays (signal 'xrf'); use a "
            "program for fundamental parameters, and write the spectra for it by bayesunmix.write_msa"
        )
    posterior = result.posterior
    if posterior is None and not all(result.known):
        require_posterior(result, "a composition with error bars")
    if isinstance(exclude, str):
        raise TypeError(f"exclude must be a list of symbols, got {exclude!r}; write [{exclude!r}]")
    left_out = [*exclude, *(["O"] if oxygen == "stoichiometry" and "O" not in exclude else [])]
    choice = choose_lines(image, elements, given, left_out, film.used_beam_kev, film.detector, seed)
    choice = _with_unknown_beam(choice, film, given)
    warnings = [*filter(None, [result.doubt]), *_about_bulk(image, choice, film)]
    region_net = {name: region_draws(result, image, choice, mask, seed) for name, (_, mask) in masks.items()}
    parts = [
        composed(
            name,
            kind,
            region_net[name],
            recipe_for(choice, film, int(mask.sum())),
            choice,
            level,
            formulas,
            seed,
        )
        for name, (kind, mask) in masks.items()
    ]
    components: list[Composition] = []
    if posterior is not None and "families" not in result.info:
        ranges = other_solutions(result, image, identified, seed)
        warnings += ranges.warnings
        recipe = recipe_for(choice, film, None, _mean_thickness(result, image, choice, film, seed))
        nets = component_draws(result, posterior, image, choice, ranges.rotations, seed)
        components = [
            composed(name, "component", net, recipe, choice, level, formulas, seed)
            for name, net in zip(result.names, nets, strict=True)
        ]
        warnings += [
            f"{part.name} has {part.n_counts:.0f} counts, too few for a composition"
            for part in components
            if part.n_counts < _LEAST_COUNTS
        ]
        assumed = ranges.assumptions
    else:
        assumed = ()
    if not components and not parts:
        raise ValueError(
            "the components of this result are given spectra or line families; "
            "name the parts to quantify by regions or claim"
        )
    mapped = None
    if maps:
        recipe = recipe_for(choice, film, 1)
        mapped = composition_maps(
            require_posterior(result, "a map of compositions"), image, choice, recipe, level
        )
    return Quantification(
        tuple(components),
        tuple(part for part in parts if part.kind == "region"),
        tuple(part for part in parts if part.kind == "phase"),
        mapped,
        choice.factors,
        tuple(e for e in choice.left_out if not (e == "O" and oxygen == "stoichiometry")),
        (*film.assumptions(given is None), *assumed),
        tuple(warnings),
        level,
        result.doubt,
    )


def _factors_and_film(
    k_factors: Any, zeta_factors: Any, elements: Sequence[str] | None, film: FilmSettings
) -> tuple[dict[str, LineFactor] | None, FilmSettings]:
    """Read the factors, and check that zeta-factors come with the electrons that they need."""
    if zeta_factors is None:
        if film.electrons is not None:
            raise ValueError(
                "electrons are needed with zeta-factors alone; give zeta_factors, or leave electrons out"
            )
        return given_factors(k_factors, elements), film
    if k_factors is not None:
        raise ValueError("k_factors and zeta_factors cannot both be used; give one of them")
    if film.electrons is None:
        raise ValueError(
            "zeta_factors need the electrons of a pixel (current x time / 1.602e-19 C); give electrons"
        )
    return given_factors(zeta_factors, elements), film


def _listed(formulas: Sequence[str]) -> Sequence[str]:
    if isinstance(formulas, str):
        raise TypeError(f"formulas must be a list, got {formulas!r}; write [{formulas!r}]")
    return formulas


def _with_unknown_beam(choice: Choice, film: FilmSettings, given: object) -> Choice:
    """Add the error of a beam that is not known, between 100 and 300 keV, to factors that were computed."""
    if film.beam_kev is not None or given is not None:
        return choice
    from bayesunmix.spectra.k_factors import k_factor

    factors = []
    for factor in choice.factors:
        low, high = (k_factor(factor.line, beam, film.detector).k for beam in (100.0, 300.0))
        factors.append(factor._replace(sd=float(np.hypot(factor.sd, abs(np.log(low / high)) / 2))))
    return choice._replace(factors=tuple(factors))


def _about_bulk(image: SpectrumImage, choice: Choice, film: FilmSettings) -> list[str]:
    """Refuse a spectrum whose continuum ends below 40 keV, or warn of it where the user has named another beam."""
    end = continuum_end(image.energy_kev[choice.first :], choice.model)
    if end is None or not end.is_bulk:
        return []
    found = f"the continuum of these counts ends at about {end.kev:.0f} keV"
    if film.beam_kev is None:
        raise ValueError(f"{why_not_bulk(found)}; give beam_kev if it is a thin film")
    return [f"{found}, as in a bulk specimen: thin-film factors do not hold there."]


def _mean_thickness(
    result: Unmixing, image: SpectrumImage, choice: Choice, film: FilmSettings, seed: int
) -> float | None:
    """Return the mean mass thickness of the pixels with specimen, where zeta-factors give it, in g/cm2."""
    if film.electrons is None or not film.has_absorption:
        return None
    everywhere = image.takes_part.reshape(image.navigation_shape)
    net = region_draws(result, image, choice, everywhere, seed)
    thickness = recipe_for(choice, film, int(everywhere.sum())).thickness(net.estimate[None])
    return None if thickness is None else float(thickness[0])
