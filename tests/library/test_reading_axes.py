"""The axis of the channels of a file: a given unit is believed, a missing one is guessed, others are refused."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.io.dataset import to_image
from bayesunmix.io.reading_axes import Refused, channels_of

C = 40
COUNTS = np.random.default_rng(5).poisson(1.0, (3, 4, C)).astype(np.uint16)
PLANE = [
    {"name": name, "units": "nm", "scale": 2.0, "size": n, "navigate": True}
    for name, n in (("y", 3), ("x", 4))
]


def channels(**changes):
    usual = {"name": "Energy", "units": "keV", "scale": 0.01, "offset": 0.3, "size": C, "navigate": False}
    return usual | changes


def read(counts=COUNTS, signal="eds", axes=None, **changes):
    return to_image("it", counts, axes or [*PLANE, channels(**changes)], signal=signal)


# The unit, as it may be spelt, and how many keV it has.
UNITS = {
    "keV": 1, "keV.": 1, "keV/channel": 1, "keV per ch": 1, "kev": 1, "KeV": 1, "KEV": 1,
    " keV ": 1, "(keV)": 1, "kilo electronvolt": 1, "kiloelectronvolts": 1,
    "kiloelectron_volt": 1, "kilo-electron-volt": 1, "eV": 1e-3, "ev": 1e-3, "EV": 1e-3, "[eV]": 1e-3,
    "electronvolt": 1e-3, "electron volts": 1e-3, "electron_volt": 1e-3, "meV": 1e-6, "MeV": 1e3,
    "megaelectronvolt": 1e3, "milli electronvolt": 1e-6,
}  # fmt: skip


@pytest.mark.parametrize("signal", ["eds", "xrf"])
@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize(
    ("scale", "offset"), [(0.01, 0.3), (10.0, 300.0), (0.1, 400.0), (1.0, 0.0), (500.0, 0.0)]
)
def test_a_given_unit_is_believed_whatever_the_step(units, scale, offset, signal):
    image = read(signal=signal, units=units, scale=scale, offset=offset)
    np.testing.assert_allclose(image.energy_kev, UNITS[units] * (offset + scale * np.arange(C)), rtol=1e-12)
    assert image.spectral_axis.signal == signal and image.spectral_axis.units == "keV"


def test_a_core_loss_spectrum_in_ev_has_a_thousandth_as_many_kev():
    """The image of issue 21: 0.1 eV steps from 400 eV were read as 400 to 420 keV."""
    energy = read(np.ones((3, 4, 201), int), scale=0.1, offset=400.0, units="eV", size=201).energy_kev
    np.testing.assert_allclose(energy[[0, -1]], [0.400, 0.420])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": 10.0, "units": "keV"}, "is in keV: read as 0.3 to 390.3 keV in steps of 10 keV"),
        ({"scale": 0.5}, "steps of 0.5 keV, which no X-ray detector has"),
        ({"scale": 0.1, "offset": 400.0, "units": "eV"}, "is in eV: read as 0.4 to 0.4039 keV"),
        ({"scale": 0.01, "units": "eV"}, "steps of 1e-05 keV"),
        ({"scale": 0.2}, None),
        ({"scale": 0.0005}, None),
        ({"scale": 10.0, "units": "eV"}, None),
    ],
)
def test_a_step_that_no_detector_has_is_said(caplog, changes, said):
    read(**changes)
    assert [said in record.getMessage() for record in caplog.records] == ([True] if said else [])


@pytest.mark.parametrize("signal", ["eds", "xrf"])
@pytest.mark.parametrize(
    "units",
    ["nm", "µm", "um", "Å", "1/cm", "cm^-1", "cm⁻¹", "s", "Hz", "px", "J", "counts", "°", "mev", "V", "e"],
)
@pytest.mark.parametrize("name", ["Energy", "Wavelength", None])
def test_a_unit_that_is_no_energy_is_refused_with_its_name(units, name, signal):
    with pytest.raises(
        Refused, match=r"it \(.*\) is in .*, which is no energy.*signal='any'.*correct the unit"
    ) as caught:
        read(units=units, name=name, signal=signal)
    assert f"is in {units}," in str(caught.value) and "\n" not in str(caught.value)


class Undefined:
    """What HyperSpy has for a name or a unit that was not given."""

    def __repr__(self):
        return "<undefined>"


@pytest.mark.parametrize("units", ["", " ", None, "<undefined>", Undefined()])
@pytest.mark.parametrize(
    ("scale", "factor", "unit"), [(0.01, 1, "keV"), (10.0, 1e-3, "eV"), (0.5, 1e-3, "eV")]
)
def test_only_a_missing_unit_is_guessed_and_said(caplog, units, scale, factor, unit):
    image = read(units=units, scale=scale, offset=30 * scale)
    np.testing.assert_allclose(image.energy_kev, factor * scale * (30 + np.arange(C)))
    assert [record.getMessage() for record in caplog.records] == [
        f"the energy axis of it has no unit: read its step of {scale:g} as {unit}"
    ]


@pytest.mark.parametrize("scale", [1e-4, 0.3, 5000.0])
def test_a_missing_unit_that_no_step_tells_is_refused(scale):
    with pytest.raises(Refused, match=rf"not calibrated \(step {scale:g}, no unit\).*signal='any'"):
        read(units="", scale=scale)
    with pytest.raises(Refused, match="step 1, no unit"):
        read(units="", scale=1.0, offset=0.0)


@pytest.mark.parametrize("signal", ["eds", "xrf", "any"])
@pytest.mark.parametrize(("units", "scale", "offset"), [("keV", -0.01, 1.0), ("eV", -10.0, 1000.0)])
def test_a_descending_axis_is_turned_round_with_the_counts(caplog, units, scale, offset, signal):
    image = read(units=units, scale=scale, offset=offset, signal=signal)
    np.testing.assert_array_equal(image.dense(), COUNTS[..., ::-1])
    factor = UNITS[units] if signal != "any" else 1
    np.testing.assert_allclose(image.spectral_axis.values, np.sort(factor * (offset + scale * np.arange(C))))
    assert "descends: turned it round" in caplog.text


def test_a_descending_axis_of_values_without_a_unit_that_comes_first():
    values = np.linspace(2.0, 1.0, C)
    axes = [{"name": "z", "units": "", "axis": values, "navigate": False}, *PLANE]
    image = read(np.moveaxis(COUNTS, -1, 0), axes=axes)
    np.testing.assert_allclose(image.energy_kev, values[::-1])
    np.testing.assert_array_equal(image.dense(), COUNTS[..., ::-1])


@pytest.mark.parametrize("signal", ["eds", "any"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": 0.0}, "a scale of 0"),
        ({"scale": np.nan}, "a scale of nan"),
        ({"scale": -np.inf}, "a scale of -inf"),
        ({"scale": None}, "no scale"),
        ({"offset": np.nan}, "not finite"),
        ({"axis": np.r_[np.arange(20.0), np.arange(20.0)]}, "steps up and down"),
        ({"axis": np.full(C, 3.0)}, "a step of 0"),
        ({"axis": np.r_[np.nan, np.arange(39.0)]}, "not finite"),
    ],
)
def test_an_axis_that_is_no_calibration_is_refused_in_a_sentence(changes, said, signal):
    with pytest.raises(Refused, match=f"it .*Energy.* is not calibrated .*{said}") as caught:
        read(signal=signal, **changes)
    assert "\n" not in str(caught.value)


def test_increasing_values_are_energies_and_need_no_even_steps():
    values = np.cumsum(np.linspace(0.01, 0.02, C))
    np.testing.assert_allclose(read(axis=values, scale=None).energy_kev, values)


def test_a_single_channel_is_read_as_it_is():
    assert read(COUNTS[..., :1], size=1).energy_kev.tolist() == [0.3]
    assert read(COUNTS[..., :1], size=1, units="nm", signal="any").spectral_axis.values.tolist() == [0.3]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"name": "Wavelength", "units": "nm"}, "Wavelength (nm)"),
        ({"name": "Wavelength", "units": "um"}, "Wavelength (µm)"),
        ({"name": "Wavenumber", "units": "1/cm"}, "Wavenumber (1/cm)"),
        ({"name": "Energy loss", "units": "eV"}, "Energy loss (eV)"),
        ({"name": None, "units": None}, "Channel"),
        ({"name": Undefined(), "units": Undefined()}, "Channel"),
        ({"name": "bin", "units": "px"}, "bin"),
    ],
)
def test_any_other_axis_keeps_its_name_and_unit(changes, label):
    axis = read(signal="any", **changes).spectral_axis
    assert (axis.label, axis.signal) == (label, "any")
    np.testing.assert_allclose(axis.values, 0.3 + 0.01 * np.arange(C))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_other_axis_is_the_one_that_is_no_navigation(place):
    axes = [*PLANE]
    axes.insert(place, channels(name="Wavelength", units="nm"))
    image = read(np.moveaxis(COUNTS, -1, place), signal="any", axes=axes)
    np.testing.assert_array_equal(image.dense(), COUNTS)


def test_any_other_axis_is_the_last_where_no_mark_tells():
    axes = [{**axis, "navigate": True} for axis in (*PLANE, channels(name="Time", units="ns"))]
    assert read(signal="any", axes=axes).spectral_axis.label == "Time (ns)"


def test_any_other_axis_has_even_steps_up_to_rounding():
    values = (350 + 0.5 * np.arange(C)).astype(np.float32)
    assert read(signal="any", axis=values, scale=None).spectral_axis.values.size == C
    with pytest.raises(
        Refused, match=r"must have even steps, and its steps go from .*bayesunmix\.Axis\('Channel'\)"
    ):
        read(signal="any", axis=np.geomspace(200, 900, C), scale=None)


def test_an_energy_in_a_unit_of_length_is_refused_though_a_pixel_axis_is_one_too():
    with pytest.raises(Refused, match="is in nm"):
        channels_of("it", channels(units="nm"), "eds")
    with pytest.raises(Refused, match=r"it \(3 x 4 x 40\) must have one energy axis"):
        read(axes=[{**axis, "navigate": None} for axis in (*PLANE, channels(name="z", units="nm"))])


def test_the_public_entries_refuse_an_unknown_signal(tmp_path):
    (tmp_path / "map.hspy").write_bytes(b"x")
    with pytest.raises(ValueError, match="signal must be 'eds', 'xrf' or 'any', got 'EELS'"):
        bu.read(tmp_path / "map.hspy", signal="EELS")
