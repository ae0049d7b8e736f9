"""Tables of area fractions: the unit is recognised, and the rounding is kept."""

import pytest

from bayesunmix.claims.reading import read_claim


def read(folder, text, keyword=False, encoding="utf-8"):
    path = folder / "areas.csv"
    path.write_text(text, encoding=encoding, newline="")
    return read_claim(areas=path) if keyword else read_claim(path)


@pytest.mark.parametrize(
    ("text", "cr", "half"),
    [
        ("phase,area %\nCr,12.3\nNi,87.7\n", 0.123, 0.0005),
        ("Phase;Area [%]\r\nCr;12,3\r\nNi;87,7\r\n", 0.123, 0.0005),
        ("Cr,12.30%\nNi,87.70%\n", 0.123, 0.00005),
        ("Cr\t12 %\nNi\t88 %\n", 0.12, 0.005),
        ("Cr,0.123\nNi,0.877\n", 0.123, 0.0005),
        ("Cr 12.3\nNi 87.7\n", 0.123, 0.0005),
        ("Phase  area %\nCr   12.3 %\nNi   80.0 %\nnot indexed  7.7 %\n", 0.123, 0.0005),
        ('"Cr","12,3"\n"Ni","87,7"\n', 0.123, 0.0005),
        ("area_fraction,name\n0.12,Cr\n0.88,Ni\n", 0.12, 0.005),
        ("Phase,Pixels\nCr,246\nNi,1754\n", 0.123, 0),
        ("phase,pixels\nCr,246\nNi,1254\nunassigned,500\n", 0.123, 0),
        ("phase,pixels\nCr,246\nNi,1254\ntotal,2000\n", 0.123, 0),
        ("Phase,Area (um2)\nCr,1.23\nNi,8.77\n", 0.123, 0),
        ("Phase,Area px,Area µm²,Area %\nCr,246,61.5,12.3\nNi,1754,438.5,87.7\n", 0.123, 0.0005),
        ("#,Phase,Wt %,Area %,Sigma\n1,Cr,40,12.3,0.2\n2,Ni,60,87.7,0.2\n", 0.123, 0.0005),
        ("AutoPhase report\n\nPhase,Area %\nCr,12.3\nNi,80.7\nUnassigned,7.0\nTotal,100.0\n", 0.123, 0.0005),
        ("Phase,Area %\nCr,12.3\nNi,80.7\n", 0.123, 0.0005),
        ("Phase,Fraction\nCr,0.123\nNi,0.800\n", 0.123, 0.0005),
        ("phase,area %\nCr,1.23e1\nNi,8.77e1\n", 0.123, 0.0005),
    ],
)
def test_units_are_recognised(text, cr, half, tmp_path):
    for claim in (read(tmp_path, text), read(tmp_path, text, keyword=True)):
        assert set(claim.areas) == {"Cr", "Ni"}
        assert claim.areas["Cr"].fraction == pytest.approx(cr, abs=1e-12)
        assert claim.areas["Cr"].half_unit == pytest.approx(half, abs=1e-12)


def test_encodings(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        claim = read(tmp_path, "Phase;Area %\nForstérite;40,0\nNi;60,0\n", encoding=encoding)
        assert set(claim.areas) == {"Forstérite", "Ni"}


def test_what_is_left_or_unassigned_is_noted(tmp_path):
    claim = read(tmp_path, "Phase,Area %\nCr,12.3\nNi,80.7\n")
    assert any("leave 7 % of the map" in note for note in claim.notes)
    claim = read(tmp_path, "Phase,Area %\nCr,12.3\nNi,80.7\n[Unclassified],7\n")
    assert any("7 % are unassigned, inside the denominator" in note for note in claim.notes)
    claim = read(tmp_path, "Phase,Pixels\nCr,30\nNi,70\n")
    assert any("no row 'total'" in note for note in claim.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("phase,area\nCr,40\nNi,40.5\n", r"sum to 80\.5, and must sum to 1, or to 100"),
        ("phase,area %\nCr,60\nNi,60\n", r"sum to 120"),
        ("phase,area %\nCr,-5\nNi,105\n", r"'Cr' a negative area, -5, in line 2"),
        ("phase,area %\nCr,nan\nNi,100\n", r"no area in line 2 \('nan'\)"),
        ("phase,area %\nCr,x\nNi,100\n", r"no area in line 2|say which"),
        ("phase,area %\nCr,50\nCr,50\n", r"names 'Cr' twice"),
        ("phase,area %\nCr,50\n,50\n", r"no name in line 3"),
        ("phase,area %\nCr,50\nNi\n", r"line 3 has 1 cells"),
        ("phase,area %\nCr,0\nNi,0\n", r"are all 0"),
        ("phase,area %\n", r"no areas|say which"),
        ("phase,pixels\nCr,300\nNi,300\ntotal,500\n", r"more than the row 'total' says"),
        ("Cr,12,3\nNi,87,7\n", r"cut columns by semicolons"),
    ],
)
def test_bad_tables_are_a_sentence(text, said, tmp_path):
    with pytest.raises(ValueError, match=said) as caught:
        read(tmp_path, text, keyword=True)
    assert "areas.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_that_may_be_two_things_asks_for_the_keyword(tmp_path):
    with pytest.raises(ValueError, match=r"'areas\.csv' may be .*legend=, areas="):
        read(tmp_path, "Cr,5\nNi,9\n")
    with pytest.raises(ValueError, match=r"'areas\.csv' may be"):
        read(tmp_path, "hello world\nthis is text\n")
