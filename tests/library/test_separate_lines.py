"""What a template is made of: soft lines, lines of no known element, and a continuum with the detector's edges."""

import numpy as np
import pytest
from scipy.optimize import nnls

from bayesunmix.spectra import Detector, kramers
from bayesunmix.spectra.background import continuum_curves, recorded_continuum_curves
from bayesunmix.spectra.families import line_at, lines_of, strong_lines
from bayesunmix.spectra.recognition import recognise
from bayesunmix.spectra.separate_lines import separate_lines
from simulations.phantom import PHANTOMS


def of_sum(phantom, counts=2e6):
    """What the noiseless sum spectrum of a phantom shows, before and after."""
    total = phantom.truth.abundances.sum(axis=0) @ phantom.truth.endmembers
    spectrum = np.round(counts * total / total.sum())
    found = recognise(phantom.energy_kev, spectrum, None)
    return found, separate_lines(phantom.energy_kev, spectrum, found)


def best_fit(spectrum, rows):
    return nnls(rows.T / np.sqrt(spectrum)[:, None], np.sqrt(spectrum))[0] @ rows


@pytest.mark.parametrize("step_kev", [0.01, 0.02])
@pytest.mark.parametrize("detector", [Detector(), Detector(tail_share=0.08, window_um=1.0)])
def test_curves_are_those_that_the_detector_records(step_kev, detector):
    """A thin film's continuum, recorded channel by channel: its edges (C and Si) are as wide as peaks."""
    energy_kev = np.arange(0.2, 10, step_kev)
    emitted_kev = np.arange(0.1, 11, 0.002)
    continuum = detector.record(emitted_kev, kramers(emitted_kev, 200.0), energy_kev)

    def furthest(curves):
        off = np.abs(best_fit(continuum, curves(energy_kev, detector)) / continuum - 1)
        return off[energy_kev > 0.25].max()

    assert furthest(recorded_continuum_curves) < 0.01
    # The fault that was mended.
    assert furthest(continuum_curves) > 0.1


def test_each_curve_sums_to_one():
    curves = recorded_continuum_curves(np.arange(0.3, 20, 0.02), Detector())
    np.testing.assert_allclose(curves.sum(axis=1), 1)
    assert (curves >= 0).all()


def test_a_soft_line_is_no_continuum():
    """Ti L at 0.45 keV belongs to titania alone: with it, every material of the specimen is in the dictionary."""
    phantom = PHANTOMS["particles_on_film"](n_channels=600)
    before, after = of_sum(phantom)
    assert "Ti_L" not in before.model.names and "Ti_L" in after.model.names
    assert len(after.model.background) == 9
    for label, truth in zip(phantom.labels, phantom.truth.endmembers, strict=True):
        off = [
            np.abs(best_fit(truth, np.concatenate([of.model.spectra, of.model.background])) - truth).sum()
            for of in (before, after)
        ]
        assert off[1] < 0.02, label
    np.testing.assert_allclose(after.model.spectra.sum(axis=1), 1, rtol=1e-3)


def test_a_peak_without_a_name_is_a_line_where_it_stands():
    """The excess of magnesium, 1.2536 keV, has its maximum at 1.24, because aluminium is beside it."""
    before, after = of_sum(PHANTOMS["trace_precipitates"](), 1e5)
    assert before.unnamed_kev == [pytest.approx(1.24, abs=0.011)] and "Mg" not in before.reasons
    added = [lines_of(name)[0][0] for name in after.model.names if name not in before.model.names]
    assert min(abs(kev - 1.2536) for kev in added) < 0.012  # a sixth of the peak's width
    assert len(after.model.names) == len(after.model.spectra)


def test_a_line_is_named_by_its_energy():
    assert line_at(1.2534) == "1.253 keV"
    energies, photons = lines_of("1.253 keV")
    np.testing.assert_array_equal((energies, photons), ([1.253], [1.0]))
    np.testing.assert_array_equal(lines_of("Ni_K"), strong_lines("Ni", "K"))
