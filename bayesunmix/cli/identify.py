"""`bayesunmix identify`: which other solutions fit the counts as well."""

from pathlib import Path
from typing import Annotated, Any

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Image, Overwrite, Result, Seed, a_number, out
from bayesunmix.cli.outputs import as_json, require_writable, write_each
from bayesunmix.cli.table import laid_out

EXAMPLE = """\
Example:
  bayesunmix identify first --out ranges.json"""
_FORMATS = (".json",)


def identify(
    result: Result,
    image: Image = None,
    confidence: Annotated[float, a_number("Probability that the ranges allow for the true solution.")] = 0.95,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the range of fractions that fit the counts of IMAGE as well as RESULT does.

    More counts do not narrow such a range; knowing more about the phases does.
    """
    require_writable(outputs, _FORMATS, overwrite)
    with asking(result, image) as asked:
        from bayesunmix.analysis.identification import identify as find

        found = find(asked.result, asked.image, confidence=confidence, seed=seed)
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
        print(_table(rows))
        for sentence in found.warnings:
            print(f"warning: {sentence}")
        content = {
            **asked.origin(),
            "confidence": confidence,
            "components": rows,
            "rotations": found.rotations,
            "warnings": found.warnings,
        }
        write_each(outputs, {".json": as_json(content, asked.result.doubt)}, asked.files)


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [("fraction of the counts", "estimate", "lowest", "highest", "spectrum")]
    for row in rows:
        numbers = (f"{row[name]:.4f}" for name in ("fraction", "lower", "upper"))
        lines.append((row["component"], *numbers, "known" if row["known"] else "free"))
    return laid_out(lines)
