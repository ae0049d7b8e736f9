"""Spectra of phases from files: .msa, .spx, and columns of text."""

import base64
import zlib

import numpy as np
import pytest

from bayesunmix.claims.reading import read_claim

COUNTS = np.random.default_rng(1).integers(0, 900, 40)


def msa(
    path,
    *,
    title="spectrum",
    units="eV",
    kind="Y",
    first=-20.0,
    step=10.0,
    counts=COUNTS,
    more="",
    points=None,
):
    rows = {
        "FORMAT": "EMSA/MAS Spectral Data File",
        "VERSION": "1.0",
        "TITLE": title,
        "NPOINTS": f"{len(counts) if points is None else points}.",
        "NCOLUMNS": "1.",
        "XUNITS": units,
        "YUNITS": "counts",
        "DATATYPE": kind,
        "XPERCHAN": step,
        "OFFSET": first,
    }
    head = "".join(f"#{key:<12}: {value}\r\n" for key, value in rows.items() if value is not None)
    if kind == "XY":
        body = "".join(f"{first + step * i:g}, {c}\r\n" for i, c in enumerate(counts))
    else:
        body = "".join(
            ", ".join(f"{c}." for c in counts[i : i + 5]) + ",\r\n" for i in range(0, len(counts), 5)
        )
    text = f"{head}{more}#SPECTRUM    : Spectral Data Starts Here\r\n{body}#ENDOFDATA   : End Of Data and File\r\n"
    path.write_text(text, newline="")
    return path


def only(claim):
    (name,) = claim.spectra
    return name, claim.spectra[name]


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({}, 1e-3),
        ({"units": "keV", "first": -0.02, "step": 0.01}, 1.0),
        ({"kind": "XY"}, 1e-3),
        ({"kind": "XY", "units": "keV", "first": 0.1, "step": 0.01}, 1.0),
        ({"units": None}, 1e-3),
        ({"units": None, "step": 0.01, "first": 0.0}, 1.0),
        ({"more": "#CHOFFSET    : 2.\r\n##OWN KEY : x\r\n#COMMENT : a: b\r\n"}, 1e-3),
    ],
)
def test_msa(options, factor, tmp_path):
    for name in ("Cr.msa", "Cr.emsa", "Cr.txt"):
        phase, spectrum = only(read_claim(msa(tmp_path / name, **options)))
        assert phase == "Cr"
        np.testing.assert_array_equal(spectrum.counts, COUNTS)
        first, step = options.get("first", -20.0), options.get("step", 10.0)
        np.testing.assert_allclose(spectrum.energy_kev, factor * (first + step * np.arange(40)), atol=1e-12)
        assert spectrum.are_whole


def test_msa_with_decimal_commas(tmp_path):
    path = tmp_path / "Cr.msa"
    path.write_text(
        "#FORMAT : EMSA/MAS\n#XUNITS : keV\n#DATATYPE : XY\n#SPECTRUM :\n"
        "0,10; 1,5\n0,11; 2,5\n0,12; 3,0\n#ENDOFDATA :\n"
    )
    _, spectrum = only(read_claim(path))
    np.testing.assert_allclose(spectrum.energy_kev, [0.1, 0.11, 0.12])
    np.testing.assert_allclose(spectrum.counts, [1.5, 2.5, 3.0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("#SPECTRUM", "#SPEKTRUM"), "no line '#SPECTRUM'"),
        (("#XPERCHAN", "#XXX"), "how wide its channels are"),
        ((": eV", ": nm"), "in 'nm'"),
        (("40.\r\n#NCOL", "50.\r\n#NCOL"), "says that it has 50 channels, and has 40: it is cut short"),
        (("DATATYPE    : Y", "DATATYPE    : Z"), "Y or XY, and says 'Z'"),
        ((", ", ", oops, "), "has 'oops' among its counts"),
        (("XPERCHAN    : 10.0", "XPERCHAN    : -10.0"), "must increase"),
    ],
)
def test_bad_msa_is_a_sentence(change, said, tmp_path):
    path = msa(tmp_path / "Cr.msa")
    text = path.read_bytes().decode()
    assert change[0] in text
    path.write_bytes(text.replace(*change, 1).encode())
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(path)
    assert "Cr.msa" in str(caught.value)


def test_a_phase_is_found_by_the_name_or_the_title_of_the_file(tmp_path):
    (tmp_path / "map.csv").write_text("1,2\n1,3\n")
    (tmp_path / "legend.csv").write_text("Cr2O3,1\nMnCr2O4,2\nsteel,3\n")
    both = tmp_path / "map.csv", tmp_path / "legend.csv"
    files = [
        msa(tmp_path / "cr2o3.msa"),
        msa(tmp_path / "Spectrum of MnCr2O4.msa"),
        msa(tmp_path / "Sum 3.msa", title="STEEL"),
    ]
    assert set(read_claim(*both, *files).spectra) == {"Cr2O3", "MnCr2O4", "steel"}
    assert set(read_claim(*both, spectra=files).spectra) == {"Cr2O3", "MnCr2O4", "steel"}
    other = msa(tmp_path / "Area 7.msa")
    with pytest.raises(ValueError, match="'Area 7' belongs to none of the phases Cr2O3, MnCr2O4, steel"):
        read_claim(*both, other)
    assert list(read_claim(*both, spectra={"steel": other}).spectra) == ["steel"]
    with pytest.raises(ValueError, match="two files with the spectrum of 'Cr2O3'"):
        read_claim(*both, files[0], spectra={"Cr2O3": other})


