"""Pictures and pages beside the results: each is made on its own, and one that fails costs nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path

LONGEST_REASON = 200  # characters


def add_each(folder: Path, makers: Mapping[str, Callable[[Path], None]]) -> tuple[list[str], bool]:
    """Make each file whole or not at all.

    Parameters
    ----------
    folder : Path
        It holds the results already.
    makers : mapping
        For each file name, what writes it.

    Returns
    -------
    failed : list of str
        A sentence for each file that could not be made.
    interrupted : bool
        Whether the user stopped it; the files that would have followed are missing too.
    """
    from bayesunmix.io.file import whole_file

    failed: list[str] = []
    for name, make in makers.items():
        try:
            with whole_file(folder / name) as temporary:
                make(temporary)
        except KeyboardInterrupt:
            failed.append(f"{name} was not made: interrupted. The results are complete.")
            return failed, True
        except Exception as error:  # whatever a drawing library raises: the fit took longer than the picture
            failed.append(f"{name} was not made: {reason_of(error)}. The results are complete.")
    return failed, False


def reason_of(error: Exception) -> str:
    """Say in one line why something failed."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON]}..."
