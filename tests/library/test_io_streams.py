"""JEOL and Velox maps, which are streams of photons: against a decoder of one word at a time, and real files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.io import jeol, velox
from bayesunmix.io.stacking import added

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "real"
real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real files (../shared/data) are not on this machine"
)
HEIGHT, WIDTH, CHANNELS = 4, 8, 4096


def jeol_words(rng, frames, rows_of_last=HEIGHT, image=False):
    """Return a stream of JEOL words; pixels without a photon have no column unless there is an image."""
    words = []
    for frame in range(frames):
        for y in range(HEIGHT if frame < frames - 1 else rows_of_last):
            words.append(0x9000 | y * 4096 // HEIGHT)
            for x in range(WIDTH):
                photons = rng.integers(0, CHANNELS, rng.poisson(0.7))
                if photons.size or image:
                    words.append(0x8000 | x * 4096 // WIDTH)
                if image:
                    words.append(0xA000 | 7)
                words.extend(0xB000 | photons)
                words.append(0x6000 | 3)
    return np.array(words, np.uint16)


def one_by_one(words):
    counts, x, y = np.zeros((HEIGHT * WIDTH, CHANNELS), int), 0, 0
    for word in words.tolist():
        kind, value = word >> 12, word & 0xFFF
        if kind == 8:
            x = value * WIDTH // 4096
        elif kind == 9:
            y = value * HEIGHT // 4096
        elif kind == 11:
            counts[y * WIDTH + x, value] += 1
    return counts


@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, HEIGHT), st.booleans(), st.integers(1, 60))
def test_jeol_words(seed, frames, rows_of_last, image, block):
    words = jeol_words(np.random.default_rng(seed), frames, rows_of_last, image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jeol, "_BLOCK_WORDS", block)
        counts = added(jeol._counts(words, (HEIGHT, WIDTH, CHANNELS)))
        end, is_whole = jeol._last_frame(words, HEIGHT, WIDTH)
    np.testing.assert_array_equal(counts.toarray(), one_by_one(words))
    assert is_whole == (rows_of_last == HEIGHT)
    begin_of_last = max(np.flatnonzero(words == 0x9000))
    assert end == (words.size if is_whole or frames == 1 else begin_of_last)


@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 60))
def test_velox_words(seed, frames, block):
    rng = np.random.default_rng(seed)
    expected, words = np.zeros((HEIGHT * WIDTH, 50), int), []
    for pixel in list(range(HEIGHT * WIDTH)) * frames:
        photons = rng.integers(0, 50, rng.poisson(0.7))
        np.add.at(expected[pixel], photons, 1)
        words.extend([*photons, 65535])
    stream = np.array(words, np.uint16)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(velox, "_BLOCK_WORDS", block)
        counts = added(velox._blocks(stream, HEIGHT, WIDTH, 50))
    np.testing.assert_array_equal(counts.toarray(), expected)


@real_files
@pytest.mark.parametrize("says_length_of_file", [False, True])
def test_a_jeol_map_stopped_within_a_frame(tmp_path, caplog, says_length_of_file):
    content = bytearray((REAL / "View000_0000006.pts").read_bytes())
    words = np.frombuffer(content[16384:], "<u2")
    rows = np.flatnonzero(words >> 12 == 9)
    begins = rows[np.flatnonzero(np.diff(words[rows].astype(int)) < 0) + 1]
    stop = int(rows[7 * 512 + 100])  # in the eighth of 14 frames
    content = content[: 16384 + 2 * stop]
    content[32:36] = (len(content) if says_length_of_file else len(content) - 16384).to_bytes(4, "little")
    path = tmp_path / "map.pts"
    path.write_bytes(content)
    photons = [int(np.count_nonzero(words[:end] >> 12 == 11)) for end in (begins[6], stop)]
    assert bu.read(path, None).n_photons == photons[0]
    share = f"{100 * (1 - photons[0] / photons[1]):.2g}"
    assert f"left out {photons[1] - photons[0]:,} of {photons[1]:,} photons ({share} %)" in caplog.text


@real_files
def test_a_velox_map_has_the_counts_of_its_stream(tmp_path):
    import h5py

    with h5py.File(REAL / "fei_emd_si.emd") as file:
        (stream,) = (group["Data"][:, 0] for group in file["Data/SpectrumStream"].values())
    image = bu.read(REAL / "fei_emd_si.emd", None)
    assert image.n_photons == np.count_nonzero(stream < 4096)
    np.testing.assert_array_equal(image.sum_spectrum(), np.bincount(stream[stream < 4096], minlength=4096))
