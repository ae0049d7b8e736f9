"""Other techniques from a file to its results: cathodoluminescence, FTIR, electron energy loss, micro-XRF."""

import csv
import json
import re

import numpy as np
import pytest

import bayesunmix as bu

SHAPE, C = (8, 10), 48
# Name, unit, step and offset in the file, and the header of a table.
TECHNIQUES = {
    "CL": ("Wavelength", "nm", 5.0, 350.0, "wavelength_nm"),
    "FTIR": ("Wavenumber", "1/cm", -8.0, 4000.0, "wavenumber_1_cm"),
    "EELS": ("Energy loss", "eV", 0.5, 400.0, "energy_loss_ev"),
    "Raman": ("Raman shift", "", 4.0, 100.0, "raman_shift"),
}


def some_counts(seed=4):
    """Two bands that lie in different pixels."""
    rng, channel = np.random.default_rng(seed), np.arange(C)
    bands = np.array([np.exp(-0.5 * ((channel - at) / 4) ** 2) + 0.03 for at in (12, 33)])
    left = np.broadcast_to(np.linspace(0, 1, SHAPE[1]), SHAPE)
    return rng.poisson(30 * np.stack([left, 1 - left], axis=-1) @ (bands / bands.sum(1, keepdims=True)) * 4)


def write_hspy(path, counts, axis, signal_type=""):
    """Write what HyperSpy would: two pixel axes and one axis of channels."""
    from rsciio.hspy import file_writer

    name, units, scale, offset = axis
    about = [("y", "nm", 2.0, 0.0, True), ("x", "nm", 2.0, 0.0, True), (name, units, scale, offset, False)]
    keys = ("name", "units", "scale", "offset", "navigate")
    axes = [
        {**dict(zip(keys, a, strict=True)), "size": n, "_type": "UniformDataAxis"}
        for a, n in zip(about, counts.shape, strict=True)
    ]
    metadata = {"General": {"title": "test"}, "Signal": {"signal_type": signal_type}}
    empty = {"original_metadata": {}, "learning_results": {}, "models": {}, "tmp_parameters": {}}
    lazy = {
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "", "package_version": ""},
    }
    file_writer(str(path), {"data": counts, "axes": axes, "metadata": metadata, **empty, **lazy})
    return path


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_from_a_file_to_tables_pictures_and_answers(technique, run, tmp_path, strict):
    *axis, column = TECHNIQUES[technique]
    name, units, scale, offset = axis
    counts = some_counts()
    file = write_hspy(tmp_path / "map.hspy", counts, axis, technique)
    values = np.sort(offset + scale * np.arange(C))
    ordered = counts[..., ::-1] if scale < 0 else counts

    image = bu.read(file, signal="any")
    np.testing.assert_array_equal(image.dense(), ordered)
    assert image.spectral_axis == bu.SpectralAxis(values, name, units, "any")

    folder = tmp_path / "out"
    words = ["--out", folder, "--components", "2", "--method", "nmf", "--signal", "any", "--report"]
    status, said, err = run("unmix", file, *words)
    assert (status, "cropped    " in said) == (0, False)
    assert "signal     any: no channel is cropped, and no X-ray line named" in said
    assert ("descends: turned it round" in err) == (scale < 0)
    summary = strict(folder / "summary.json")
    assert summary["crop"] is None and summary["input"]["signal"] == "any"
    assert summary["input"][column] == [values[0], values[-1]]
    with (folder / "endmembers.csv").open() as table:
        rows = list(csv.reader(table))
    assert rows[0] == [column, "component_0", "component_1"]
    np.testing.assert_allclose([float(row[0]) for row in rows[1:]], values)
    result = bu.load_result(folder / "result.nc")
    assert result.grid.spectral_axis == image.spectral_axis
    page = re.sub(r"base64,[^\"]*", "", (folder / "report.html").read_text(encoding="utf-8"))
    assert f"{name} {values[0]:g} to {values[-1]:g}" in page and "keV" not in page

    for command in (
        ["check", folder],
        ["identify", folder],
        ["report", folder, "--out", tmp_path / "page.html"],
    ):
        status, said, err = run(*command)
        assert status == 0 and "keV" not in said + err, (command, said, err)
    status, said, err = run("denoise", folder, "--pixel", "3,4")
    assert status == 2 and "posterior" in err
    status, said, err = run("lines", folder, "--lines", "Ni_K")
    assert (status, said) == (2, "") and err.count("\n") == 1 and "energies of X-rays are needed" in err


