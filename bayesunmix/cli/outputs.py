"""Files that a command writes on request: the ending of the name says in which format."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bayesunmix.cli.pictures import reason_of


def require_writable(files: Sequence[Path] | None, formats: Sequence[str], overwrite: bool) -> None:
    """Check the names before any work is done.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a name has no ending of `formats`, is a folder, or is taken and may not be replaced.
    """
    for file in files or ():
        if file.is_dir():
            raise ValueError(f"{str(file)!r} is a folder; give --out the name of a file in it")
        if file.suffix.lower() not in formats:
            raise ValueError(
                f"--out writes {' or '.join(formats)}, got {file.name!r}; choose a name with such an ending"
            )
        if not file.parent.is_dir():
            raise FileNotFoundError(
                f"there is no folder {str(file.parent)!r} to write {file.name!r} in; make it first"
            )
        if file.exists() and not overwrite:
            raise ValueError(
                f"the file {str(file)!r} is there already; choose another --out, or replace it with --overwrite"
            )


def write_each(
    files: Sequence[Path] | None,
    writers: Mapping[str, Callable[[Path], None]],
    sources: Sequence[Path] = (),
) -> None:
    """Write each file whole or not at all, and say so. One that fails does not keep the others from being written.

    Parameters
    ----------
    files : sequence of Path or None
    writers : mapping
        For each ending of a name, what writes such a file.
    sources : sequence of Path
        The files that were read, which are never replaced.

    Raises
    ------
    Exception
        The first failure, once the other files are written.
    """
    failures = []
    for file in files or ():
        try:
            _write(file, writers[file.suffix.lower()], sources)
        except Exception as error:  # whatever a drawing library raises
            failures.append(error)
        else:
            print(f"written    {file}")
    if failures:
        raise failures[0]


def _write(file: Path, write: Callable[[Path], None], sources: Sequence[Path]) -> None:
    from bayesunmix.io.file import whole_file

    if any(file.exists() and file.samefile(source) for source in sources):
        raise ValueError(f"{str(file)!r} is what was read; choose another --out")
    with whole_file(file) as temporary:
        write(temporary)


def as_json(content: Mapping[str, Any], doubt: str) -> Callable[[Path], None]:
    """Return what writes strict JSON; a doubt of the result (`Unmixing.doubt`) is an entry of its own."""
    content = {**content, "doubt": doubt} if doubt else content

    def write(path: Path) -> None:
        from bayesunmix.io.plain import plain

        text = json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    return write


def as_csv(rows: Sequence[Mapping[str, Any]], doubt: str) -> Callable[[Path], None]:
    """Return what writes a table with a line of headings; None becomes an empty cell, and a doubt a column."""
    rows = [{**row, "doubt": doubt} for row in rows] if doubt else rows

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)

    return write


def as_npz(arrays: Mapping[str, Any], doubt: str) -> Callable[[Path], None]:
    """Return what writes arrays under their names; a doubt of the result is the text `doubt`."""
    arrays = {**arrays, "doubt": doubt} if doubt else arrays

    def write(path: Path) -> None:
        import numpy as np

        np.savez_compressed(path, **arrays)

    return write


def as_png(draw: Callable[[], Any], doubt: str) -> Callable[[Path], None]:
    """Return what draws a Matplotlib figure, marks it with a doubt of the result, and writes it."""

    def write(path: Path) -> None:
        from bayesunmix.plotting.style import mark

        try:
            mark(draw(), doubt).savefig(path, dpi=200)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever a drawing library raises
            raise ValueError(
                f"the picture could not be drawn: {reason_of(error)}; the other formats of --out have the numbers"
            ) from error

    return write
