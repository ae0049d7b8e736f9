"""`bayesunmix.validate` as a whole: right claims, wrong ones, arguments, and the folder that it writes."""

import csv
import json
from dataclasses import fields, replace

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.validation.case import Case
from bayesunmix.validation.report.phase_colours import colours_of
from bayesunmix.validation.validation import STATUS
from simulations import PHANTOMS, acquire

SHAPE = (28, 40)


@pytest.fixture(scope="module")
def film():
    """Return the counts of a film, and its right labels."""
    phantom = PHANTOMS["nicr_film"](SHAPE, n_channels=300, substrate_nm=40, vacuum_nm=0)
    image = acquire(phantom, 60, 0).image
    return image, phantom.truth.abundances.argmax(axis=1).reshape(SHAPE), phantom


@pytest.fixture(scope="module")
def full(film):
    """Validate a right claim with all of its parts, against spectra that are known."""
    image, labels, phantom = film
    result = bu.unmix(image, 3, "fisher_conditional", verdicts=False)
    areas = {name: float((labels == k).mean()) for k, name in enumerate(phantom.labels)}
    claim = bu.Claim(
        labels,
        dict(enumerate(phantom.labels)),
        -1,
        areas=areas,
        elements={"Cr": ("Cr",), "Ni": ("Ni",)},
        spectra={"Cr": image.within(labels == 1).sum_spectrum()},
        maps={"Ni Ka": bu.line_map(image, "Ni_Ka")},
        source="a test",
    )
    return bu.validate(image, claim, result=result, seed=3)


def questions(found):
    return {(one.subject, one.question): one for one in found.findings}


def test_every_part_of_a_claim_is_asked(full):
    subjects = " | ".join(one.subject for one in full.findings)
    for part in ("map of phases", "phase Si", "phase Cr", "phase Ni"):
        assert part in subjects
    tests = {one.test for one in full.findings}
    assert tests >= {"registration", "exchange", "difference", "confusion", "areas"}
    assert any("Ni Ka" in one.subject for one in full.findings), "the element map"
    assert any(one.test in ("spectrum", "spectra", "checksum") for one in full.findings)
    assert any(one.test == "elements" for one in full.findings)


def test_a_right_claim_is_not_contradicted(full):
    assert [one.sentence for one in full.findings if one.verdict == "contradicted"] == []


def test_findings_say_a_verdict_and_end_as_sentences_do(full):
    for one in full.findings:
        assert one.verdict in one.sentence and one.sentence.endswith(".") and not one.sentence[0].islower()
        assert "\n" not in one.sentence and "nan" not in one.sentence
        assert one.p_value is None or 0 <= one.p_value <= 1
        assert one.counts_needed is None or one.verdict == "undecidable"


def test_what_it_knows_is_kept(full, film):
    np.testing.assert_array_equal(full.labels, film[1])
    assert full.details.recipes["Ni Ka"].exact
    assert full.details.confusion.names == ("Si", "Cr", "Ni")
    assert full.seed == 3 and not full.quick and full.case.radius >= 1
    assert all(hasattr(full.details, field.name) for field in fields(full.details))


