"""Our own file: a NumPy archive of the sparse counts and the axes, self-describing and free of pickles.

======================  =====================================================================
`format`                "bayesunmix spectrum image 1"
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

from pathlib import Path

import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage
from bayesunmix.io.axes import axes_from_columns, axis_columns, channel_columns, channels_from_columns
from bayesunmix.io.file import whole_file

IMAGE_FORMAT = "bayesunmix spectrum image 1"


def save(image: SpectrumImage, path: Path) -> None:
    """Write `image` to a temporary sibling of `path`, then rename it."""
    arrays = {
        "format": np.array(IMAGE_FORMAT),
        "counts_data": image.counts.data,
        "counts_indices": image.counts.indices,
        "counts_indptr": image.counts.indptr,
        **channel_columns(image.spectral_axis),
        "shape": np.array(image.shape),
        **axis_columns(image.axes),
    }
    if image.mask is not None:
        arrays["mask"] = image.mask
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> SpectrumImage:
    """Read what `save` wrote.

    Raises
    ------
    ValueError
        If the file is truncated, is another kind of archive, or its arrays contradict each other.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = sorted(archive.files)
            if "format" not in names or str(archive["format"]) != IMAGE_FORMAT:
                held = ascii(", ".join(names))[1:-1] or "nothing"  # a damaged file may give any name
                raise ValueError(f"it holds {held} where bayesunmix.write would say {IMAGE_FORMAT!r}")
            arrays = {name: archive[name] for name in names}
        channels = channels_from_columns(arrays)
        counts = sparse.csr_array(
            (arrays["counts_data"], arrays["counts_indices"], arrays["counts_indptr"]),
            shape=(arrays["counts_indptr"].size - 1, channels.values.size),
        )
        counts.check_format(full_check=True)
        names, scales, units = (arrays[f"axis_{field}"].tolist() for field in ("names", "scales", "units"))
        offsets = arrays["axis_offsets"].tolist() if "axis_offsets" in arrays else None
        axes = axes_from_columns(names, scales, units, offsets)
        shape = tuple(arrays["shape"].tolist())
        return SpectrumImage(counts, None, shape, axes, arrays.get("mask"), spectral_axis=channels)
    except (
        Exception,
        MemoryError,
    ) as error:  # zlib, zipfile and NumPy have errors of many kinds for damaged files
        said = "it holds no arrays" if "pickle" in str(error) else str(error)[:200] or type(error).__name__
        raise ValueError(
            f"{path.name!r} is not a spectrum image that bayesunmix.write made, or it is damaged: {said}; "
            "make it again with bayesunmix.write(image, path)"
        ) from error
