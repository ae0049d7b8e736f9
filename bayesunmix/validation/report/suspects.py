"""Lay out the pieces and windows of phases that look like something else."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.amounts.suspect_pieces import SuspectPieces
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.phases.exchange import Exchange
from bayesunmix.validation.report import spectra_pictures
from bayesunmix.validation.report.section import Drawing, Section
from bayesunmix.validation.words import say_odds, say_p

MOST_ROWS = 20  # on the page; the file holds all
_HEAD = (
    "place (row, column)",
    "called",
    "pixels",
    "counts",
    "looks like",
    "of its counts",
    "odds against",
    "p",
)
_Drawn = tuple[np.ndarray, int, int | None]  # its pixels, its phase, and the phase it looks like


def suspects(case: Case, details: Details) -> Iterator[Section]:
    """Show pieces and windows that are unlike the rest of their phase."""
    rows: list[dict[str, Any]] = []
    drawn: list[_Drawn] = []
    if details.pieces is not None:
        rows += _pieces(case, details.pieces, drawn)
    if details.exchange is not None:
        rows += _windows(case, details, details.exchange, drawn)
    if not rows:
        return
    notes = [f"{len(rows) - MOST_ROWS} more stand in suspects.csv."] if len(rows) > MOST_ROWS else []
    if details.pieces is not None and details.pieces.n_listed > len(details.pieces.suspects):
        listed, tested = details.pieces.n_listed, len(details.pieces.suspects)
        notes.append(
            f"{listed} pieces look like another phase; the {tested} clearest were tested and are listed."
        )
    totals = case.image.total_map()
    largest = sorted(drawn, key=lambda one: -totals[one[0]].sum())[: spectra_pictures.MOST_SUSPECTS]
    yield Section(
        "suspects",
        "Suspects",
        ["Pieces of a phase and windows within it that are unlike the rest of it, the clearest first."],
        [
            Drawing(
                partial(spectra_pictures.draw_suspects, case, largest),
                "Spectra of the largest suspects beside the phases that they are called and look like",
            )
        ],
        [[_HEAD, *map(_on_page, rows[:MOST_ROWS])]],
        notes,
        {"suspects.csv": rows},
    )


def _pieces(case: Case, found: SuspectPieces, drawn: list[_Drawn]) -> Iterator[dict[str, Any]]:
    for piece in found.suspects:
        drawn.append((found.numbers == piece.number, piece.phase, piece.looks_like))
        yield {
            **_row(case, "piece", piece.centre, piece.phase, piece.pixels, piece.counts),
            **_looks(case.names[piece.looks_like], piece.content),
            "log_odds": piece.log_odds,
            "p_value": piece.p_value,
            "z": None,
        }


def _windows(case: Case, details: Details, found: Exchange, drawn: list[_Drawn]) -> Iterator[dict[str, Any]]:
    for place in found.suspects:
        if details.pieces is not None and details.pieces.listed.ravel()[place.pixels].all():
            continue  # it stands among the pieces
        where = np.zeros(case.labels.shape, bool)
        where.ravel()[place.pixels] = True
        drawn.append((where, place.phase, place.leans_to_phase))
        row, column = np.argwhere(where).mean(axis=0)
        yield {
            **_row(case, "window", (row, column), place.phase, len(place.pixels), place.photons),
            **_looks(place.leans_to, place.content),
            "log_odds": None,
            "p_value": None,
            "z": place.z,
        }


def _row(
    case: Case, kind: str, centre: tuple[float, float], phase: int, pixels: int, counts: int
) -> dict[str, Any]:
    return {
        "kind": kind,
        "row": round(float(centre[0]), 1),
        "column": round(float(centre[1]), 1),
        "called": case.names[phase],
        "pixels": pixels,
        "counts": counts,
    }


def _looks(like: str, content: Quantity) -> dict[str, Any]:
    return {"looks_like": like, "content": content.mean, "lower_90": content.lower, "upper_90": content.upper}


def _on_page(row: dict[str, Any]) -> tuple[str, ...]:
    mean, lower, upper = (100 * min(max(row[name], 0), 1) for name in ("content", "lower_90", "upper_90"))
    return (
        f"{row['kind']} at {row['row']:.0f}, {row['column']:.0f}",
        row["called"],
        str(row["pixels"]),
        str(row["counts"]),
        row["looks_like"],
        f"{mean:.0f} % ({lower:.0f} to {upper:.0f})",
        "" if row["log_odds"] is None else say_odds(row["log_odds"]),
        f"{row['z']:.1f} sd" if row["p_value"] is None else say_p(row["p_value"]),
    )
