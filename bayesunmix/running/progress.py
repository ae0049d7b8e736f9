"""Progress bars with an estimate of the time left, in terminals and notebooks.

A bar appears only for what takes longer than a moment. Where nobody asked, that moment is long: short fits stay silent,
and a fit that takes minutes is never silent. Where standard error is a file, each bar is a line every half minute.
"""

import io
import re
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")

ASKED_SECONDS, UNASKED_SECONDS = 1.0, 10.0  # after which a bar appears
LOGGED_SECONDS = 30.0  # between two lines where standard error is a file and not a terminal
_LINE = "{desc}: {n_fmt} of {total_fmt}, {elapsed} so far, about {remaining} left"
_wanted: bool | None = False


@contextmanager
def showing(wanted: bool | None) -> Iterator[None]:
    """Show bars in the body, in this process.

    Parameters
    ----------
    wanted : bool or None
        True shows bars for what takes longer than 1 s, None for what takes longer than 10 s, False none.
    """
    global _wanted
    before, _wanted = _wanted, wanted
    try:
        yield
    finally:
        _wanted = before


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Iterate with a bar on standard error."""
    return iter(_bar(items, desc=label, total=total))


@contextmanager
def stage(label: str) -> Iterator[None]:
    """Show what is being done and for how long, where no steps can be counted: compiling, for one."""
    if _wanted is False:
        yield
        return
    done = threading.Event()

    def show() -> None:
        if done.wait(_delay()):
            return
        with _bar(None, desc=label, bar_format="{desc} [{elapsed}]") as bar:
            bar.start_t -= _delay()  # which has passed
            bar.refresh()
            while not done.wait(LOGGED_SECONDS if _is_log() else 1.0):
                bar.refresh()

    watcher = threading.Thread(target=show, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _bar(items: Any, **options: Any) -> Any:
    if _wanted is False:  # tqdm takes half a second to import in a notebook
        return items
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without ipywidgets gets bars of text
        from tqdm.auto import tqdm

    pace = {"mininterval": LOGGED_SECONDS, "file": _Lines(), "bar_format": _LINE} if _is_log() else {}
    return tqdm(items, **{"delay": _delay(), "leave": False, **pace, **options})


def _is_log() -> bool:
    """Return True if standard error is a file: neither a terminal nor a notebook."""
    return not (sys.stderr is not None and sys.stderr.isatty()) and "ipykernel" not in sys.modules


class _Lines(io.TextIOBase):
    """Turns what tqdm writes, which moves the cursor, into lines on standard error."""

    def write(self, text: str) -> int:
        line = re.sub(r"[\r\n]|\x1b\[A", "", text).strip()
        if line and sys.stderr is not None:
            print(line, file=sys.stderr, flush=True)
        return len(text)


def _delay() -> float:
    return ASKED_SECONDS if _wanted else UNASKED_SECONDS
