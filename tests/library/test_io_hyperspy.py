"""What the bridge to HyperSpy says where HyperSpy is not; `tests/hyperspy` has the rest."""

import sys

import numpy as np
import pytest

import bayesunmix as bu


def test_without_hyperspy(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperspy", None)
    result = bu.unmix(bu.SpectrumImage(np.eye(5, dtype=int), np.arange(5)), 2, "pca")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bayesunmix\[hyperspy\]'"):
        bu.to_hyperspy(result)


def test_without_a_signal():
    with pytest.raises(
        TypeError, match=r"must be a HyperSpy signal, got ndarray; for an array, use bayesunmix\."
    ):
        bu.from_hyperspy(np.eye(5))
