"""Our store for counts larger than memory: an HDF5 file, written block by block and read back whole or in parts.

The file holds the sparse counts of our own `.npz` under the same names, compressed in chunks:

======================  =====================================================================
`format`                attribute: "bayesunmix spectrum image 1"
`counts_data`           (nonzeros,) counts, `counts_indices` their channels, `counts_indptr`
                        (P + 1,) where each pixel begins: compressed sparse rows
`energy_kev`            (C,) channel centres of X-rays, keV; of any other signal `spectral_values` (C,)
                        instead, with `spectral_name` and `spectral_units`
`signal`                "xrf" or "any"; not there for "eds", as in files of before there were others
`shape`                 navigation axes, then channels
`axis_names`            one string for each navigation axis, with `axis_scales`, `axis_units`, `axis_offsets`
`mask`                  navigation axes, True where a pixel is not masked; only where some are
======================  =====================================================================
"""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from bayesunmix.data.counts import require_storable
from bayesunmix.data.grid import Axis
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io import child
from bayesunmix.io.axes import axes_from_columns, axis_columns, channels_from_columns
from bayesunmix.io.dataset import Frame, image_of, listed
from bayesunmix.io.npz import IMAGE_FORMAT
from bayesunmix.io.reading_axes import Channels, Refused, counted_as
from bayesunmix.io.rosettasciio import read_with_rosettasciio
from bayesunmix.io.stacking import cuts
from bayesunmix.running.progress import track

if TYPE_CHECKING:
    import h5py

_HEADER = 1 << 16  # bytes: more than all but the counts takes
_CHUNK = 1 << 18  # entries: 1 MiB of counts before compression


def load(path: Path, part: slice = slice(None)) -> SpectrumImage:
    """Read an image, or a part of it: one tilt of a series, for example.

    Parameters
    ----------
    path : Path
    part : slice
        Along the first navigation axis, without steps.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not such a store, or the part is empty or has steps.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    return image_of(child.parts(read_h5, path, part=part))


def read_h5(
    path: Path, part: slice = slice(None), dataset: int | None = None, signal: Signal | None = None
) -> Iterator[Any]:
    """Yield the frame of an image, or of a part of it, and then its counts, some pixels at a time.

    HDF5 files of HyperSpy, which old versions of it named .hdf5, are read too.

    Raises
    ------
    Refused
        If the file is of another kind, or the part is empty or has steps.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise Refused(
            f"{path.name!r} is not a spectrum image: it is no HDF5 file, or damaged; copy or write it again"
        ) from error
    with file:
        if file.attrs.get("format") == IMAGE_FORMAT:
            listed(path.name, ["the image"], dataset)
            yield from _ours(path, file, part, signal)
            return
        there = list(file)
    if "Experiments" not in there:
        raise Refused(
            f"{path.name!r} is an HDF5 file, but not a spectrum image of this package or of HyperSpy (it holds "
            f"{', '.join(there[:5]) or 'nothing'}); export it as .hspy or .rpl"
        )
    yield from read_with_rosettasciio(path, dataset, signal)


def _ours(path: Path, file: "h5py.File", part: slice, signal: Signal | None) -> Iterator[Any]:
    frame, pixels = _frame(path, file, part)
    yield frame._replace(
        channels=Channels(counted_as(frame.channels.axis, signal, path.name), descends=False)
    )
    ends = file["counts_indptr"][pixels.start : pixels.stop + 1]
    if ends.size != pixels.stop - pixels.start + 1 or (np.diff(ends) < 0).any():
        raise Refused(
            f"{path.name!r} is damaged: its pixels and its counts do not fit together; write it again"
        )
    for first, last in itertools.pairwise(cuts(ends)):
        entries = slice(ends[first], ends[last])
        counts = (file["counts_data"][entries], file["counts_indices"][entries].astype(np.int32))
        block = sparse.csr_array(
            (*counts, ends[first : last + 1] - ends[first]), shape=(last - first, frame.shape[-1])
        )
        block.check_format(full_check=True)
        yield block


def _frame(path: Path, file: "h5py.File", part: slice) -> tuple[Frame, slice]:
    """Return the frame of a part of an image, and its pixels."""
    shape = tuple(file["shape"][:].tolist())
    start, stop, step = part.indices(shape[0])
    if step != 1 or stop <= start:
        raise Refused(f"part must be a slice of at least one of {shape[0]} and without steps, got {part}")
    names, units = (file[f"axis_{field}"].asstr()[:].tolist() for field in ("names", "units"))
    offsets = file["axis_offsets"][:].tolist() if "axis_offsets" in file else None
    first, *others = axes_from_columns(names, file["axis_scales"][:].tolist(), units, offsets)
    first = first._replace(offset=first.offset + start * first.scale)
    mask = file["mask"][start:stop] if "mask" in file else None
    channels = Channels(channels_from_columns(_channels(file)), descends=False)
    if channels.axis.values.size != shape[-1]:
        raise Refused(f"{path.name!r} is damaged: its channels do not fit its axes; write it again")
    rows = math.prod(shape[1:-1])
    frame = Frame(repr(path.name), channels, (stop - start, *shape[1:]), (first, *others), mask)
    return frame, slice(start * rows, stop * rows)


