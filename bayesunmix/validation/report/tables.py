"""Lay out the suspects, the confusion table and the areas as sections of the report."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.report import pictures
from bayesunmix.validation.report.section import Drawing, Section
from bayesunmix.validation.words import say_digits, say_odds, say_p

MOST_ROWS = 20  # of suspects on the page; the files hold all
_Drawn = tuple[np.ndarray, int, int | None]  # its pixels, its phase, and the phase it looks like


def suspects(case: Case, details: Details) -> Iterator[Section]:
    """Show pieces and windows that are unlike the rest of their phase."""
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
    drawn: list[_Drawn] = []
    for piece in details.pieces.suspects if details.pieces else ():
        row, column = piece.centre
        rows.append(
            (
                f"piece at {row:.0f}, {column:.0f}",
                case.names[piece.phase],
                str(piece.pixels),
                str(piece.counts),
                case.names[piece.looks_like],
                _percent(piece.content),
                say_odds(piece.log_odds),
                say_p(piece.p_value),
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
                partial(pictures.draw_suspects, case, _largest(case, drawn)),
                "Spectra of the largest suspects beside the phases that they are called and look like",
            )
        ],
        [[head, *rows[:MOST_ROWS]]],
        [f"{len(rows) - MOST_ROWS} more stand in suspects.csv."] if len(rows) > MOST_ROWS else [],
        {"suspects.csv": files},
    )


def _largest(case: Case, suspects: list[_Drawn]) -> list[_Drawn]:
    """Return the suspects with most counts: their spectra show most."""
    totals = case.image.total_map()
    return sorted(suspects, key=lambda one: -totals[one[0]].sum())[: pictures.MOST_SUSPECTS]


def confusion(case: Case, details: Details) -> Iterator[Section]:
    """Show what the labels hold, phase by phase."""
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


def areas(case: Case, details: Details) -> Iterator[Section]:
    """Show the area fractions of the claim, of its map, and of the counts."""
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
                "" if area.claimed is None else f"{say_digits(100 * area.claimed.fraction, 4)} %",
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
        [_filled([head, *rows])],
        [
            "Mean share: the mean over pixels of how much of a pixel is the phase. Majority: the pixels that have most "
            "of it. The two differ where pixels are mixed. Edge band: half a pixel along the boundaries. Sampling: "
            "scatter that other fields of the same specimen would have, from the pieces of this one."
        ],
        {"areas.csv": files},
    )


def _filled(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Leave out columns that are empty below their head: a quick report has no unmixing to fill them."""
    kept = [any(column[1:]) for column in zip(*rows, strict=True)]
    return [[cell for cell, keep in zip(row, kept, strict=True) if keep] for row in rows]


def _percent(q: Quantity) -> str:
    return f"{100 * q.mean:.0f} % ({100 * max(q.lower, 0):.0f} to {100 * min(q.upper, 1):.0f})"


def _interval(q: Quantity | None) -> str:
    return "" if q is None else f"{100 * q.mean:.2f} % ({100 * q.lower:.2f} to {100 * q.upper:.2f})"


def _columns(name: str, q: Quantity | None) -> dict[str, float | None]:
    values = (None,) * 3 if q is None else (q.mean, q.lower, q.upper)
    return dict(zip((name, f"{name}_lower_90", f"{name}_upper_90"), values, strict=True))
