"""Bring the counts of an image to the devices, and run the event kernels over them.

Pixels are split among the devices in equal runs. Each device has the events of its own pixels, by pixel and by
channel, and their abundances; every device has all endmembers. A sum over channels stays on its device, and a sum over
pixels is added up across devices. With one device the code is the same.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec
from scipy import sparse
from scipy.special import xlogy

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import (
    Chunks,
    Occupied,
    expected_allocation,
    log_likelihood_parts,
    occupied,
    padded_size,
    stack,
    weighted_sums,
)

_MANY = 2**16  # counts of an entry
EVERYWHERE, BY_DEVICE, MAPS = Spec(), Spec("pixels"), Spec(None, "pixels")


class Data(NamedTuple):
    """Hold the counts by pixel and by channel, each with a leading axis of devices, and what depends on them alone.

    `saturated` is the log-likelihood of the counts if each were its own mean, without the factorials.
    """

    by_pixel: Chunks
    by_channel: Chunks
    saturated: float


def lay_out(image: SpectrumImage) -> tuple[Data, Occupied]:
    """Bring the counts of an image to the devices, without its empty pixels."""
    n_devices = _mesh().size
    pixels = occupied(image)
    each = padded_size(-(-pixels.pixels.size // n_devices))
    pixels = pixels._replace(padded=each * n_devices)
    parts = [pixels.counts[first : first + each] for first in range(0, pixels.padded, each)]
    data = Data(
        by_pixel=_place(parts),
        by_channel=_place([part.T.tocsr() for part in parts]),
        saturated=_saturated(pixels.counts.data),
    )
    return data, pixels


def _saturated(counts: np.ndarray) -> float:
    """Sum x log x - x over the counts. Small ones are many and alike: they are counted first."""
    large = counts[counts > _MANY].astype(np.float64)
    small = counts if large.size == 0 else counts[counts <= _MANY]
    values = np.bincount(small.astype(np.int64) if small.dtype == np.uint64 else small)
    sizes = np.arange(values.size, dtype=np.float64)
    return float(values @ (xlogy(sizes, sizes) - sizes)) + float((xlogy(large, large) - large).sum())


def place_maps(maps: np.ndarray | Array) -> Array:
    """Bring (..., padded pixels) maps to the devices that have these pixels."""
    spec = Spec(*[None] * (maps.ndim - 1), "pixels")
    return jax.device_put(jnp.asarray(maps, jnp.float32), NamedSharding(_mesh(), spec))


def place_everywhere(values: np.ndarray | Array) -> Array:
    """Bring values that do not belong to pixels to every device."""
    return jax.device_put(jnp.asarray(values, jnp.float32), NamedSharding(_mesh(), EVERYWHERE))


def allocate_to_pixels(data: Data, abundances: Array, endmembers: Array) -> Array:
    """Share the counts of each pixel among the components, in expectation: (K, pixels)."""

    def local(entries: Chunks, abundances: Array, endmembers: Array) -> Array:
        return expected_allocation(_own(entries), abundances, endmembers)

    return _over_devices(local, (BY_DEVICE, MAPS, EVERYWHERE), MAPS)(data.by_pixel, abundances, endmembers)


def allocate_to_channels(data: Data, abundances: Array, endmembers: Array) -> Array:
    """Share the counts of each channel among the components, in expectation: (K, C)."""

    def local(entries: Chunks, abundances: Array, endmembers: Array) -> Array:
        return jax.lax.psum(expected_allocation(_own(entries), endmembers, abundances), "pixels")

    return _over_devices(local, (BY_DEVICE, MAPS, EVERYWHERE), EVERYWHERE)(
        data.by_channel, abundances, endmembers
    )


def project_on_endmembers(data: Data, endmembers: Array, n_pixels: int) -> Array:
    """Multiply the endmembers with the counts of each pixel, (K, pixels)."""
    each = n_pixels // _mesh().size

    def local(entries: Chunks, endmembers: Array) -> Array:
        return weighted_sums(_own(entries), endmembers, each)

    return _over_devices(local, (BY_DEVICE, EVERYWHERE), MAPS)(data.by_pixel, endmembers)


def project_on_abundances(data: Data, abundances: Array, n_channels: int) -> Array:
    """Multiply the abundances with the counts of each channel, (K, C)."""

    def local(entries: Chunks, abundances: Array) -> Array:
        return jax.lax.psum(weighted_sums(_own(entries), abundances, n_channels), "pixels")

    return _over_devices(local, (BY_DEVICE, MAPS), EVERYWHERE)(data.by_channel, abundances)


def log_likelihood(data: Data, abundances: Array, endmembers: Array) -> float:
    """Return the sum of x log(A E) over all counts: short float32 partial sums, a float64 total."""
    return float(np.asarray(_log_likelihood_parts(data.by_pixel, abundances, endmembers), np.float64).sum())


@jax.jit
def _log_likelihood_parts(by_pixel: Chunks, abundances: Array, endmembers: Array) -> Array:
    def local(entries: Chunks, abundances: Array, endmembers: Array) -> Array:
        return log_likelihood_parts(_own(entries), abundances, endmembers)

    return _over_devices(local, (BY_DEVICE, MAPS, EVERYWHERE), BY_DEVICE)(by_pixel, abundances, endmembers)


@cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("pixels",))


def _over_devices(local: Callable, inputs: tuple[Spec, ...], output: Spec) -> Callable:
    return jax.shard_map(local, mesh=_mesh(), in_specs=inputs, out_specs=output, check_vma=False)


def _place(parts: list[sparse.csr_array]) -> Chunks:
    return jax.device_put(stack(parts), NamedSharding(_mesh(), BY_DEVICE))


def _own(entries: Chunks) -> Chunks:
    """Return the events of this device, which sees a leading axis of length one."""
    return Chunks(*(part[0] for part in entries))