def test_labels_of_pictures_and_the_denoised_spectrum(run, tmp_path, unmix):
    file = write_hspy(tmp_path / "map.hspy", some_counts(), TECHNIQUES["FTIR"][:4])
    image = bu.read(file, signal="any")
    result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    for figure in (bu.plot_spectra(result, image), bu.plot_checks(bu.check(result, image))):
        assert "Wavenumber (1/cm)" in {axes.get_xlabel() for axes in figure.axes}
    written = {text.get_text() for axes in bu.plot_spectra(result, image).axes for text in axes.texts}
    peaks = image.spectral_axis.values[[C - 1 - 12, C - 1 - 33]]
    assert all(any(abs(float(text) - peak) < 12 for text in written) for peak in peaks), written
    unmix_options = ["--method", "fisher_conditional", "--components", "2", "--signal", "any", "--quiet"]
    assert run("unmix", file, "--out", tmp_path / "out", *unmix_options)[0] == 0
    status, said, _ = run("denoise", tmp_path / "out", "--pixel", "3,4", "--out", tmp_path / "pixel.csv")
    assert status == 0 and "1/cm" in said and "keV" not in said
    assert (tmp_path / "pixel.csv").read_text().startswith("wavenumber_1_cm,counts,mean")


def test_the_script_of_a_report_reads_the_file_in_the_same_way(tmp_path):
    from bayesunmix.report.script import repeating_script

    file = write_hspy(tmp_path / "map.hspy", some_counts(), TECHNIQUES["FTIR"][:4])
    image = bu.read(file, signal="any").crop(3650, 3900)
    result = bu.unmix(image, 2, "nmf")
    script = repeating_script(result, image, str(file))
    assert 'bu.read(file, signal="any").crop(' in script and "# 1/cm" in script
    known = {"bu": bu, "file": str(file)}
    exec(next(line for line in script.splitlines() if line.startswith("image = ")), known)
    assert known["image"].grid.spectral_axis == image.spectral_axis
    np.testing.assert_array_equal(known["image"].dense(), image.dense())


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("signal", ["eds", "xrf", "any"])
def test_our_own_files_know_their_signal(suffix, signal, tmp_path):
    import h5py

    from bayesunmix.io.axes import axis_columns, channel_columns

    given = (
        {"spectral_axis": bu.Axis("Wavelength", 5, "nm", 350)}
        if signal == "any"
        else {"energy_kev": 0.3 + 0.01 * np.arange(C), "signal": signal}
    )
    image = bu.SpectrumImage(some_counts(), **given)
    path = tmp_path / f"map{suffix}"
    if suffix == ".npz":
        bu.write(image, path)
        assert ("signal" in np.load(path)) == (signal != "eds"), (
            "files of X-rays from electrons are as they were"
        )
        assert ("energy_kev" in np.load(path)) == (signal != "any")
    else:
        with h5py.File(path, "w") as file:
            file.attrs["format"] = "bayesunmix spectrum image 1"
            for part in ("data", "indices", "indptr"):
                file[f"counts_{part}"] = getattr(image.counts, part)
            columns = {**channel_columns(image.spectral_axis), **axis_columns(image.axes)}
            for name, column in {**columns, "shape": np.array(image.shape)}.items():
                file[name] = column
    for again in (bu.read(path), bu.read(path, signal=signal)):
        assert again.spectral_axis == image.spectral_axis
        np.testing.assert_array_equal(again.dense(), image.dense())
    if signal == "any":
        with pytest.raises(ValueError, match=r"map.* has the axis Wavelength \(nm\).*no X-rays"):
            bu.read(path, signal="xrf")
    else:
        assert bu.read(path, signal="any").spectral_axis.label == "Energy (keV)"
        assert bu.read(path, signal="any").spectral_axis.signal == "any"


