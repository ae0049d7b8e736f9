"""Hold a section of the report before it is drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


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