def test_the_report_holds_all_sections_and_opens_without_a_network(full, tmp_path):
    full.report(tmp_path / "report", source={"name": "film.npz", "sha256": "0" * 64})
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for title in (
        "Verdicts",
        "The claim beside the counts",
        "Spectra of the phases",
        "How much is something else",
        "Area fractions",
        "Across a boundary",
        "Which phases can one pixel tell apart?",
        "How the element maps were made",
        "Would it come out the same again?",
        "How to repeat it",
    ):
        assert title in page
    assert "could not be drawn" not in page and 'src="http' not in page and "a test" in page
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names >= {
        "findings.csv",
        "confusion.csv",
        "areas.csv",
        "maps.csv",
        "counts_needed.csv",
        "summary.json",
    }
    summary = json.loads((tmp_path / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == full.verdict and len(summary["findings"]) == len(full.findings)
    with (tmp_path / "report" / "findings.csv").open(encoding="utf-8") as file:
        assert [row["sentence"] for row in csv.DictReader(file)] == [one.sentence for one in full.findings]


def test_what_rests_on_chains_that_disagree_says_so(full, tmp_path):
    info = {**full.result.info, "converged": False, "warnings": ["not converged: the chains disagree"]}
    found = replace(full, result=replace(full.result, info=info))
    assert found.result.doubt and found.result.doubt in str(found)
    found.report(tmp_path / "report")
    assert "no surer than that" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    summary = json.loads((tmp_path / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["doubt"] == found.result.doubt
    for name in ("findings.csv", "confusion.csv", "areas.csv"):
        with (tmp_path / "report" / name).open(encoding="utf-8") as file:
            assert {row["doubt"] for row in csv.DictReader(file)} == {found.result.doubt}


def test_a_result_of_other_counts_is_refused(full, film):
    image = film[0]
    other = bu.SpectrumImage(2 * image.dense(), spectral_axis=image.spectral_axis)
    with pytest.raises(ValueError, match="result must be of these counts"):
        bu.validate(other, full.claim, result=full.result)


def test_a_report_does_not_replace_other_files(full, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        full.report(tmp_path)


def test_the_summary_says_the_worst_first(film):
    image, labels, _ = film
    found = bu.validate(image, bu.Claim(np.where(labels == 2, 1, labels), ("Si", "metal"), -1), quick=True)
    assert found.verdict == "contradicted" and STATUS[found.verdict] == 1
    assert str(found).startswith("The claim is contradicted: ")
    assert str(found).index("Contradicted\n") < str(found).index("Supported\n")
    assert any(one.subject == "phase metal" and one.verdict == "contradicted" for one in found.findings)
    assert found.result is None and found.details.confusion is None


def test_names_come_without_labels(film):
    image = film[0]
    nickel = bu.line_map(image, "Ni_Ka")
    found = bu.validate(image, bu.Claim(maps={"Ni": nickel, "Cr": nickel[::-1]}))
    assert found.case is None and found.labels is None and found.details.recipes["Ni"].exact
    by_map = {subject: one.verdict for (subject, _), one in questions(found).items()}
    assert by_map["map Ni"] == "supported" and by_map["map Cr"] != "supported"


def test_the_same_seed_gives_the_same_verdicts(film):
    image, labels, _ = film
    claim = bu.Claim(labels, unassigned=-1)
    first, again = (bu.validate(image, claim, quick=True, seed=5).findings for _ in range(2))
    assert first == again


def test_channels_of_the_noise_are_left_out_of_the_tests(film):
    _, labels, phantom = film
    energy = np.concatenate([np.arange(-20, 20) * 0.01, phantom.energy_kev])
    strobe = np.zeros((labels.size, 40), np.int64)
    strobe[:, 20] = np.random.default_rng(0).poisson(
        500 * (1 + labels.ravel())
    )  # it tells phases apart, wrongly
    counts = np.hstack([strobe, film[0].counts.toarray()])
    image = bu.SpectrumImage(counts, energy, (*SHAPE, energy.size))
    merged = bu.Claim(np.where(labels == 1, 2, labels), {0: "Si", 2: "metal"}, -1)
    found = bu.validate(image, merged, quick=True)
    assert found.case.image.n_channels == np.count_nonzero(energy >= 0.2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"claim": "phases.png"}, "claim must be a Claim, got str; make one with bayesunmix.Claim"),
        ({"level": 0}, "level must lie between 0 and 1"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"image": np.zeros((3, 3, 3))}, "image must be a SpectrumImage"),
        ({"result": "first"}, "result must be what bayesunmix.unmix returns"),
        ({"tolerance": 0.1}, "tolerance must be a Tolerance"),
    ],
)
def test_arguments_are_checked_before_any_work(film, change, said):
    image, labels, _ = film
    arguments = {"image": image, "claim": bu.Claim(labels, unassigned=-1), **change}
    with pytest.raises((TypeError, ValueError), match=said):
        bu.validate(arguments.pop("image"), arguments.pop("claim"), **arguments)


def test_a_series_of_maps_is_refused(film):
    image = bu.SpectrumImage(np.ones((2, 3, 4, 5), int), np.arange(1, 6))
    with pytest.raises(ValueError, match="a claim is about a map of two axes, got an image of 3"):
        bu.validate(image, bu.Claim(np.ones((3, 4), int)))


def test_a_map_of_another_size_that_does_not_fit_is_refused(film):
    image, _, _ = film
    with pytest.raises(ValueError, match="28 x 40"):
        bu.validate(image, bu.Claim(np.random.default_rng(0).integers(1, 3, (5, 90))), quick=True)


def test_a_claim_without_a_map_of_phases_ends_in_a_verdict(film):
    claim = bu.Claim(spectra={"Cr": np.ones(4)}, areas={"Ni": 0.5}, elements={"Cr": ["Cr"]})
    found = bu.validate(film[0], claim)
    assert {one.subject for one in found.findings} == {"phase Cr", "phase Ni"} and len(found.findings) == 3
    assert found.verdict == "undecidable" and all("map of phases" in one.sentence for one in found.findings)


def test_names_that_nothing_stands_for_are_spoken_of(film):
    image, labels, _ = film
    bare = bu.validate(image, bu.Claim(labels, ("Si", "Cr", "Ni"), unassigned=-1), quick=True)
    assert any("swapped cannot be seen" in note for note in bare.notes)
    lists = {"Si": ["Si"], "Cr": ["Cr"], "Ni": ["Ni"]}
    named = bu.validate(
        image, bu.Claim(labels, ("Si", "Cr", "Ni"), unassigned=-1, elements=lists), quick=True
    )
    assert not any("swapped" in note for note in named.notes)
    assert all(one.subject in one.sentence for one in named.findings if one.test == "elements")


def test_a_phase_in_one_place_is_not_supported_to_be_one_thing():
    labels = np.zeros((24, 24), int)
    labels[8:16, 8:16] = 1
    rng = np.random.default_rng(0)
    image = bu.SpectrumImage(rng.poisson(50 * np.eye(2)[labels] + 5), energy_kev=[1.0, 2.0])
    found = bu.validate(image, bu.Claim(labels, ("a", "b"), unassigned=-1), quick=True)
    verdicts = {one.subject: one.verdict for one in found.findings if one.test == "exchange"}
    assert verdicts["phase b"] == "undecidable"


def test_a_few_counts_are_no_traceback():
    layers = np.repeat([[0, 1]], 20, axis=0).repeat(12, axis=1)
    counts = np.random.default_rng(0).poisson(0.005 + 0.02 * np.eye(4)[layers])
    found = bu.validate(
        bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0]), bu.Claim(layers, ("a", "b")), quick=True
    )
    said = " ".join(one.sentence for one in found.findings)
    assert found.verdict == "undecidable" and "counts that its neighbours do not reach, too few" in said


def test_odd_names_are_drawn_and_escaped(tmp_path, recwarn):
    names = ("<script>alert(1)</script>", r"a $\nonsense{ name", "日本", "x" * 90)
    labels = np.indices((16, 16))[1] // 4
    spectra = 8 * np.eye(4) + 1
    image = bu.SpectrumImage(
        np.random.default_rng(0).poisson(spectra[labels]), energy_kev=[1.0, 2.0, 3.0, 4.0]
    )
    found = bu.validate(image, bu.Claim(labels, names, unassigned=-1), quick=True)
    found.report(tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "could not be drawn" not in page
    assert [str(one.message) for one in recwarn if "Glyph" in str(one.message)] == []


def test_every_phase_has_a_colour_of_its_own():
    labels = np.indices((8, 40))[1] // 2
    claim = bu.Claim(labels, [f"p{k}" for k in range(20)], unassigned=-1)
    image = bu.SpectrumImage(np.ones((8, 40, 3), int), energy_kev=[1.0, 2.0, 3.0])
    case = Case(image, claim, claim.labels, labels >= 0, 1, bu.Tolerance(), 0.05, 0)
    assert len(set(colours_of(case))) == 20
