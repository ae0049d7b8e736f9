"""The folder of results appears whole or not at all, and never takes the place of something else."""

import pytest

from bayesunmix.io.folder import new_folder


def test_overwrite(unmix, tmp_path, monkeypatch, strict, probe):
    out = tmp_path / "out"
    assert unmix("--seed", 1)[0] == 0
    status, _, err = unmix("--seed", 2)
    assert status == 2
    assert "--overwrite" in err
    monkeypatch.setattr(probe, "fails", KeyboardInterrupt())
    assert unmix("--seed", 2, "--overwrite")[0] == 130
    assert strict(out / "summary.json")["seed"] == 1
    monkeypatch.setattr(probe, "fails", None)
    assert unmix("--seed", 2, "--overwrite")[0] == 0
    assert strict(out / "summary.json")["seed"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.npz", "out"]


def test_overwrite_never_takes_a_folder_that_is_not_ours(unmix, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years", encoding="utf-8")
    status, _, err = unmix("--overwrite")
    assert status == 2
    assert "holds other files" in err
    assert (tmp_path / "out" / "thesis.tex").exists()


def test_an_interrupt_between_the_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    out = tmp_path / "deep" / "out"
    with new_folder(out) as folder:
        (folder / "summary.json").write_text("old", encoding="utf-8")
    rename = type(out).rename

    def interrupted(self, target):
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(out), "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), new_folder(out, overwrite=True) as folder:
        (folder / "summary.json").write_text("new", encoding="utf-8")
    assert (out / "summary.json").read_text(encoding="utf-8") == "old"
    assert list(out.parent.iterdir()) == [out]