def test_a_result_of_micro_xrf_comes_back_as_one(tmp_path):
    image = bu.SpectrumImage(some_counts(), 0.3 + 0.01 * np.arange(C), signal="xrf")
    bu.save_result(bu.unmix(image, 2, "nmf"), tmp_path / "result.nc")
    assert bu.load_result(tmp_path / "result.nc").grid.spectral_axis == image.spectral_axis


def test_without_the_option_a_wavelength_is_refused_with_the_way_out(run, tmp_path):
    file = write_hspy(tmp_path / "map.hspy", some_counts(), TECHNIQUES["CL"][:4], "CL")
    for command in ("unmix", "rank"):
        status, out, err = run(command, file, "--out", tmp_path / "out")
        assert (status, out) == (2, "") and not (tmp_path / "out").exists()
        assert (
            err.startswith("bayesunmix: the axis of channels of 'map.hspy' (Wavelength) is in nm")
            or "note" in err
        )
        assert "signal='any'" in err


def test_micro_xrf_keeps_its_elements_and_warns_of_the_continuum(run, film, tmp_path, strict):
    out = tmp_path / "out"
    status, said, _ = run(
        "unmix", film.parent / "film.npz", "--signal", "xrf", "--method", "elements", "--out", out
    )
    assert status == 0 and "warning: The continuum of this model is bremsstrahlung of electrons" in said
    summary = strict(out / "summary.json")
    assert summary["input"]["signal"] == "xrf" and summary["crop"]["below_kev"] == 0.2
    result = bu.load_result(out / "result.nc")
    assert result.grid.spectral_axis.signal == result.info["input"]["signal"] == "xrf"
    assert {"Ni_K", "Cr_K"} <= set(result.names)
    assert run("check", out)[0] in (0, 1)


def test_an_unknown_kind_and_a_crop_of_what_has_no_energy_are_refused(run, file, tmp_path):
    for options, said in (
        (["--signal", "eels"], "signal must be 'eds', 'xrf' or 'any'"),
        (["--signal", "any", "--crop-below", "0.5"], "for X-rays, got 0.5 with signal='any'"),
    ):
        status, out, err = run("rank", file, *options)
        assert (status, out, err.count("\n")) == (2, "", 1) and said in err
    with pytest.raises(ValueError, match="for X-rays"):
        bu.read(file, 0.5, signal="any")


def test_an_energy_loss_file_read_as_x_rays_is_said(tmp_path, caplog):
    file = write_hspy(tmp_path / "map.hspy", some_counts(), ("Energy loss", "eV", 0.1, 400.0), "EELS")
    energy = bu.read(file).energy_kev
    np.testing.assert_allclose(energy, 0.4 + 0.0001 * np.arange(C))
    assert "says that its signal is EELS, and is read as X-rays" in caplog.text
    assert "which no X-ray detector has" in caplog.text
    caplog.clear()
    bu.read(file, signal="any")
    assert not caplog.records


def test_rank_takes_the_signal(run, tmp_path):
    file = write_hspy(tmp_path / "map.hspy", some_counts(), TECHNIQUES["CL"][:4], "CL")
    status, said, _ = run("rank", file, "--signal", "any", "--out", tmp_path / "rank")
    assert status == 0 and "2 components" in said
    summary = json.loads((tmp_path / "rank" / "summary.json").read_text())
    assert summary["input"]["wavelength_nm"] == [350.0, 585.0]


def test_frames_are_not_taken_for_the_channels_of_a_decay(tmp_path):
    counts = np.random.default_rng(0).poisson(3.0, (3, 4, 20))
    file = write_hspy(tmp_path / "map.hspy", counts, ("time", "ns", 0.5, 0.0))
    image = bu.read(file, signal="any")
    assert image.shape == (3, 4, 20) and image.spectral_axis.label == "time (ns)"
