"""Compute every number of the paper from the published results: a claim has a name, a source, a filter and a format.

A claim of `claims.toml` reads one of three sources: ``file``, a CSV file of results; ``table``, a sum over several of
them (`paper.evidence`); or ``setting``, a number that stands in the code, such as ``package.module:NAME``. Rows are
chosen by ``where``, averaged within groups if ``over`` names their columns, and then ``aggregate`` makes one number of
``column``. A claim without a number stops the build and says its name.
"""

import importlib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

SOURCES = ("file", "table", "setting")
AGGREGATES: dict[str, Callable[[pd.Series], float]] = {
    "mean": lambda values: float(values.mean()),
    "median": lambda values: float(values.median()),
    "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
    "sum": lambda values: float(values.sum()),
    "count": lambda values: float(values.notna().sum()),
    "kinds": lambda values: float(values.nunique()),
}
_GROUPED_FROM = 10_000  # numbers with as many digits are written in groups of three


@dataclass(frozen=True)
class Claim:
    """Hold where a number of the paper comes from, and how it is written.

    Parameters
    ----------
    name : str
    file, table, setting : str
        The source: one of the three.
    where : dict
        A value, or a list of values, by column. ``{at_least = 5}``, ``{below = 5}`` and ``{no = "x"}`` work too.
    over : tuple of str
        Columns whose groups are averaged first.
    column : str
        A column of numbers, or of true and false, which count as 1 and 0.
    aggregate : str
        A name of `AGGREGATES`. A setting that is a sequence is counted with "count".
    scale : float
        Factor, 100 for a percentage.
    digits : int
        Digits after the point.
    unit : str
    """

    name: str
    file: str = ""
    table: str = ""
    setting: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    column: str = ""
    aggregate: str = "mean"
    scale: float = 1.0
    digits: int = 0
    unit: str = ""

    def __post_init__(self) -> None:
        given = [source for source in SOURCES if getattr(self, source)]
        if len(given) != 1:
            raise ValueError(
                f'claim "{self.name}" must name one source of {", ".join(SOURCES)}; got {" and ".join(given) or "none"}'
            )
        if self.aggregate not in AGGREGATES:
            raise ValueError(
                f'aggregate of claim "{self.name}" must be one of {", ".join(AGGREGATES)}; got "{self.aggregate}"'
            )

    def value(self, rows: pd.DataFrame) -> float:
        """Return the number, given the rows of its file or table.

        Raises
        ------
        ValueError
            If there is none.
        """
        source = self.file or self.table
        lacking = [name for name in (*self.where, *self.over, self.column) if name not in rows]
        if lacking:
            raise ValueError(
                f'claim "{self.name}" has no number: {source} has no column {" and ".join(lacking)}'
            )
        chosen = rows
        for name, wanted in self.where.items():
            chosen = chosen[_matches(chosen[name], wanted)]
        if chosen.empty:
            asked = ", ".join(f"{name} = {wanted}" for name, wanted in self.where.items())
            raise ValueError(f'claim "{self.name}" has no number: no row of {source} has {asked}')
        if self.over:
            chosen = (
                chosen.assign(**{self.column: _as_numbers(chosen[self.column], self)})
                .groupby(list(self.over))[self.column]
                .mean()
                .reset_index()
            )
        values = chosen[self.column]
        if self.aggregate != "kinds":
            values = _as_numbers(values, self)
        number = self.scale * AGGREGATES[self.aggregate](values)
        if not math.isfinite(number):
            raise ValueError(
                f'claim "{self.name}" has no number: column {self.column} of {source} is empty there'
            )
        return number

    def text(self, number: float) -> str:
        """Write the number as it is printed, with its unit."""
        written = (
            f"{number:,.{self.digits}f}" if abs(number) >= _GROUPED_FROM else f"{number:.{self.digits}f}"
        )
        if float(written.replace(",", "")) == 0:
            written = written.removeprefix("-")
        written = written.replace(",", "\u202f").replace("-", "\u2212")
        return f"{written}\u202f{self.unit}" if self.unit else written


def read_claims(path: Path) -> list[Claim]:
    """Read the claims of a TOML file.

    Raises
    ------
    ValueError
        If a claim has a key that no claim has, or no source.
    """
    known = {one.name for one in fields(Claim)} - {"name"}
    claims = []
    for name, keys in tomllib.loads(path.read_text(encoding="utf-8")).items():
        unknown = sorted(set(keys) - known)
        if unknown:
            raise ValueError(
                f'claim "{name}" has unknown keys {", ".join(unknown)}; known are {", ".join(sorted(known))}'
            )
        claims.append(Claim(name, **{**keys, "over": tuple(keys.get("over", ()))}))
    return claims


def evaluate(claims: list[Claim], rows_of: Callable[[str], pd.DataFrame]) -> dict[str, str]:
    """Write every claim as text.

    Parameters
    ----------
    claims : list of Claim
    rows_of : callable
        Gives the rows of a file or table by its name, and raises ValueError where there is none.

    Raises
    ------
    ValueError
        If a number is missing; the sentence names the claim.
    """
    texts = {}
    for claim in claims:
        if claim.setting:
            number = claim.scale * _setting(claim)
        else:
            try:
                rows = rows_of(claim.file or claim.table)
            except (ValueError, KeyError) as error:
                lost = f"a column is lost: {error}" if isinstance(error, KeyError) else error
                raise ValueError(f'claim "{claim.name}" has no number: {lost}') from error
            number = claim.value(rows)
        texts[claim.name] = claim.text(number)
    return texts


def _setting(claim: Claim) -> float:
    module, _, path = claim.setting.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = found[int(part)] if part.isdigit() else getattr(found, part)
    except (ImportError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(
            f'claim "{claim.name}" has no number: the code has no {claim.setting} ({error})'
        ) from error
    return float(len(found)) if claim.aggregate == "count" else float(found)


def _matches(column: pd.Series, wanted: Any) -> pd.Series:
    """Return which rows have the wanted value."""
    if isinstance(wanted, Mapping):
        kept = pd.Series(True, index=column.index)
        for how, limit in wanted.items():
            match how:
                case "at_least":
                    kept &= column >= limit
                case "below":
                    kept &= column < limit
                case "no":
                    kept &= ~_matches(column, limit)
                case _:
                    raise ValueError(f'a filter must be "at_least", "below" or "no"; got "{how}"')
        return kept
    if isinstance(wanted, bool):
        return column.astype(str) == str(wanted)
    return column.isin(wanted if isinstance(wanted, list) else [wanted])


def _as_numbers(values: pd.Series, claim: Claim) -> pd.Series:
    """Return numbers; true and false count as 1 and 0."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    if claim.aggregate == "count":
        return values.notna().astype(float).where(values.notna())
    truth = values.dropna().astype(str)
    if not truth.isin(["True", "False"]).all():
        raise ValueError(
            f'claim "{claim.name}" has no number: column {claim.column} of {claim.file or claim.table} holds words'
        )
    return (truth == "True").astype(float)
