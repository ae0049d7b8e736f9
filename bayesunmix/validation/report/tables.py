"""Lay out the confusion table and the areas as sections of the report."""

from collections.abc import Iterator, Sequence

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.report.section import Section
from bayesunmix.validation.words import say_digits


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


def _interval(q: Quantity | None) -> str:
    return "" if q is None else f"{100 * q.mean:.2f} % ({100 * q.lower:.2f} to {100 * q.upper:.2f})"


def _columns(name: str, q: Quantity | None) -> dict[str, float | None]:
    values = (None,) * 3 if q is None else (q.mean, q.lower, q.upper)
    return dict(zip((name, f"{name}_lower_90", f"{name}_upper_90"), values, strict=True))
