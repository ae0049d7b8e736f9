"""Open what a question is asked of: a saved result, and the image that was unmixed, prepared as for the fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bayesunmix.data.grid import Grid
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.result import Unmixing


class Asked(NamedTuple):
    """A result, its image, and the files they came from."""

    result: "Unmixing"
    image: "SpectrumImage"
    result_file: Path
    image_file: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """What was read, and must not be replaced."""
        return self.result_file, self.image_file

    def origin(self) -> dict[str, Any]:
        """Name the two files, for what is written."""
        from bayesunmix.io.digest import sha256

        source = self.result.info.get("input")
        digest = source["sha256"] if source else sha256(self.image_file)
        return {
            "result": str(self.result_file),
            "image": {"path": str(self.image_file), "sha256": digest},
            "method": self.result.info.get("method"),
        }


@contextmanager
def asking(result: Path, image: Path | None) -> Iterator[Asked]:
    """Open a result and its image, and show warnings and progress bars in the body.

    Of a result that did not converge, the first line printed says so.

    Parameters
    ----------
    result : Path
        A .nc file, or the folder that `bayesunmix unmix` wrote.
    image : Path or None
        The file that was unmixed; where None, the one that the result names.

    Yields
    ------
    asked : Asked

    Raises
    ------
    FileNotFoundError, ValueError
        If one of the two is missing, or the image is not the one that was unmixed.
    """
    from bayesunmix.cli.notes import listening
    from bayesunmix.io.netcdf import load_result
    from bayesunmix.running import progress

    # What there is to note about the file was said when it was unmixed.
    with listening(show_notes=False), progress.showing(None):
        result_file = _result_file(result)
        loaded = load_result(result_file)
        image_file = _image_file(loaded, result_file, image)
        if loaded.doubt:
            print(loaded.doubt)
        yield Asked(loaded, _prepared(loaded, image_file), result_file, image_file)


def _result_file(path: Path) -> Path:
    if path.is_dir():
        inside = path / "result.nc"
        if not inside.is_file():
            raise FileNotFoundError(
                f"the folder {str(path)!r} holds no result.nc; name the folder that `bayesunmix unmix` wrote"
            )
        return inside
    if not path.exists():
        raise FileNotFoundError(
            f"there is no result {str(path)!r}; name the folder that `bayesunmix unmix` wrote, or a result.nc"
        )
    if path.suffix.lower() != ".nc":
        raise ValueError(
            f"RESULT must be a .nc file or the folder that `bayesunmix unmix` wrote, got {str(path)!r}; "
            "the image comes second"
        )
    return path


def _image_file(result: "Unmixing", result_file: Path, given: Path | None) -> Path:
    from bayesunmix.io.digest import sha256

    source = result.info.get("input")
    if given is not None:
        if not given.exists():
            raise FileNotFoundError(f"there is no file {str(given)!r}; check the name and the folder")
        if given.is_dir() and given.suffix.lower() != ".zspy":
            raise ValueError(f"IMAGE must be the file that was unmixed, got the folder {str(given)!r}")
        if source and sha256(given) != source["sha256"]:
            raise ValueError(
                f"{str(given)!r} is not the file that was unmixed, {source['name']!r}: its contents differ "
                "(SHA-256); name that file"
            )
        return given
    if not source:
        raise ValueError(
            f"{str(result_file)!r} does not say which file was unmixed; name that file after the result"
        )
    folder = result_file.parent
    places = [Path(source["path"]), folder / source["name"]]
    if source["path_from_result"] is not None:
        places.insert(1, folder / source["path_from_result"])
    present = [place for place in places if place.exists()]
    if not present:
        raise FileNotFoundError(
            f"the file that was unmixed, {source['name']!r}, is no longer at {source['path']!r}; "
            "name it after the result"
        )
    same = next((place for place in present if sha256(place) == source["sha256"]), None)
    if same is None:
        raise ValueError(
            f"{str(present[0])!r} has changed since it was unmixed (SHA-256); "
            "name a copy of the file as it was after the result, or unmix again"
        )
    return same


def _prepared(result: "Unmixing", file: Path) -> "SpectrumImage":
    """Read the image, and take the channels and the pixels that were unmixed: the result has them."""
    import numpy as np

    from bayesunmix.io import read as read_file

    grid, source = result.grid, result.info.get("input")
    read = partial(read_file, file, crop_below_kev=None, dataset=source.get("dataset") if source else None)
    if grid is None:
        return read()
    axis = grid.spectral_axis
    try:
        whole = read(mask=grid.mask, signal=axis.signal)
    except ValueError:
        if grid.mask is None:
            raise
        whole = read(signal=axis.signal)  # of another size, which is said below
    places = whole.spectral_axis.values
    first, last = axis.values[[0, -1]]
    margin = float(np.diff(axis.values).min(initial=1.0)) / 2
    inside = (places >= first - margin) & (places <= last + margin)
    same = (
        whole.navigation_shape == tuple(grid.shape[:-1])
        and inside.sum() == axis.values.size
        and np.abs(places[inside] - axis.values).max() < margin
    )
    if not same:
        raise ValueError(
            f"the result is of {_size(grid)}, and {file.name!r} holds "
            f"{_size(whole.grid)}; name the file that was unmixed "
            "(one changed in Python is saved by bayesunmix.write)"
        )
    return whole.crop(first - margin, last + margin)


def _size(grid: "Grid") -> str:
    *pixels, channels = grid.shape
    return f"{' x '.join(map(str, pixels))} pixels and {channels} channels ({grid.spectral_axis.say_ends()})"
