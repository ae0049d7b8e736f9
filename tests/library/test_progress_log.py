"""Progress where standard error is a file: plain lines, and never silent for long."""

import re
import time

from bayesunmix.running import progress


def test_a_bar_is_lines_with_what_is_left(capfd, monkeypatch):
    monkeypatch.setattr(progress, "ASKED_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOGGED_SECONDS", 0.01)
    with progress.showing(True):
        for _ in progress.track(range(6), "maps", 6):
            time.sleep(0.05)
    said = capfd.readouterr().err
    assert "\r" not in said and "\x1b" not in said
    lines = said.splitlines()
    assert lines and all(
        re.fullmatch(r"maps: \d of 6, [\d:]+ so far, about [\d:?]+ left", line) for line in lines
    )


def test_a_stage_says_again_and_again_that_it_is_there(capfd, monkeypatch):
    monkeypatch.setattr(progress, "UNASKED_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOGGED_SECONDS", 0.05)
    with progress.showing(None), progress.stage("unmixing by bayes"):
        time.sleep(0.5)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) >= 3 and set(lines) == {"unmixing by bayes [00:00]"}
