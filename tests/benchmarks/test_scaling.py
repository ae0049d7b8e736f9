"""Exponents of cost: those that were put in come out, and what cannot be told apart has none."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.reporting.scaling import exponents


def made(photons, pixels, channels=900) -> pd.DataFrame:
    """Cells whose seconds go as photons^0.8 pixels^0.3 and whose memory does not grow."""
    cells = pd.DataFrame({"photons": photons, "pixels": pixels, "channels": channels, "n_components": 3})
    return cells.assign(
        method="nmf",
        role="method",
        status="ok",
        fit_seconds=1e-6 * cells["photons"] ** 0.8 * cells["pixels"] ** 0.3,
        peak_mib=300.0,
    )


def test_the_exponents_that_were_put_in_come_out():
    found = exponents(made([1e4, 1e5, 1e6, 4e4, 4e5, 4e6], [1e3] * 3 + [4e3] * 3))
    assert list(found["quantity"]) == ["photons", "pixels"] * 2
    assert found["exponent"].to_numpy() == pytest.approx([0.8, 0.3, 0, 0], abs=1e-9)


def test_what_varies_only_as_photons_do_is_counted_there():
    noise = np.random.default_rng(0).normal(1, 0.01, 5)
    pixels = np.array([1e3, 2e3, 4e3, 8e3, 16e3])
    found = exponents(made(20 * pixels * noise, pixels))
    assert list(found["quantity"]) == ["photons", "photons"]
    assert found["exponent"].iloc[0] == pytest.approx(1.1, abs=0.02)


def test_too_few_cells_and_bounds_have_no_exponent():
    cells = made([1e4, 1e5, 1e6, 1e7], [1e3] * 4)
    assert len(exponents(cells)) == 2
    assert exponents(cells[:3]).empty
    assert exponents(cells.assign(role="bound")).empty
