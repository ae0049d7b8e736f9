"""The axis of the channels: what an image makes of it, and what everything asked of an image says of it."""

import dataclasses

import numpy as np
import pytest

import bayesunmix as bu

COUNTS = np.random.default_rng(2).poisson(2.0, (4, 5, 12))
WAVELENGTH = bu.Axis("Wavelength", 2.5, "nm", 350.0)


def image(**options):
    return bu.SpectrumImage(COUNTS, **{"spectral_axis": WAVELENGTH} | options)


def test_energies_are_electron_excited_x_rays_unless_said():
    energy = np.linspace(1, 3, 12)
    for given, signal in ((None, "eds"), ("eds", "eds"), ("xrf", "xrf")):
        axis = bu.SpectrumImage(COUNTS, energy, signal=given).spectral_axis
        assert (axis.signal, axis.label, axis.column) == (signal, "Energy (keV)", "energy_kev")
        np.testing.assert_array_equal(axis.energy_kev, energy)
        np.testing.assert_array_equal(axis.values, energy)


def test_an_axis_of_even_steps_has_its_name_and_unit():
    axis = image().spectral_axis
    assert (axis.name, axis.units, axis.signal, axis.is_xray) == ("Wavelength", "nm", "any", False)
    np.testing.assert_allclose(axis.values, 350 + 2.5 * np.arange(12))
    assert (axis.label, axis.column) == ("Wavelength (nm)", "wavelength_nm")
    assert "Wavelength 350 to 377.5 nm (signal 'any')" in repr(image())


@pytest.mark.parametrize(
    ("given", "label", "column"),
    [
        (bu.Axis("Channel"), "Channel", "channel"),
        (bu.Axis(""), "Channel", "channel"),
        (bu.Axis("Wavenumber", 4, "1/cm"), "Wavenumber (1/cm)", "wavenumber_1_cm"),
        (bu.Axis("Raman shift", 4, "cm⁻¹"), "Raman shift (cm⁻¹)", "raman_shift_cm_1"),
        (bu.Axis("Wavelength", 0.01, "µm", 0.3), "Wavelength (µm)", "wavelength_um"),
        (bu.Axis("Energy loss", 0.1, "eV", 400), "Energy loss (eV)", "energy_loss_ev"),
    ],
)
def test_names_of_axes_in_pictures_and_tables(given, label, column):
    axis = image(spectral_axis=given).spectral_axis
    assert (axis.label, axis.column) == (label, column)


def test_a_descending_axis_is_turned_round_with_its_counts():
    mask = np.arange(20).reshape(4, 5) % 3 > 0
    down = image(spectral_axis=bu.Axis("Wavenumber", -8.0, "1/cm", 4000.0), mask=mask)
    np.testing.assert_allclose(down.spectral_axis.values, np.sort(4000 - 8.0 * np.arange(12)))
    np.testing.assert_array_equal(down.dense(), COUNTS[..., ::-1] * mask[..., None])
    assert down.counts.has_sorted_indices


def test_derived_images_keep_name_unit_and_signal():
    whole = image()
    kept, rest = whole.thin(0.5, np.random.default_rng(0))
    within = whole.within(np.arange(20).reshape(4, 5) > 3)
    for derived in (whole.crop(360, 370), whole.rebin(2, 5), kept, rest, within):
        axis = derived.spectral_axis
        assert (axis.name, axis.units, axis.signal) == ("Wavelength", "nm", "any")
        assert axis.values.size == derived.n_channels
    assert whole.crop(360, 370).spectral_axis.values.tolist() == [360.0, 362.5, 365.0, 367.5]
    assert whole.rebin(1, 5).spectral_axis.values.tolist() == [355.0, 367.5, 376.25]
    with pytest.raises(ValueError, match=r"between 9000 and inf nm: the axis runs from 350 to 377\.5 nm"):
        whole.crop(9000)


