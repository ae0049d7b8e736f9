"""Write what `bayesunmix.validate` found: one page, and tables beside it."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bayesunmix.claims.claim import Claim
from bayesunmix.data.grid import say_axis
from bayesunmix.data.result import Unmixing
from bayesunmix.io.plain import plain
from bayesunmix.report.page import data_uri, origin_of, write_page
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.finding import WORST_FIRST, Finding, Judgement, headline
from bayesunmix.validation.report.pictures import png_of
from bayesunmix.validation.report.section import Drawing, Section
from bayesunmix.validation.report.sections import sections
from bayesunmix.validation.words import say_counts, say_digits, say_number, say_p

_HERE = Path(__file__).parent
_DPI = 150


class Contents(NamedTuple):
    """Hold what a report shows: the fields of `bayesunmix.validation.validation.Validation`, and its verdict."""

    verdict: Judgement
    claim: Claim
    findings: tuple[Finding, ...]
    case: Case | None
    details: Details
    result: Unmixing | None
    level: float
    seed: int
    quick: bool
    notes: tuple[str, ...]


def write_validation(
    folder: Path, found: Contents, source: str | Path | Mapping[str, Any] | None = None, command: str = ""
) -> None:
    """Write report.html, findings.csv, further tables and summary.json.

    Parameters
    ----------
    folder : Path
        An empty folder.
    found : Contents
    source : str, Path or mapping, optional
        The file that the image was read from, or its `name` and `sha256`.
    command : str
        The command line that made it.
    """
    origin = origin_of(source)
    doubt = "" if found.result is None else found.result.doubt
    parts = list(sections(found.case, found.details, found.result))
    counted = {v: [one for one in found.findings if one.verdict == v] for v in WORST_FIRST}
    write_page(
        folder / "report.html",
        _HERE / "validation.html.jinja",
        _HERE / "validation.css",
        title=origin.get("name") or "a map",
        verdict=found.verdict,
        headline=f"{found.verdict.capitalize()}: {headline(found.findings)}.",
        facts=_facts(found, origin),
        doubt=doubt,
        notes=found.notes,
        findings=counted,
        verdicts=_verdicts(found.findings),
        level=found.level,
        sections=[_drawn(section) for section in parts],
        command=command,
        script=_script(found, origin),
    )
    rows = _finding_rows(found.findings)
    _write_csv(folder / "findings.csv", [{**row, "doubt": doubt} for row in rows] if doubt else rows)
    for section in parts:
        for name, table in section.files.items():
            _write_csv(folder / name, [{**row, "doubt": doubt} for row in table] if doubt else table)
    content = {
        "verdict": found.verdict,
        "findings": rows,
        "input": dict(origin),
        "claim": {
            "source": found.claim.source,
            "made_from": found.claim.made_from,
            "phases": found.claim.names,
        },
        "level": found.level,
        "seed": found.seed,
        "quick": found.quick,
        "notes": found.notes,
        **({"doubt": doubt} if doubt else {}),
    }
    text = json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def _verdicts(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Lay out the verdicts as a table."""
    head = (
        "part of the claim",
        "question",
        "verdict",
        "effect",
        "90 % interval",
        "tolerance",
        "p",
        "counts needed",
    )
    rows = []
    for one in sorted(findings, key=lambda one: WORST_FIRST.index(one.verdict)):
        effect = one.effect
        scale, unit = (100.0, "%") if not one.unit else (1.0, one.unit)
        rows.append(
            (
                one.subject,
                one.question,
                one.verdict,
                "" if effect is None else f"{say_digits(scale * effect.mean, 3)} {unit}",
                ""
                if effect is None
                else f"{say_digits(scale * effect.lower, 3)} to {say_digits(scale * effect.upper, 3)}",
                "" if one.tolerance is None else say_number(one.tolerance, one.unit),
                "" if one.p_value is None else say_p(one.p_value),
                _say_needed(one.counts_needed),
            )
        )
    return [head, *rows]


def _say_needed(counts: float | None) -> str:
    if counts is None:
        return ""
    return "no dose" if counts == float("inf") else say_counts(counts)


def _finding_rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    rows = []
    for one in findings:
        effect = one.effect
        needed = one.counts_needed
        rows.append(
            {
                "subject": one.subject,
                "question": one.question,
                "test": one.test,
                "verdict": one.verdict,
                "sentence": one.sentence,
                "effect": None if effect is None else effect.mean,
                "lower_90": None if effect is None else effect.lower,
                "upper_90": None if effect is None else effect.upper,
                "counting_sd": None if effect is None else effect.counting_sd,
                "endmember_sd": None if effect is None else effect.endmember_sd,
                "feasible_half_width": None if effect is None else effect.feasible_half_width,
                "tolerance": one.tolerance,
                "unit": one.unit or "fraction",
                "p_value": one.p_value,
                "counts_needed": "no dose" if needed == float("inf") else needed,
            }
        )
    return rows


def _facts(found: Contents, origin: Mapping[str, Any]) -> dict[str, str]:
    claim, case = found.claim, found.case
    facts = {
        "File": str(origin.get("name", "")),
        "SHA-256": str(origin.get("sha256", "")),
        "Claim": claim.source or "not said from where",
        "Made from": claim.made_from,
        "Phases": ", ".join(claim.names),
    }
    if case is not None:
        image = case.image
        axes = (say_axis(axis, n) for axis, n in zip(image.axes, image.navigation_shape, strict=True))
        n_used = int(image.takes_part.sum())
        facts["Map"] = ", ".join(axes)
        facts["Counts"] = (
            f"{image.n_photons} in {n_used} pixels, {say_digits(image.n_photons / n_used, 3)} a pixel"
        )
    if found.quick:
        facts["Tests"] = "quick: those that need no unmixing"
    return {name: fact for name, fact in facts.items() if fact}


def _script(found: Contents, origin: Mapping[str, Any]) -> str:
    """Return the Python code that repeats the report, once the claim is read."""
    claim = found.claim
    arguments = [f"seed={found.seed}", f"level={found.level:g}", *(["quick=True"] if found.quick else [])]
    parts = [name for name in ("spectra", "areas", "maps", "elements") if getattr(claim, name)]
    given = "".join(f", {name}={name}" for name in parts)
    name = str(origin.get("name") or "map.npz")
    labels = (
        "labels, names=" + repr(claim.names) if claim.labels is not None else "names=" + repr(claim.names)
    )
    return "\n".join(
        [
            "import bayesunmix as bu",
            "",
            f"image = bu.read({json.dumps(name, ensure_ascii=False)}, crop_below_kev=None)",
            f"claim = bu.Claim({labels}{given}, made_from={claim.made_from!r})  # or bu.read_claim(files)",
            f"found = bu.validate(image, claim, {', '.join(arguments)})",
            "print(found)",
            'found.report("report")',
        ]
    )


def _drawn(section: Section) -> dict[str, Any]:
    return {
        **section._asdict(),
        "pictures": [{"drawn": _picture(one), "alt": one.alt, "size": one.size} for one in section.pictures],
    }


def _picture(drawing: Drawing) -> dict[str, str]:
    """Draw a picture, or say why it could not be drawn."""
    try:
        png = png_of(drawing.draw, _DPI)
    except MemoryError:
        raise
    except Exception as error:  # whatever a drawing library raises
        return {"source": "", "why_not": f"{type(error).__name__}: {error}"}
    return {"source": data_uri("image/png", png), "why_not": ""}


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