def _channels(file: "h5py.File") -> dict[str, Any]:
    """Read what the file says of the channels."""
    arrays = {name: file[name][:] for name in ("energy_kev", "spectral_values") if name in file}
    text = ("spectral_name", "spectral_units", "signal")
    return arrays | {name: file[name].asstr()[()] for name in text if name in file}


def write_blocks(
    file: IO[bytes],
    blocks: Iterator[sparse.csr_array],
    energy_kev: np.ndarray,
    shape: tuple[int, ...],
    axes: tuple[Axis, ...],
    mask: np.ndarray | None = None,
) -> None:
    """Write an image whose counts come in blocks and are never all in memory.

    Parameters
    ----------
    file : binary file
        Empty, open for reading and writing.
    blocks : iterator of (pixels, C) sparse arrays
        All pixels in order.
    energy_kev : (C,) array
    shape : tuple of int
        Navigation shape.
    axes : tuple of Axis
    mask : bool array of that shape, optional
        True where a pixel is not masked. Counts of the others are discarded when the file is read.

    Raises
    ------
    ValueError
        If the blocks hold not one photon.
    OSError
        If the disk is full.
    """
    # HDF5 reads its header back and crashes where that found no room: try for room first.
    file.write(bytes(_HEADER))
    file.flush()
    file.seek(0)
    file.truncate()
    disk = _Disk(file)
    try:
        _write(disk, blocks, energy_kev, shape, axes, mask)
    except (OSError, RuntimeError) as error:
        # HDF5 complains about what it cannot read back; that it was never written is the reason.
        raise disk.failure or error from None


def _write(
    disk: "_Disk",
    blocks: Iterator[sparse.csr_array],
    energy_kev: np.ndarray,
    shape: tuple[int, ...],
    axes: tuple[Axis, ...],
    mask: np.ndarray | None,
) -> None:
    """Write the axes and the mask, then append one block of pixels after another."""
    import h5py

    n_pixels = int(np.prod(shape))
    # No times are tracked, so that the same seed gives the same bytes.
    with h5py.File(disk, "w", track_order=False) as file:
        file.attrs["format"] = IMAGE_FORMAT
        file["energy_kev"] = energy_kev
        file["shape"] = np.array([*shape, energy_kev.size])
        for name, column in axis_columns(axes).items():
            file[name] = column
        if mask is not None:
            file["mask"] = mask
        kinds = {"data": np.uint32, "indices": np.min_scalar_type(energy_kev.size), "indptr": np.int64}
        parts = {name: _growing(file, f"counts_{name}", kind) for name, kind in kinds.items()}
        _append(parts["indptr"], np.zeros(1, np.int64))
        for block in track(blocks, f"drawing {n_pixels} pixels"):
            require_storable(block)
            _append(parts["indptr"], parts["data"].size + block.indptr[1:])
            _append(parts["data"], block.data)
            _append(parts["indices"], block.indices)
            disk.check()
        if parts["data"].size == 0:
            raise ValueError("no photon was drawn; raise the dose")
    # What HDF5 held back reached the disk only now.
    disk.check()


class _Disk:
    """A file that keeps a failure to itself until asked: HDF5 crashes when it cannot write what it must close."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.failure: OSError | None = None

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self.failure:
            raise self.failure

    def _try(self, action: Callable[..., int | None], *arguments: object) -> int | None:
        if self.failure is None:
            try:
                return action(*arguments)
            except OSError as error:
                self.failure = error
        return None

    def write(self, data: bytes) -> int:
        self._try(self.file.write, data)
        return len(data)

    def flush(self) -> None:
        self._try(self.file.flush)

    def truncate(self, size: int | None = None) -> int | None:
        return self._try(self.file.truncate, size)

    def seek(self, offset: int, whence: int = 0) -> int | None:
        return self._try(self.file.seek, offset, whence)

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    def readinto(self, buffer: bytearray) -> int:
        return self.file.readinto(buffer)  # type: ignore[attr-defined]

    def tell(self) -> int:
        return self.file.tell()


def _growing(file: "h5py.File", name: str, kind: Any) -> "h5py.Dataset":
    """Make an empty one-dimensional dataset that can grow."""
    return file.create_dataset(
        name,
        (0,),
        kind,
        maxshape=(None,),
        chunks=(_CHUNK,),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )


def _append(dataset: "h5py.Dataset", values: np.ndarray) -> None:
    size = dataset.size
    dataset.resize((size + values.size,))
    dataset[size:] = values
