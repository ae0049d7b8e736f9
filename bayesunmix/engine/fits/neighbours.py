"""Find the neighbours of the pixels that have counts, and measure how rough maps over them are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import Occupied
from bayesunmix.engine.device.layout import place_maps


class Neighbours(NamedTuple):
    """Hold the neighbours of each pixel, before and behind it along every navigation axis.

    Attributes
    ----------
    pixel : (2 x axes, pixels) int32 array
        Number of the neighbour.
    exists : (2 x axes, pixels) float32 array
        1, or 0 at an edge and beside a pixel without counts.
    """

    pixel: Array
    exists: Array

    def degree(self) -> Array:
        """Count the neighbours of each pixel, (pixels,)."""
        return self.exists.sum(0)

    def sums(self, maps: Array) -> Array:
        """Sum (K, pixels) maps over the neighbours of each pixel."""
        pairs = zip(self.pixel, self.exists, strict=True)
        return sum((exists * maps[:, pixel] for pixel, exists in pairs), jnp.zeros_like(maps))

    def roughness(self, maps: Array) -> float:
        """Return the sum of the squared differences over all pairs of neighbours."""
        return float(np.asarray(_squares(self, maps), np.float64).sum() / 2)


def neighbours(image: SpectrumImage, pixels: Occupied) -> Neighbours:
    """Look up the neighbours of the occupied pixels of an image."""
    shape, n = image.navigation_shape, pixels.pixels.size
    number = np.full(image.n_pixels, -1)
    number[pixels.pixels] = np.arange(n)
    # A frame of missing pixels, so that nothing is carried from one edge to the other.
    framed = np.pad(number.reshape(shape), 1, constant_values=-1)
    inside = (slice(1, -1),) * len(shape)
    beside = [np.roll(framed, step, axis)[inside] for axis in range(len(shape)) for step in (1, -1)]
    found = np.full((len(beside), pixels.padded), -1)
    found[:, :n] = np.stack(beside).reshape(len(beside), -1)[:, pixels.pixels]
    return Neighbours(
        jnp.asarray(np.maximum(found, 0), jnp.int32), place_maps((found >= 0).astype(np.float32))
    )


@jax.jit
def _squares(around: Neighbours, maps: Array) -> Array:
    pairs = zip(around.pixel, around.exists, strict=True)
    return sum((exists * (maps - maps[:, pixel]) ** 2 for pixel, exists in pairs), jnp.zeros_like(maps))
