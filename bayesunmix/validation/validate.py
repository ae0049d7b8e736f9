"""Validate a claim: lay it on the counts, test every part of it, and give verdicts with one error rate."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from bayesunmix.claims.claim import UNDECIDED, Claim
from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.contracts.arguments import require_image, require_result_of, require_seed, require_share
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.running.progress import showing, stage
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV
from bayesunmix.unmixing import unmix
from bayesunmix.validation.amounts.again import repeat
from bayesunmix.validation.amounts.areas import area_fractions
from bayesunmix.validation.amounts.confusion import confusion
from bayesunmix.validation.amounts.counts_needed import dose_ladder
from bayesunmix.validation.amounts.suspect_pieces import suspect_pieces
from bayesunmix.validation.amounts.suspect_pixels import suspect_pixels
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details, Unplaced
from bayesunmix.validation.finding import Evidence, judge
from bayesunmix.validation.lines.claimed_elements import check_element_lists
from bayesunmix.validation.lines.claimed_spectra import check_spectra
from bayesunmix.validation.lines.element_maps import check_element_maps
from bayesunmix.validation.phases.cores import find_cores
from bayesunmix.validation.phases.difference import differences
from bayesunmix.validation.phases.edges import edge_profile
from bayesunmix.validation.phases.exchange import exchangeability
from bayesunmix.validation.phases.missed import missed_phases
from bayesunmix.validation.phases.mixture import mixtures
from bayesunmix.validation.placement.registration import register
from bayesunmix.validation.recipes.recipe import recover_recipes
from bayesunmix.validation.tolerance import Tolerance
from bayesunmix.validation.validation import Validation
from bayesunmix.validation.words import say_phase

PERMUTATIONS = 199
OTHER_COUNTS = 0.1  # of the total: a result that is further off was made from other counts


def validate(
    image: SpectrumImage,
    claim: Claim,
    *,
    result: Unmixing | None = None,
    tolerance: Tolerance | None = None,
    level: float = 0.05,
    seed: int = 0,
    quick: bool = False,
    progress: bool | None = None,
) -> Validation:
    """Check a claim about a map against the counts.

    Parameters
    ----------
    image : SpectrumImage
        With two navigation axes. Windows of element maps may begin below 0.2 keV: to find these, read the file with
        ``crop_below_kev=None``. All other tests leave out the channels below 0.2 keV by themselves.
    claim : Claim
    result : Unmixing, optional
        An unmixing of the image with a posterior. Where not given, the method "bayes" makes one, with a component for
        each claimed phase.
    tolerance : Tolerance, optional
        How far the claim may be off.
    level : float
        Probability that the report on a claim that is right contradicts any part of it.
    seed : int
        The same seed gives the same verdicts.
    quick : bool
        Leave out what needs an unmixing.
    progress : bool, optional
        Bars for what takes longer than 10 s; True and False show more, and none.

    Returns
    -------
    Validation

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, or the claim cannot be laid on the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[0, 1]], 16, axis=0).repeat(8, axis=1)
    >>> counts = np.random.default_rng(0).poisson(5 * spectra[layers])
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> wrong = np.where(np.indices(layers.shape)[0] < 4, 0, layers)  # the upper rows are all called "a"
    >>> bu.validate(image, bu.Claim(wrong, ("a", "b")), quick=True).verdict
    'contradicted'
    """
    tolerance = Tolerance() if tolerance is None else tolerance
    _require(image, claim, result, tolerance, level, seed)
    tested = _tested(image, result)
    claim = _with_energies(claim, image)
    notes = [*claim.notes, *_about_names(claim)]
    found: dict[str, Any] = {}
    with showing(progress):
        if claim.maps:
            found["recipes"] = _stage("recipes of element maps", recover_recipes, image, claim.maps)
        case = None
        if claim.labels is not None:
            case = _case(tested, claim, found, tolerance, level, seed)
            _without_unmixing(case, found)
            if quick:
                _rest_of_quick(case, found)
            else:
                result = result or _unmixed(case, seed)
                _with_unmixing(case, result, found)
        if claim.maps:
            of_all = _of_maps(image, claim, case, tolerance, level, seed)
            found["maps"] = _stage("element maps", check_element_maps, of_all, found["recipes"])
    details = Details(**found, unplaced=None if case is not None else Unplaced(_of_no_pixel(claim)))
    findings = judge(list(details.evidence()), level)
    return Validation(claim, findings, case, details, result, level, int(seed), quick, tuple(notes))


def _of_no_pixel(claim: Claim) -> tuple[Evidence, ...]:
    """Say that a claim about phases is not tested where nobody says which pixels they are."""
    parts = {"its spectrum": claim.spectra, "its area": claim.areas, "its list of elements": claim.elements}
    return tuple(
        Evidence(
            say_phase(name),
            f"Is {what} right?",
            "no map",
            f"no map of phases says which pixels are {say_phase(name)}, and {what} cannot be compared with them",
            exact="undecidable",
            remedy="a map of phases would decide it",
        )
        for what, part in parts.items()
        for name in part
    )


def _about_names(claim: Claim) -> list[str]:
    """Say which names nothing stands for: names that were swapped do not show."""
    if claim.labels is None:
        return []
    bare = [name for name in claim.names if name not in claim.spectra and name not in claim.elements]
    if len(bare) < min(2, claim.n_phases):
        return []
    of = "all phases" if len(bare) == claim.n_phases else ", ".join(bare)
    return [
        f"The names of {of} come without spectra and without elements: whether names were swapped cannot be seen."
    ]


def _case(
    image: SpectrumImage, claim: Claim, found: dict[str, Any], tolerance: Tolerance, level: float, seed: int
) -> Case:
    """Lay the labels on the counts, and find how far phases mix at their boundaries."""
    registration = _stage(
        "registration",
        partial(register, tolerance=tolerance, recipes=found.get("recipes", {})),
        image,
        claim,
        seed,
    )
    cores = _stage("edges", find_cores, image, registration.labels, claim.n_phases)
    found |= {"registration": registration, "cores": cores}
    mixed = tuple(int(k) for k in np.flatnonzero(cores.mixed))
    return Case(
        image,
        claim,
        registration.labels,
        cores.core,
        cores.radius,
        tolerance,
        level,
        int(seed),
        mixed,
    )


def _of_maps(
    image: SpectrumImage, claim: Claim, case: Case | None, tolerance: Tolerance, level: float, seed: int
) -> Case:
    """Return the case with all channels: windows of light elements begin in the detector's noise."""
    if case is not None:
        return replace(case, image=image)
    nowhere = np.full(image.navigation_shape, UNDECIDED)
    return Case(image, claim, nowhere, nowhere >= 0, 1, tolerance, level, int(seed))


