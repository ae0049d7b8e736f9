"""Progress bars, off by default in the library and switched on by the command line."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_enabled = False


def show(enabled: bool) -> None:
    """Switch progress bars on or off for this process."""
    global _enabled
    _enabled = enabled


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Iterate with a bar on standard error, shown only for what takes longer than a second."""
    from tqdm import tqdm

    return iter(tqdm(items, desc=label, total=total, disable=not _enabled, delay=1, leave=False))
