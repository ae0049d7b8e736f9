"""Compute the HAADF image that comes with a spectrum image: brighter where the specimen is thick and heavy.

An atom scatters into the annular detector about in proportion to :math:`Z^{1.7}`, and a column of atoms in proportion
to the sum over them. `Acquisition.haadf` draws the electrons.

References
----------
S. J. Pennycook, "Z-contrast STEM for materials science", Ultramicroscopy 30 (1989) 58-69.
E. J. Kirkland, *Advanced Computing in Electron Microscopy*, 2nd ed., Springer (2010): the exponent.
"""

from collections.abc import Mapping

import numpy as np
import xraylib

from bayesunmix.spectra import weight_fractions
from simulations.phantom import Phantom

EXPONENT = 1.7


def contrast(phantom: Phantom) -> np.ndarray:
    """Return the noise-free HAADF image, of `navigation_shape`; its mean over the specimen is one.

    Raises
    ------
    ValueError
        If the phantom does not say what it is made of and how thick it is.
    """
    thickness_nm = phantom.require_thickness("a HAADF image", "set haadf_electrons to 0")
    strength = [
        material.density_g_cm3 * _scattering_per_gram(material.composition) for material in phantom.materials
    ]
    signal = thickness_nm @ np.array(strength)
    return (signal / signal[phantom.specimen].mean()).reshape(phantom.navigation_shape)


def _scattering_per_gram(composition: str | Mapping[str, float]) -> float:
    """Sum Z^1.7 over the atoms of a gram, in units of moles."""
    numbers = {xraylib.SymbolToAtomicNumber(el): w for el, w in weight_fractions(composition).items()}
    return sum(weight * number**EXPONENT / xraylib.AtomicWeight(number) for number, weight in numbers.items())
