"""`bayesunmix validate`: claims in files, the folder that it writes, and its exit status."""

import csv

import numpy as np
import pytest
from PIL import Image

import bayesunmix as bu
from simulations import PHANTOMS, acquire

FILES = {"report.html", "findings.csv", "summary.json"}
COLOURS = {"Si": (0, 114, 178), "Cr": (213, 94, 0), "Ni": (0, 158, 115)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Write a film and a right claim about it, as a vendor's program would."""
    home = tmp_path_factory.mktemp("claim")
    phantom = PHANTOMS["nicr_film"]((32, 48), n_channels=450, vacuum_nm=0)
    trial = acquire(phantom, 60, 0)
    bu.write(trial.image, home / "film.npz")
    labels = phantom.truth.abundances.argmax(axis=1).reshape(32, 48)
    np.save(home / "labels.npy", labels + 1)
    np.save(home / "merged.npy", np.where(labels == 2, 1, labels) + 1)
    np.save(home / "turned.npy", labels[:, ::-1] + 1)
    picture = np.array([COLOURS[name] for name in phantom.labels], np.uint8)[labels]
    Image.fromarray(picture).resize((48 * 4, 32 * 4), Image.Resampling.NEAREST).save(home / "phases.png")
    (home / "legend.csv").write_text(
        "name;colour\n" + "".join(f"{name};#{r:02x}{g:02x}{b:02x}\n" for name, (r, g, b) in COLOURS.items())
    )
    (home / "names.csv").write_text("number,name\n1,Si\n2,Cr\n3,Ni\n")
    areas = {name: (labels == k).mean() for k, name in enumerate(phantom.labels)}
    (home / "areas.csv").write_text(
        "phase,area %\n" + "".join(f"{n},{100 * a:.1f}\n" for n, a in areas.items())
    )
    (home / "off.csv").write_text("phase,area %\nSi,30.0\nCr,40.0\nNi,30.0\n")
    energy = trial.image.energy_kev
    for k, name in enumerate(phantom.labels):
        spectrum = trial.image.within(labels == k).sum_spectrum()
        lines = [f"{e:.4f}, {c}" for e, c in zip(energy, spectrum, strict=True)]
        head = ["#FORMAT : EMSA/MAS Spectral Data File", "#VERSION : 1.0", f"#TITLE : {name}"]
        head += [f"#NPOINTS : {energy.size}", "#NCOLUMNS : 1", "#XUNITS : keV", "#YUNITS : counts"]
        head += ["#DATATYPE : XY", f"#XPERCHAN : {energy[1] - energy[0]:.6f}", f"#OFFSET : {energy[0]:.6f}"]
        text = "\n".join([*head, "#SPECTRUM :", *lines, "#ENDOFDATA :"])
        (home / f"{name}.msa").write_text(text + "\n")
    window = (energy > 7.2) & (energy < 7.7)
    nickel = np.asarray(trial.image.counts[:, np.flatnonzero(window)].sum(axis=1)).reshape(32, 48)
    np.savetxt(home / "ni.csv", nickel, "%d", ",")
    return home


@pytest.fixture
def check(run, home, tmp_path, monkeypatch):
    monkeypatch.chdir(home)

    def call(*words, quick=True):
        return run("validate", "film.npz", *words, "--out", tmp_path / "out", *(["--quick"] if quick else []))

    return call


def findings(folder):
    with (folder / "out" / "findings.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_command_of_the_documentation(check, tmp_path, strict):
    status, out, _ = check(
        *("--labels", "phases.png", "--legend", "legend.csv", "--spectra", "Si.msa", "Cr.msa", "Ni.msa"),
        *("--areas", "areas.csv", "--maps", "Ni=ni.csv", "--made-from", "counts"),
    )
    rows = findings(tmp_path)
    assert status in (0, 3) and "contradicted" not in {row["verdict"] for row in rows}, out
    assert out.startswith("The claim is ") and str(tmp_path / "out") in out
    assert {path.name for path in (tmp_path / "out").iterdir()} >= FILES
    summary = strict(tmp_path / "out" / "summary.json")
    assert summary["verdict"] == {0: "supported", 3: "undecidable"}[status]
    assert summary["claim"]["phases"] == ["Si", "Cr", "Ni"] and summary["input"]["name"] == "film.npz"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "bayesunmix validate film.npz --labels phases.png" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    subjects = {row["subject"] for row in rows}
    assert {"phase Cr", "map of phases"} <= subjects and any("Ni" in one and "map" in one for one in subjects)


def test_two_phases_under_one_label_are_contradicted(check, tmp_path):
    (tmp_path / "names.csv").write_text("number,name\n1,Si\n2,metal\n")
    status, out, _ = check("--labels", "merged.npy", "--legend", tmp_path / "names.csv")
    assert status == 1 and "Contradicted\n- " in out
    assert any(row["verdict"] == "contradicted" and "metal" in row["subject"] for row in findings(tmp_path))


def test_a_map_the_wrong_way_round_is_contradicted_and_turned(check, tmp_path):
    status, _, _ = check("--labels", "turned.npy", "--legend", "names.csv")
    rows = {row["question"]: row for row in findings(tmp_path) if row["subject"] == "map of phases"}
    assert status == 1 and rows["Is the map the right way round?"]["verdict"] == "contradicted"
    assert "mirrored left to right" in rows["Is the map the right way round?"]["sentence"]


def test_the_same_seed_gives_the_same_numbers(check, run, tmp_path):
    check("--labels", "labels.npy", "--legend", "names.csv", "--seed", 5, "--quiet")
    first = (tmp_path / "out" / "findings.csv").read_bytes()
    check("--labels", "labels.npy", "--legend", "names.csv", "--seed", 5, "--quiet", "--overwrite")
    assert (tmp_path / "out" / "findings.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a claim must say something"),
        (["--labels", "nowhere.png"], "there is no file"),
        (["--maps", "ni.csv"], "--maps must be NAME=VALUE, got 'ni.csv'"),
        (["--tolerance", "size=2"], "--tolerance has no 'size'; choose from content"),
        (["--tolerance", "area=big"], "must be followed by a number, got 'big'"),
        (["--tolerance", "area=-1"], "must be greater than 0"),
        (["--level", "2"], "level must lie between 0 and 1"),
        (["--elements", "Cr=Xx"], "is not the symbol of an element"),
        (["--masks", "a=labels.npy", "--labels", "labels.npy"], "give one of them"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(check, tmp_path, words, said):
    base = [] if {"--labels", "--maps", "--masks"} & set(words) or not words else ["--labels", "labels.npy"]
    base += ["--legend", "names.csv"] if base else []
    status, out, err = check(*words, *base)
    assert status == 2 and said in err and err.count("\n") == 1 and out == ""
    assert not (tmp_path / "out").exists()


def test_options_of_several_values_take_an_equals_sign_and_spaces(check, tmp_path):
    words = ("--labels=labels.npy", "--legend=names.csv", "--spectra=Si.msa", "Cr.msa", "--elements=Si= Si ,")
    status, out, _ = check(*words, "Cr=Cr, Ni")
    assert status in (0, 1, 3), out
    subjects = {row["subject"] for row in findings(tmp_path)}
    assert {"Si in phase Si", "Cr in phase Cr", "Ni in phase Cr"} <= subjects


def test_one_statement_is_one(check):
    _, out, _ = check("--maps", "Ni=ni.csv")
    assert out.splitlines()[0].endswith(" of 1 statement.")
