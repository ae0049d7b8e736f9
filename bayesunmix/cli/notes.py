"""What the library says while it works: notes of its logger, and warnings of its own classes, each said once."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Heard:
    """The sentences, in the order in which they came."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@contextmanager
def listening(*, show_notes: bool = True, show_warnings: bool = True) -> Iterator[Heard]:
    """Keep what the library says in the body.

    Parameters
    ----------
    show_notes, show_warnings : bool
        Print each as it comes, on standard error, as a line that begins with "note:" or "warning:".

    Yields
    ------
    heard : Heard
    """
    from bayesunmix.data.result import UnmixingWarning

    heard = Heard()
    handler = _Handler(heard.notes, show_notes)
    logger = logging.getLogger("bayesunmix")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UnmixingWarning)
            otherwise = warnings.showwarning

            def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
                if not issubclass(category, UnmixingWarning):
                    otherwise(message, category, *place, **more)
                else:
                    _keep(str(message), heard.warnings, "warning" if show_warnings else None)

            warnings.showwarning = show
            yield heard
    finally:
        logger.removeHandler(handler)


def _keep(sentence: str, said: list[str], shown_as: str | None) -> None:
    if sentence not in said:
        said.append(sentence)
        if shown_as:
            print(f"{shown_as}: {sentence}", file=sys.stderr)


class _Handler(logging.Handler):
    def __init__(self, said: list[str], shown: bool) -> None:
        super().__init__(logging.WARNING)
        self._said, self._shown = said, shown

    def emit(self, record: logging.LogRecord) -> None:
        _keep(record.getMessage(), self._said, "note" if self._shown else None)
