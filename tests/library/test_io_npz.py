"""Our own file: what is written is what is read, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import bayesunmix as bu

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@st.composite
def images(draw):
    navigation = draw(shapes)
    counts = draw(arrays(np.uint16, (*navigation, draw(st.integers(1, 6)))))
    counts.flat[0] += counts.sum() == 0
    names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
    numbers = st.floats(1e-6, 1e6)
    axes = [bu.Axis(draw(names), draw(numbers), draw(names), draw(numbers)) for _ in navigation]
    return bu.SpectrumImage(counts, 0.3 + 0.01 * np.arange(counts.shape[-1]), axes=tuple(axes))


@settings(max_examples=40, deadline=None)
@given(image=images())
def test_round_trip(image, tmp_path_factory):
    path = tmp_path_factory.mktemp("npz") / "image.npz"
    bu.write(image, path)
    back = bu.read(path)
    np.testing.assert_array_equal(back.dense(), image.dense())
    np.testing.assert_array_equal(back.energy_kev, image.energy_kev)
    assert (back.shape, back.axes) == (image.shape, image.axes)


@pytest.fixture
def image():
    return bu.SpectrumImage(np.eye(6, dtype=np.uint8).reshape(2, 3, 6), 0.3 + 0.01 * np.arange(6))


def test_the_same_image_gives_the_same_bytes_and_no_temporary_file(image, tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    bu.write(image, first)
    bu.write(image, second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_failing_write_leaves_the_old_file(image, tmp_path, monkeypatch):
    path = tmp_path / "image.npz"
    bu.write(image, path)
    before = path.read_bytes()

    def half(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises(KeyboardInterrupt):
        bu.write(image, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_write_wants_the_suffix_and_the_folder(image, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        bu.write(image, tmp_path / "image.hspy")
    with pytest.raises(FileNotFoundError, match="make it first"):
        bu.write(image, tmp_path / "missing" / "image.npz")


@pytest.mark.parametrize("length", [1, 100, -1])
def test_truncated(image, tmp_path, length):
    path = tmp_path / "image.npz"
    bu.write(image, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"image\.npz.*damaged"):
        bu.read(path)


def test_another_archive_pickles_and_contradictions_are_refused(image, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, x=np.arange(3))
    with pytest.raises(ValueError, match="it holds x"):
        bu.read(other)
    np.savez(other, format=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="not a spectrum image"):
        bu.read(other)
    bu.write(image, other)
    fields = dict(np.load(other))
    for name, wrong in [("counts_indices", fields["counts_indices"] + 9), ("shape", np.array([7, 3, 6]))]:
        np.savez(other, **(fields | {name: wrong}))
        with pytest.raises(ValueError, match="not a spectrum image"):
            bu.read(other)