def _without_unmixing(case: Case, found: dict[str, Any]) -> None:
    """Make the tests that need no unmixing."""
    found["exchange"] = _stage("is each phase one thing", exchangeability, case, PERMUTATIONS)
    found["differences"] = _stage("do the phases differ", differences, case)
    found["mixtures"] = _stage("mixtures", mixtures, case)
    flagged = found["exchange"].suspect_pixels(case.labels.shape)
    found["pieces"] = _stage("suspect pieces", suspect_pieces, case, flagged)
    if case.claim.spectra:
        found["spectra"] = _stage("spectra", check_spectra, case)
    if case.claim.elements:
        found["elements"] = _stage("elements", check_element_lists, case)
    found["edge"] = edge_profile(case)


def _rest_of_quick(case: Case, found: dict[str, Any]) -> None:
    """Make the tests that say more with an unmixing, without one."""
    found["areas"] = _stage("areas", area_fractions, case)
    found["missed"] = _stage("is a phase missed", missed_phases, case, found["exchange"])


def _with_unmixing(case: Case, result: Unmixing, found: dict[str, Any]) -> None:
    """Make the tests that need an unmixing."""
    found["confusion"] = _stage("how much is something else", confusion, case, result)
    members = found["confusion"].members
    found["areas"] = _stage("areas", area_fractions, case, found["confusion"], result)
    found["pixels"] = _stage("suspect pixels", suspect_pixels, case, result, members)
    found["doses"] = _stage("counts needed", dose_ladder, case, result, members)
    found["missed"] = _stage("is a phase missed", missed_phases, case, found["exchange"], result)
    found["repeated"] = _stage("would it come out again", repeat, case, result)


def _unmixed(case: Case, seed: int) -> Unmixing:
    with stage("unmixing by bayes"):
        return unmix(case.image, max(case.claim.n_phases, 2), "bayes", seed=seed)


def _stage(label: str, make: Callable[..., Any], *arguments: Any) -> Any:
    with stage(label):
        return make(*arguments)


def _tested(image: SpectrumImage, result: Unmixing | None) -> SpectrumImage:
    """Return the image without the channels of the detector's noise; with a result, the image that was unmixed."""
    axis = image.spectral_axis
    if not axis.is_xray or axis.values[0] >= NOISE_BELOW_KEV or axis.values[-1] < NOISE_BELOW_KEV:
        return image
    if result is not None and result.estimate.endmembers.shape[1] == image.n_channels:
        return image
    return image.crop(NOISE_BELOW_KEV)


def _with_energies(claim: Claim, image: SpectrumImage) -> Claim:
    """Give spectra of the image's own channels their energies: some tests leave out channels."""
    if not image.spectral_axis.is_xray:
        return claim
    spectra = {
        name: ClaimedSpectrum(one.counts, image.energy_kev)
        if one.energy_kev is None and one.counts.size == image.n_channels
        else one
        for name, one in claim.spectra.items()
    }
    changed = copy(claim)
    object.__setattr__(changed, "spectra", MappingProxyType(spectra))
    return changed


def _require(
    image: SpectrumImage, claim: Claim, result: Unmixing | None, tolerance: Tolerance, level: float, seed: int
) -> None:
    require_image(image)
    if not isinstance(claim, Claim):
        raise TypeError(
            f"claim must be a Claim, got {type(claim).__name__}; make one with bayesunmix.Claim(labels, names) or "
            "bayesunmix.read_claim(files)"
        )
    if len(image.navigation_shape) != 2:
        raise ValueError(
            f"a claim is about a map of two axes, got an image of {len(image.navigation_shape)}; validate one tilt or "
            "frame at a time"
        )
    if not isinstance(tolerance, Tolerance):
        raise TypeError(
            f"tolerance must be a Tolerance, got {tolerance!r}; for example bayesunmix.Tolerance(area=0.02)"
        )
    require_share("level", level, "0.05 contradicts anything in a right claim with a probability of 5 %")
    require_seed(seed)
    if result is not None:
        tested = _tested(image, result)
        require_result_of(result, tested)
        expected = float(result.estimate.abundances.sum(axis=0) @ result.estimate.endmembers.sum(axis=1))
        if abs(expected - tested.n_photons) > OTHER_COUNTS * tested.n_photons:
            raise ValueError(
                f"result must be of these counts, got one that expects {expected:.0f} where the image has "
                f"{tested.n_photons}; pass what bayesunmix.unmix returned for this image"
            )
