"""Lay out what the tests found as sections of a report: sentences, pictures and tables, and the files beside it."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.lines.spectrum_faults import rebinned
from bayesunmix.validation.phases.mixture import OWN_SHARE
from bayesunmix.validation.report import pictures, spectra_pictures
from bayesunmix.validation.report.section import Drawing, Section
from bayesunmix.validation.report.suspects import suspects
from bayesunmix.validation.report.tables import areas, confusion
from bayesunmix.validation.words import say_short


def sections(case: Case | None, details: Details, result: Unmixing | None) -> Iterator[Section]:
    """Yield the sections for which there is something to show."""
    if case is not None:
        yield _claim(case, details)
        yield from suspects(case, details)
        yield _spectra(case, result)
        yield from confusion(case, details)
        yield from areas(case, details)
        yield from _edge(case, details)
        yield from _doses(case, details)
    yield from _maps(details)
    if case is not None:
        yield from _repeated(case, details)


def _claim(case: Case, details: Details) -> Section:
    suspect, undecidable = _suspect_pixels(case, details)
    registration = details.registration
    assert registration is not None
    return Section(
        "claim",
        "The claim beside the counts",
        [],
        [
            Drawing(
                partial(pictures.draw_claim, case, suspect, undecidable),
                "The claimed map, the counts per pixel, and where they disagree",
                "wide",
            )
        ],
        after=[
            f"Pixels further than {case.radius} from a boundary are the core of a phase: what lies nearer is mixed "
            "with its neighbour, and no label is wrong for that.",
            "Suspect: pixels that look like another phase, or like a mixture of two. Not told: no phase reaches a "
            "probability of 90 %.",
        ],
    )


def _suspect_pixels(case: Case, details: Details) -> tuple[np.ndarray, np.ndarray]:
    """Return where labels are suspect, and where the counts do not tell, (H, W) each."""
    suspect, undecidable = np.zeros(case.labels.shape, bool), np.zeros(case.labels.shape, bool)
    if details.pixels is not None:
        suspect |= details.pixels.listed
        undecidable |= details.pixels.undecidable
    if details.exchange is not None:
        suspect |= details.exchange.suspect_pixels(suspect.shape)
    for rim in details.mixtures.rims if details.mixtures is not None else ():
        if rim.fit.moved.upper < OWN_SHARE:
            suspect.ravel()[rim.pixels] = True
    if details.pieces is not None:
        suspect |= details.pieces.listed
    return suspect, undecidable & ~suspect


def _spectra(case: Case, result: Unmixing | None) -> Section:
    """Show each phase's spectrum beside the claimed one; where none was claimed, beside what the unmixing expects."""
    claimed = {
        k: _on(case, case.claim.spectra[name])
        for k, name in enumerate(case.names)
        if name in case.claim.spectra and case.image.spectral_axis.is_xray
    }
    if claimed:
        return _with_spectra(case, claimed, "the claimed spectrum")
    if result is not None:
        estimate = result.estimate
        expected = {}
        for k in range(case.claim.n_phases):
            where = (case.labels == k).ravel()
            if where.any():
                expected[k] = estimate.abundances[where].sum(axis=0) @ estimate.endmembers
        return _with_spectra(case, expected, "what the unmixing expects")
    cores = {k: case.spectrum_of(case.core_of(k)).astype(float) for k in range(case.claim.n_phases)}
    return _with_spectra(case, {k: core for k, core in cores.items() if core.any()}, "the core of the phase")


def _on(case: Case, claimed: ClaimedSpectrum) -> np.ndarray:
    """Return a claimed spectrum on the channels of the image."""
    if claimed.energy_kev is None:
        return claimed.counts
    return rebinned(claimed.energy_kev, claimed.counts, case.image.energy_kev)


def _with_spectra(case: Case, expected: Mapping[int, np.ndarray], says: str) -> Section:
    return Section(
        "spectra",
        "Spectra of the phases",
        ["Peaks are named where only one element fits."],
        [
            Drawing(
                partial(spectra_pictures.draw_spectra, case, expected, says),
                "Spectrum of each phase with its lines, and residuals",
            )
        ],
    )


def _edge(case: Case, details: Details) -> Iterator[Section]:
    if details.edge is None:
        return
    width = None if details.registration is None else details.registration.edge_width_px
    yield Section(
        "edge",
        "Across a boundary",
        [],
        [
            Drawing(
                partial(pictures.draw_edge, case, details.edge, width),
                "Share of a phase across its longest boundary",
                "small",
            )
        ],
        after=["The longest boundary of the map. Points are counted without a fit; the step is the claim."],
    )


def _doses(case: Case, details: Details) -> Iterator[Section]:
    if not details.doses:
        return
    pairs = [(" / ".join(map(say_short, pair.names)), pair.counts) for pair in details.doses]
    per_pixel = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    yield Section(
        "doses",
        "Which phases can one pixel tell apart?",
        [],
        [Drawing(partial(pictures.draw_doses, pairs, per_pixel), "Counts needed to tell two phases")],
        after=[pair.sentence for pair in details.doses[:3]],
        files={
            "counts_needed.csv": [
                {"phase": pair.names[0], "other": pair.names[1], "counts": pair.counts, "pixels": pair.pixels}
                for pair in details.doses
            ]
        },
    )


def _maps(details: Details) -> Iterator[Section]:
    if not details.recipes:
        return
    head = ("element map", "made so", "of all pixels exactly")
    rows = [
        (title, recipe.says, "yes" if recipe.exact else "no") for title, recipe in details.recipes.items()
    ]
    files = [
        {
            "map": title,
            "exact": recipe.exact,
            "first_kev": None if recipe.window_kev is None else recipe.window_kev[0],
            "last_kev": None if recipe.window_kev is None else recipe.window_kev[1],
            "factor": recipe.factor,
            "mean": recipe.mean,
            "edges": recipe.edges,
            "binning": recipe.binning,
            "correlation": recipe.correlation,
            "largest_difference": recipe.difference,
            "recipe": recipe.says,
        }
        for title, recipe in details.recipes.items()
    ]
    yield Section("maps", "How the element maps were made", [], [], [[head, *rows]], [], {"maps.csv": files})


def _repeated(case: Case, details: Details) -> Iterator[Section]:
    found = details.repeated
    if found is None:
        return
    yield Section(
        "again",
        "Would it come out the same again?",
        [found.sentence],
        [
            Drawing(
                partial(
                    pictures.draw_map,
                    case,
                    found.reproducibility,
                    "share of repetitions with the claimed label",
                ),
                "How often each pixel keeps its label in simulated repetitions",
                "small",
            )
        ],
        after=[
            "Images were drawn from the unmixing, and labelled by re-implementations of what vendors describe "
            "(vendor_cluster, vendor_library): these stand for a program that is not at hand."
        ],
    )