def test_columns_of_text(tmp_path):
    energy = 0.1 + 0.02 * np.arange(50)
    a, b = np.random.default_rng(0).integers(0, 99, (2, 50))

    def text(header, delimiter=",", factor=1.0, comma=False):
        rows = [f"{factor * e:.4f}{delimiter}{x}{delimiter}{y}" for e, x, y in zip(energy, a, b, strict=True)]
        body = "\n".join(rows)
        return header + "\n" + (body.replace(".", ",") if comma else body)

    for given in (
        text("energy_kev,Cr,Ni"),
        text("Energy (keV);Cr;Ni", ";", comma=True),
        text("Energy [eV]\tCr\tNi", "\t", 1000),
        text("# energy_kev,Cr,Ni"),
        text("energy,Cr,Ni", factor=1000),
    ):
        (tmp_path / "phases.csv").write_text(given)
        claim = read_claim(tmp_path / "phases.csv")
        assert tuple(claim.spectra) == ("Cr", "Ni")
        np.testing.assert_array_equal(claim.spectra["Ni"].counts, b)
        np.testing.assert_allclose(claim.spectra["Cr"].energy_kev, energy, rtol=1e-9)
    assert list(read_claim(spectra={"ni": tmp_path / "phases.csv"}).spectra) == ["ni"]
    (tmp_path / "Cr.txt").write_text("\n".join(f"{e:.3f} {x}" for e, x in zip(energy, a, strict=True)))
    name, spectrum = only(read_claim(tmp_path / "Cr.txt"))
    assert name == "Cr"
    np.testing.assert_array_equal(spectrum.counts, a)
    (tmp_path / "Cr.txt").write_text("\n".join(map(str, a)))
    _, spectrum = only(read_claim(spectra=tmp_path / "Cr.txt"))
    assert spectrum.energy_kev is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("energy_kev,Cr\n0.1,1\n0.2,x\n", "line 3"),
        ("energy_kev,Cr\n0.1,1\n0.2\n", "line 3 has 1"),
        ("energy_kev,Cr\n0.2,1\n0.1,5\n", "must increase"),
        ("energy_kev,Cr\n0.1,0\n0.2,0\n", "not all zero"),
        ("energy_kev,Cr\n0.1,1\n0.2,nan\n", "line 3"),
        ("energy_kev,\n", "no row of numbers|say which"),
    ],
)
def test_bad_columns_are_a_sentence(text, said, tmp_path):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(spectra=[tmp_path / "s.csv"])
    assert "s.csv" in str(caught.value)


def spx(path, counts=COUNTS, declared="", name="x"):
    """Write the parts of a Bruker spectrum that its reader needs."""
    layers = base64.b64encode(zlib.compress(b"<a/>")).decode()
    path.write_text(
        f"<?xml version='1.0' encoding='WINDOWS-1252'?>{declared}<TRTSpectrum><RTHeader/>"
        f"<ClassInstance Type='TRTSpectrum' Name='{name}'><TRTHeaderedClass>"
        "<ClassInstance Type='TRTSpectrumHardwareHeader'><Amplification>20000</Amplification></ClassInstance>"
        f"<ClassInstance Type='TRTDetectorHeader'><Type>SDD</Type><DetLayers>{layers}</DetLayers></ClassInstance>"
        "<ClassInstance Type='TRTESMAHeader'><PrimaryEnergy>20</PrimaryEnergy><ElevationAngle>35</ElevationAngle>"
        "</ClassInstance></TRTHeaderedClass><ClassInstance Type='TRTSpectrumHeader'><Date>1.1.2020</Date>"
        "<Time>12:00:00</Time><CalibAbs>-0.1</CalibAbs><CalibLin>0.01</CalibLin></ClassInstance>"
        f"<Channels>{','.join(map(str, counts))}</Channels></ClassInstance></TRTSpectrum>"
    )
    return path


def test_spx(tmp_path):
    name, spectrum = only(read_claim(spx(tmp_path / "Cr.spx")))
    assert name == "Cr"
    np.testing.assert_array_equal(spectrum.counts, COUNTS)
    np.testing.assert_allclose(spectrum.energy_kev, -0.1 + 0.01 * np.arange(40), atol=1e-12)


def test_the_name_inside_an_spx_names_the_phase(tmp_path):
    (tmp_path / "areas.csv").write_text("Cr,40 %\nNi,60 %\n")
    assert list(read_claim(tmp_path / "areas.csv", spx(tmp_path / "p 1.spx", name="NI")).spectra) == ["Ni"]


def test_entities_in_xml_are_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'
    with pytest.raises(ValueError, match=r"'Cr\.spx' declares entities"):
        read_claim(spx(tmp_path / "Cr.spx", declared=bomb))
    content = (tmp_path / "Cr.spx").read_text().replace("WINDOWS-1252", "UTF-16").encode("utf-16")
    (tmp_path / "Cr.spx").write_bytes(content)
    with pytest.raises(ValueError, match=r"'Cr\.spx' declares entities"):
        read_claim(tmp_path / "Cr.spx")


def test_a_broken_spx_is_a_sentence(tmp_path):
    (tmp_path / "Cr.spx").write_text("<a/>")
    with pytest.raises(ValueError, match=r"cannot read 'Cr\.spx'"):
        read_claim(tmp_path / "Cr.spx")
