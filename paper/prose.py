"""Read the text of the paper as text: which numbers it asks for, and digits that stand in it by hand."""

import re
from pathlib import Path

_CLAIM = re.compile(r'#claim\("([^"]*)"\)')
# What may hold digits: comments, numbers from results, names of figures and tables, mathematics, references and labels.
_COMMENT = re.compile(r"(?m)(?<![:\w])//.*$")
_ALLOWED = (
    _COMMENT,
    _CLAIM,
    re.compile(r"#(?:import|include|bibliography)\b.*"),
    re.compile(r"\$[^$]*\$"),
    re.compile(r"@[A-Za-z][\w:.-]*"),
    re.compile(r"<[A-Za-z][\w:.-]*>"),
)
_DIGIT = re.compile(r"\d")


def numbers_asked_for(text: str) -> list[str]:
    """Return the names of the claims that a text asks for, in their order, each once."""
    return list(dict.fromkeys(_CLAIM.findall(_COMMENT.sub("", text))))


def bare_digits(text: str) -> list[str]:
    """Return the lines of a Typst text with a digit outside claims, mathematics, references and labels.

    Returns
    -------
    list of str
        Each as "line 12: the line", without what may hold digits.
    """
    for allowed in _ALLOWED:
        # Lines keep their numbers.
        text = allowed.sub(lambda found: "\n" * found[0].count("\n"), text)
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if _DIGIT.search(line)]


def bare_digits_of_markdown(text: str) -> list[str]:
    """Return the lines of a Markdown text with a digit outside its header, its references and its links."""
    if text.startswith("---\n"):
        header, end, body = text[4:].partition("\n---\n")
        text = "\n" * (header.count("\n") + 3) + body if end else text
    text = re.sub(r"\]\([^)]*\)|@[A-Za-z][\w:.-]*", "", text)
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if _DIGIT.search(line)]


def require_numbers(path: Path, known: dict[str, str]) -> None:
    """Raise an error that names every number that a text asks for and that nobody computed.

    Raises
    ------
    ValueError
        If there are such numbers.
    """
    missing = [name for name in numbers_asked_for(path.read_text(encoding="utf-8")) if name not in known]
    if missing:
        raise ValueError(
            f"{path.name} asks for the number {', '.join(missing)}, which claims.toml does not define; add it there"
        )
