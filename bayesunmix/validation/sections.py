"""Lay out what the tests found as sections of a report: sentences, pictures and tables, and the files beside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.claims.claim import ClaimedSpectrum
from bayesunmix.data.result import Unmixing
from bayesunmix.validation import pictures
from bayesunmix.validation._spectrum_faults import rebinned
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details

MOST_ROWS = 20  # of suspects on the page; the files hold all


class Drawing(NamedTuple):
    """Hold a picture that is still to be drawn, the words that stand for it, and its size: "", "wide" or "small"."""

    draw: Callable[[], Any]
    alt: str
    size: str = ""


class Section(NamedTuple):
    """Hold a section of the report.

    Attributes
    ----------
    anchor, title : str
    before, after : sequences of str
        Paragraphs around the pictures and tables.
    pictures : sequence of Drawing
    tables : sequence of tables
        Each a sequence of rows; the first is the head.
    files : mapping from file name to rows
        Tables that are written beside the page, each row a mapping.
    """

    anchor: str
    title: str
    before: Sequence[str] = ()
    pictures: Sequence[Drawing] = ()
    tables: Sequence[Sequence[Sequence[str]]] = ()
    after: Sequence[str] = ()
    files: Mapping[str, Sequence[Mapping[str, Any]]] = {}


def sections(case: Case | None, details: Details, result: Unmixing | None) -> Iterator[Section]:
    """Yield the sections for which there is something to show."""
    if case is not None:
        yield _claim(case, details)
        yield from _suspects(case, details)
        yield _spectra(case, result)
        yield from _confusion(case, details)
        yield from _areas(case, details)
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
            "Suspect: pixels that look like another phase. Not told: no phase reaches a probability of 90 %.",
        ],
    )


def _suspect_pixels(case: Case, details: Details) -> tuple[np.ndarray, np.ndarray]:
    """Return where labels are suspect, and where the counts do not tell, (H, W) each."""
    suspect, undecidable = np.zeros(case.labels.shape, bool), np.zeros(case.labels.shape, bool)
    if details.pixels is not None:
        suspect |= details.pixels.listed
        undecidable |= details.pixels.undecidable
    if details.exchange is not None:
        for place in details.exchange.suspects:
            suspect.ravel()[place.pixels] = True
    if details.pieces is not None:
        numbers = [piece.number for piece in details.pieces.suspects]
        suspect |= np.isin(details.pieces.numbers, numbers)
    return suspect, undecidable & ~suspect


def _suspects(case: Case, details: Details) -> Iterator[Section]:
    head = (
        "place (row, column)",
        "called",
        "pixels",
        "counts",
        "looks like",
        "of its counts",
        "odds against",
        "p",
    )
    rows: list[tuple[str, ...]] = []
    files: list[dict[str, Any]] = []
    drawn: list[tuple[np.ndarray, int, int | None]] = []
    for piece in details.pieces.suspects if details.pieces else ():
        odds = "" if piece.log_odds > 50 else f"{np.exp(piece.log_odds):.2g}"
        row, column = piece.centre
        rows.append(
            (
                f"piece at {row:.0f}, {column:.0f}",
                case.names[piece.phase],
                str(piece.pixels),
                str(piece.counts),
                case.names[piece.looks_like],
                _percent(piece.content),
                odds or f"10^{piece.log_odds / np.log(10):.0f}",
                f"{piece.p_value:.2g}",
            )
        )
        files.append(
            {
                "kind": "piece",
                "row": round(row, 1),
                "column": round(column, 1),
                "called": case.names[piece.phase],
                "pixels": piece.pixels,
                "counts": piece.counts,
                "looks_like": case.names[piece.looks_like],
                "content": piece.content.mean,
                "lower_90": piece.content.lower,
                "upper_90": piece.content.upper,
                "log_odds": piece.log_odds,
                "p_value": piece.p_value,
            }
        )
        assert details.pieces is not None
        drawn.append((details.pieces.numbers == piece.number, piece.phase, piece.looks_like))
    for place in details.exchange.suspects if details.exchange else ():
        row, column = np.mean(np.unravel_index(place.pixels, case.labels.shape), axis=1)
        rows.append(
            (
                f"window at {row:.0f}, {column:.0f}",
                case.names[place.phase],
                str(len(place.pixels)),
                str(place.photons),
                place.leans_to,
                _percent(place.content),
                "",
                f"{place.z:.1f} sd",
            )
        )
        files.append(
            {
                "kind": "window",
                "row": round(float(row), 1),
                "column": round(float(column), 1),
                "called": case.names[place.phase],
                "pixels": len(place.pixels),
                "counts": place.photons,
                "looks_like": place.leans_to,
                "content": place.content.mean,
                "lower_90": place.content.lower,
                "upper_90": place.content.upper,
                "log_odds": None,
                "p_value": None,
            }
        )
        where = np.zeros(case.labels.shape, bool)
        where.ravel()[place.pixels] = True
        drawn.append((where, place.phase, place.leans_to_phase))
    if not rows:
        return
    yield Section(
        "suspects",
        "Suspects",
        ["Pieces of a phase and windows within it that are unlike the rest of it, the clearest first."],
        [
            Drawing(
                partial(pictures.draw_suspects, case, drawn[: pictures.MOST_SUSPECTS]),
                "Spectra of the clearest suspects beside the phases that they are called and look like",
            )
        ],
        [[head, *rows[:MOST_ROWS]]],
        [f"{len(rows) - MOST_ROWS} more stand in suspects.csv."] if len(rows) > MOST_ROWS else [],
        {"suspects.csv": files},
    )


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
                partial(pictures.draw_spectra, case, expected, says),
                "Spectrum of each phase with its lines, and residuals",
            )
        ],
    )


def _confusion(case: Case, details: Details) -> Iterator[Section]:
    found = details.confusion
    if found is None:
        return
    tables, files = [], []
    for title, table in (("all pixels", found.whole), ("core", found.core), ("rim", found.rim)):
        head = [f"claimed, {title}", "pixels", "counts", *found.columns]
        rows: list[Sequence[str]] = [head]
        for k, name in enumerate(found.names):
            if not table.counts[k]:
                continue
            cells = [
                f"{100 * share:.1f} ± {100 * sd:.1f} %"
                for share, sd in zip(table.shares[k], table.sd[k], strict=True)
            ]
            rows.append([name, str(table.pixels[k]), str(table.counts[k]), *cells])
            files += [
                {
                    "claimed": name,
                    "area": title,
                    "found": column,
                    "share": table.shares[k, m],
                    "lower_90": table.lower[k, m],
                    "upper_90": table.upper[k, m],
                    "counting_sd": table.counting_sd[k, m],
                    "endmember_sd": table.endmember_sd[k, m],
                    "pixels": int(table.pixels[k]),
                    "counts": int(table.counts[k]),
                }
                for m, column in enumerate(found.columns)
            ]
        tables.append(rows)
    said = []
    if found.share is not None:
        q = found.share
        said.append(
            f"{100 * q.mean:.1f} % of the counts of the map ({100 * q.lower:.1f} to {100 * q.upper:.1f} %) are not "
            "what the label says, mixed pixels at boundaries included."
        )
    yield Section(
        "confusion",
        "How much is something else",
        ["Rows are what the map says, columns what the counts say: shares of the counts of each row, with standard "
         "deviations of counting and of the spectra.", *said],
        [],
        tables,
        found.warnings,
        {"confusion.csv": files},
    )  # fmt: skip


def _areas(case: Case, details: Details) -> Iterator[Section]:
    if details.areas is None:
        return
    head = (
        "phase",
        "claimed",
        "of the map",
        "of its assigned part",
        "mean share",
        "majority",
        "edge band",
        "sampling",
    )
    rows, files = [], []
    for area in details.areas.areas:
        rows.append(
            (
                area.name,
                "" if area.claimed is None else f"{100 * area.claimed.fraction:.4g} %",
                f"{100 * area.of_all:.2f} %",
                f"{100 * area.of_assigned:.2f} %",
                _interval(area.share),
                _interval(area.majority),
                f"± {100 * area.edge_band:.2f} %",
                "" if np.isnan(area.sampling_sd) else f"± {100 * area.sampling_sd:.1f} %",
            )
        )
        files.append(
            {
                "phase": area.name,
                "claimed": None if area.claimed is None else area.claimed.fraction,
                "of_map": area.of_all,
                "of_assigned": area.of_assigned,
                **_columns("mean_share", area.share),
                **_columns("majority", area.majority),
                "edge_band": area.edge_band,
                "sampling_sd": None if np.isnan(area.sampling_sd) else area.sampling_sd,
            }
        )
    yield Section(
        "areas",
        "Area fractions",
        [],
        [],
        [[head, *rows]],
        [
            "Mean share: the mean over pixels of how much of a pixel is the phase. Majority: the pixels that have most "
            "of it. The two differ where pixels are mixed. Edge band: half a pixel along the boundaries. Sampling: "
            "scatter that other fields of the same specimen would have, from the pieces of this one."
        ],
        {"areas.csv": files},
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
    pairs = [(" / ".join(pair.names), pair.counts) for pair in details.doses]
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


def _percent(q: Quantity) -> str:
    return f"{100 * q.mean:.0f} % ({100 * max(q.lower, 0):.0f} to {100 * min(q.upper, 1):.0f})"


def _interval(q: Quantity | None) -> str:
    return "" if q is None else f"{100 * q.mean:.2f} % ({100 * q.lower:.2f} to {100 * q.upper:.2f})"


def _columns(name: str, q: Quantity | None) -> dict[str, float | None]:
    values = (None,) * 3 if q is None else (q.mean, q.lower, q.upper)
    return dict(zip((name, f"{name}_lower_90", f"{name}_upper_90"), values, strict=True))