def test_an_image_may_be_replaced_like_any_dataclass():
    whole = image(mask=np.arange(20).reshape(4, 5) > 3)
    again = dataclasses.replace(whole, axes=(bu.Axis("a"), bu.Axis("b")))
    assert again.spectral_axis == whole.spectral_axis and again.axes[0].name == "a"
    np.testing.assert_array_equal(again.dense(), whole.dense())


def test_axes_are_equal_by_value():
    axis = image().spectral_axis
    assert axis == bu.SpectralAxis(350 + 2.5 * np.arange(12), "Wavelength", "nm", "any")
    assert axis != bu.SpectralAxis(axis.values, "Wavelength", "nm²", "any")
    assert axis != bu.SpectralAxis(axis.values + 1, "Wavelength", "nm", "any")
    assert axis != "Wavelength"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"energy_kev": np.arange(1.0, 13), "spectral_axis": WAVELENGTH}, "energy_kev and spectral_axis"),
        ({"energy_kev": np.arange(1.0, 13), "signal": "any"}, "spectral_axis=bayesunmix.Axis"),
        ({"spectral_axis": WAVELENGTH, "signal": "eds"}, "signal='eds' is for X-rays.*energy_kev"),
        ({"spectral_axis": WAVELENGTH, "signal": "EELS"}, "'eds', 'xrf' or 'any', got 'EELS'"),
        ({"spectral_axis": WAVELENGTH._replace(scale=0)}, "a step that is not 0"),
        ({"spectral_axis": WAVELENGTH._replace(scale=np.nan)}, "finite offset and a step"),
        ({"spectral_axis": WAVELENGTH._replace(offset=np.inf)}, "finite offset and a step"),
        ({"spectral_axis": WAVELENGTH._replace(scale="wide")}, "scale 'wide'"),
        ({"energy_kev": np.arange(12.0, 0, -1)}, r"strictly increasing.*values\[::-1\]"),
        ({"spectral_axis": bu.SpectralAxis(np.arange(3.0), "a", "", "any")}, r"one value per channel \(12\)"),
        (
            {"spectral_axis": bu.SpectralAxis(np.arange(12.0)), "signal": "any"},
            "that of spectral_axis, 'eds'",
        ),
    ],
)
def test_an_axis_given_twice_or_wrongly_is_refused_in_a_sentence(options, said):
    with pytest.raises(ValueError, match=said) as caught:
        bu.SpectrumImage(COUNTS, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"spectral_axis": np.arange(12.0)}, {"spectral_axis": "nm"}])
def test_no_axis_at_all_is_refused_with_an_example(options):
    with pytest.raises(TypeError, match=r"bayesunmix\.Axis\('Wavelength', 0\.5, 'nm', 350\)"):
        bu.SpectrumImage(COUNTS, **options)


def test_x_rays_are_in_kev():
    with pytest.raises(ValueError, match="must be in keV, got 'eV'"):
        bu.SpectralAxis(np.arange(3.0), "Energy", "eV", "eds")


def test_what_is_no_x_ray_spectrum_has_no_energies():
    other = image()
    for ask in (lambda: other.energy_kev, lambda: other.grid.energy_kev):
        with pytest.raises(ValueError, match=r"energies of X-rays are needed.*Wavelength \(nm\)"):
            ask()


def test_the_estimator_takes_an_axis():
    from bayesunmix.estimator import Unmixer

    flat = COUNTS.reshape(20, 12)
    fitted = Unmixer("nmf", 2, spectral_axis=WAVELENGTH).fit(flat)
    assert fitted.unmixing_.grid.spectral_axis.label == "Wavelength (nm)"
    assert Unmixer("nmf", 2).fit(flat).unmixing_.grid.spectral_axis.label == "Channel"
    with pytest.raises(ValueError, match=r"must increase along the columns of X, got a scale of -2\.5"):
        Unmixer("nmf", 2, spectral_axis=WAVELENGTH._replace(scale=-2.5)).fit(flat)
    assert Unmixer("nmf", 2, energy_kev=np.arange(12)).fit(flat).unmixing_.grid.spectral_axis.is_xray
