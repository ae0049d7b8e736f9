"""exspy's Cliff-Lorimer quantification, on the same intensities and factors, gives our numbers to rounding."""

import numpy as np
import pytest

import bayesunmix as bu

reason = "HyperSpy is in an environment of its own: `make test-hyperspy` runs these tests"
pytest.importorskip("hyperspy.api", reason=reason)
exspy = pytest.importorskip("exspy", reason=reason)


@pytest.mark.parametrize("units", ["atomic", "weight"])
@pytest.mark.parametrize(
    ("lines", "factors"),
    [
        (("Fe_Ka", "Pt_La"), (1.450226, 5.075602)),
        (("Al_Ka", "Cu_Ka", "Mg_Ka", "Si_Ka"), (0.9, 1.6, 1.02, 1.0)),
    ],
)
def test_cliff_lorimer_agrees_with_exspy(lines, factors, units):
    signal = exspy.signals.EDSTEMSpectrum(np.full((3, 1024), 10.0))
    signal.axes_manager[-1].scale, signal.axes_manager[-1].units = 0.02, "keV"
    signal.set_microscope_parameters(beam_energy=200)
    signal.set_elements([line.split("_")[0] for line in lines])
    signal.set_lines(list(lines))
    intensities = signal.get_lines_intensity()
    drawn = np.random.default_rng(0).uniform(100, 5000, (len(lines), 3))
    for one, values in zip(intensities, drawn, strict=True):
        one.data = values.reshape(one.data.shape)
    theirs = signal.quantification(intensities, "CL", list(factors), composition_units=units)
    for pixel in range(3):
        found = bu.cliff_lorimer(
            dict(zip(lines, drawn[:, pixel], strict=True)), dict(zip(lines, factors, strict=True))
        )
        ours = found.atomic if units == "atomic" else found.weight
        expected = {
            line.split("_")[0]: float(np.ravel(of.data)[pixel])
            for line, of in zip(lines, theirs, strict=True)
        }
        # Atomic weights have four digits in one table and more in the other.
        closeness = 1e-3 if units == "atomic" else 1e-9
        assert {element: 100 * value for element, value in ours.items()} == pytest.approx(
            expected, rel=closeness
        )
