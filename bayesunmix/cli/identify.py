"""`bayesunmix identify`: which other solutions fit the counts as well."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bayesunmix.cli.asked import asking
from bayesunmix.cli.assuming import Assume, read_assumptions
from bayesunmix.cli.options import Image, Overwrite, Result, Seed, a_number, out
from bayesunmix.cli.outputs import as_json, require_writable, write_each
from bayesunmix.cli.table import laid_out

EXAMPLE = """\
Examples:
  bayesunmix identify first --out ranges.json
  bayesunmix identify first --ladder
  bayesunmix identify first --assume pure=9 --assume owns=1:Ca"""
_FORMATS = (".json",)


def identify(
    result: Result,
    image: Image = None,
    confidence: Annotated[float, a_number("Probability that the ranges allow for the true solution.")] = 0.95,
    assume: Assume = None,
    ladder: Annotated[
        bool, typer.Option("--ladder", help="Show what one would have to believe for narrower ranges.")
    ] = False,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the range of fractions that fit the counts of IMAGE as well as RESULT does.

    More counts do not narrow such a range; knowing more about the phases does.
    """
    require_writable(outputs, _FORMATS, overwrite)
    believed = read_assumptions(assume)
    with asking(result, image) as asked:
        from bayesunmix.analysis.contradictions import are_contradictions
        from bayesunmix.analysis.identification import identify as find
        from bayesunmix.analysis.ladder import ladder as climb

        found = find(asked.result, asked.image, confidence=confidence, seed=seed, assume=believed)
        estimate = found.amounts.sum(axis=0).clip(min=0)
        rows = [
            {
                "component": name,
                "fraction": float(share),
                "lower": float(lower),
                "upper": float(upper),
                "known": bool(known),
            }
            for name, share, lower, upper, known in zip(
                asked.result.names, estimate / estimate.sum(), *found.overall, found.known, strict=True
            )
        ]
        for one in found.assumptions:
            print(f"assuming that {one}")
        if are_contradictions(found.warnings):  # then no range is one of the counts
            rows = [{**row, "lower": None, "upper": None} for row in rows]
        print(_table(rows))
        steps = climb(asked.result, asked.image, seed=seed) if ladder else None
        if steps is not None:
            print(f"\n{steps}")
        for sentence in found.warnings:
            print(f"warning: {sentence}")
        content = {
            **asked.origin(),
            "confidence": confidence,
            "components": rows,
            "assumptions": found.assumptions,
            "rotations": found.rotations,
            "warnings": found.warnings,
        }
        write_each(outputs, {".json": as_json(content, asked.result.doubt)}, asked.files)


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [("fraction of the counts", "estimate", "lowest", "highest", "spectrum")]
    for row in rows:
        values = (row[name] for name in ("fraction", "lower", "upper"))
        numbers = ("contradicted" if value is None else f"{value:.4f}" for value in values)
        lines.append((row["component"], *numbers, "known" if row["known"] else "free"))
    return laid_out(lines)
