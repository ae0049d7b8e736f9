"""Our store for counts larger than memory: an HDF5 file, written block by block and read back whole or in parts.

The file holds the sparse counts of our own `.npz` under the same names, compressed in chunks:

======================  =====================================================================
`format`                attribute: "bayesunmix spectrum image 1"
`counts_data`           (nonzeros,) counts, `counts_indices` their channels, `counts_indptr`
                        (P + 1,) where each pixel begins: compressed sparse rows
`energy_kev`            (C,) channel centres, keV
`shape`                 navigation axes, then channels
`axis_names`            one string for each navigation axis, with `axis_scales`, `axis_units`, `axis_offsets`
`mask`                  navigation axes, True where a pixel is not masked; only where some are
======================  =====================================================================
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from bayesunmix.data.counts import require_storable
from bayesunmix.data.image import Axis, SpectrumImage
from bayesunmix.io.axes import axes_from_columns, axis_columns
from bayesunmix.io.npz import IMAGE_FORMAT
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
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{path.name!r} is not a spectrum image that this package wrote, or it is damaged; write it again"
        ) from error
    with file:
        if file.attrs.get("format") != IMAGE_FORMAT:
            raise ValueError(
                f"{path.name!r} is an HDF5 file, but not a spectrum image of this package; export it as .hspy or .rpl"
            )
        shape = tuple(file["shape"][:].tolist())
        start, stop, step = part.indices(shape[0])
        if step != 1 or stop <= start:
            raise ValueError(
                f"part must be a slice of at least one of {shape[0]} and without steps, got {part}"
            )
        rows = np.prod(shape[1:-1], dtype=int)
        starts = file["counts_indptr"][start * rows : stop * rows + 1]
        entries = slice(starts[0], starts[-1])
        counts = sparse.csr_array(
            (
                file["counts_data"][entries],
                file["counts_indices"][entries].astype(np.int32),
                starts - starts[0],
            ),
            shape=(starts.size - 1, shape[-1]),
        )
        names, units = (file[f"axis_{field}"].asstr()[:].tolist() for field in ("names", "units"))
        offsets = file["axis_offsets"][:].tolist() if "axis_offsets" in file else None
        first, *others = axes_from_columns(names, file["axis_scales"][:].tolist(), units, offsets)
        first = first._replace(offset=first.offset + start * first.scale)
        mask = file["mask"][start:stop] if "mask" in file else None
        shape = (stop - start, *shape[1:])
        return SpectrumImage(counts, file["energy_kev"][:], shape, (first, *others), mask)


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
