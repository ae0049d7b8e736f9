"""Numbers of the paper come from results: no digit is typed by hand, and every number that is asked for is defined."""

import re
from pathlib import Path

import pytest

from paper.build import FIGURES, HOME
from paper.claims import read_claims
from paper.prose import bare_digits, bare_digits_of_markdown, numbers_asked_for, require_numbers

TEXT = (HOME / "main.typ").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[2]


def test_no_digit_is_typed_by_hand():
    assert bare_digits(TEXT) == []
    assert bare_digits_of_markdown((HOME / "joss.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "intervals cover 93 % of the pixels",
        'cover #claim("film_low") of 10 pixels',
        "in 2 of $3$ trials",
        'factors of 1.2 to #claim("ratio_high")',
        '#chart("coverage", [ Share of 90 % intervals ]) <fig:coverage>',
        "as @fig:coverage shows in 5 cases",
        "(see https://example.org) 7 trials",
        "two lines\nand a third with a 4",
    ],
)
def test_a_planted_digit_is_found(planted):
    assert len(bare_digits(planted)) == 1


@pytest.mark.parametrize(
    "allowed",
    [
        '#claim("film_20_error") of the pixels',
        "$90 thin %$ intervals",
        "$ sum_(k=1)^K a_k $ <eq:1>",
        "as @smith2020 and @fig:error-2 show",
        "// written in 2026",
        '#bibliography("refs2.bib")',
    ],
)
def test_claims_mathematics_references_and_labels_may_hold_digits(allowed):
    assert bare_digits(allowed) == []


def test_a_digit_is_found_in_the_line_where_it_stands():
    assert bare_digits("$ a\n= 1 $\nand 3 pixels") == ["line 3: and 3 pixels"]


def test_markdown_may_hold_digits_in_its_header_and_in_references_only():
    assert bare_digits_of_markdown("---\ndate: 2026\n---\nsee [@plummer2015] and [code](a/b2)\n") == []
    assert bare_digits_of_markdown("---\ndate: 2026\n---\n3 of them\n") == ["line 4: 3 of them"]


def test_every_number_is_defined_and_every_definition_is_used():
    defined = [claim.name for claim in read_claims(HOME / "claims.toml")]
    assert sorted(defined) == sorted(numbers_asked_for(TEXT))


def test_a_number_that_nobody_defined_is_named(tmp_path):
    (tmp_path / "main.typ").write_text('#claim("known") and #claim("lost")', encoding="utf-8")
    with pytest.raises(ValueError, match="asks for the number lost, which"):
        require_numbers(tmp_path / "main.typ", {"known": "1"})


def test_no_semicolon_is_swallowed_by_a_claim():
    """Typst takes a semicolon after a call for the end of the call: it must be escaped."""
    assert re.findall(r"#claim\(\"\w+\"\);.*", TEXT) == []


def test_every_figure_is_shown_and_has_a_label_that_the_text_refers_to():
    assert sorted(re.findall(r'#chart\("(\w+)"', TEXT)) == sorted(FIGURES)
    labels = re.findall(r"<((?:fig|tab):\w+)>", TEXT)
    assert len(labels) == len(set(labels)) >= len(FIGURES)
    assert [label for label in labels if f"@{label}" not in TEXT] == []


def test_every_reference_is_cited_and_every_citation_has_a_reference():
    entries = re.findall(r"@\w+\{(\w+),", (HOME / "references.bib").read_text(encoding="utf-8"))
    cited = set(re.findall(r"@([a-z]+)\b(?!:)", TEXT))
    assert sorted(entries) == sorted(cited)


def test_each_of_the_nine_claims_says_where_it_fails():
    parts = re.split(r"(?m)^== (?=Claim )", TEXT)[1:]
    assert len(parts) == 9
    assert all(part.count("#fails[") == 1 for part in parts)


def test_the_paper_is_not_cited_before_it_is_public():
    assert "preferred-citation" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
