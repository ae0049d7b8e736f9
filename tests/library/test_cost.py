"""Cost and progress: what must hold of times and memory on every machine, however fast."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesunmix.running import cost as costs
from bayesunmix.running import progress
from bayesunmix.running.cost import Cost


def test_compilation_is_told_from_work():
    import jax

    compiled = jax.jit(lambda x: (x @ x).sum())
    matrix = np.ones((30, 30), np.float32)
    with Cost() as first:
        compiled(matrix).block_until_ready()
    with Cost() as second:
        compiled(matrix).block_until_ready()
    assert first.compile_seconds > 0
    assert second.compile_seconds == 0
    assert second.fit_seconds > 0


def test_an_inner_measurement_takes_nothing_from_an_outer_one():
    import jax

    with Cost() as outer, Cost() as inner:
        jax.jit(lambda x: x * 3 + 1)(np.ones(3)).block_until_ready()
    assert 0 < inner.compile_seconds <= outer.compile_seconds
    assert inner.fit_seconds + inner.compile_seconds <= outer.fit_seconds + outer.compile_seconds


def test_compiling_in_two_threads_at_once_counts_once():
    """Both functions wait for each other while they are traced, so that their compilations overlap."""
    import jax

    meeting = threading.Barrier(2)

    def compile_one(number):
        def traced(x):
            meeting.wait(timeout=60)
            return x + number

        jax.jit(traced)(np.ones(3)).block_until_ready()

    with Cost() as cost, ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_one, range(2)))
    assert cost.compile_seconds > 0
    assert cost.fit_seconds > 0, "overlapping compilations were added up and swallowed the work"


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)).map(lambda s: (s[0], s[0] + s[1])))


class Clock:
    """Stands for the module `time`: it shows what it is set to."""

    now = 0.0

    def perf_counter(self):
        return self.now


@given(spans)
def test_time_that_jax_spends_compiling_in_several_threads_at_once_counts_once(spans):
    import jax

    seconds = {second for start, end in spans for second in range(start, end)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "time", clock := Clock())
        with Cost() as cost:
            for start, clock.now in sorted(spans, key=lambda span: span[1]):
                event = "/jax/core/compile/backend_compile_duration"
                jax.monitoring.record_event_duration_secs(event, clock.now - start)
            clock.now = 40.0
    assert cost.compile_seconds == len(seconds) and cost.fit_seconds == 40 - len(seconds)


def test_peak_memory_sees_what_was_held_and_given_back():
    with Cost(every_seconds=0.001) as cost:
        before = cost.peak_mib
        held = np.ones(2**23)
        for _ in range(10_000):
            if cost.peak_mib >= before + 60:
                break
            threading.Event().wait(0.001)
        del held
    assert before > 10
    assert cost.peak_mib >= before + 60


def test_an_error_passes_through_and_the_watcher_stops():
    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="inside"), Cost() as cost:
        raise RuntimeError("inside")
    assert threading.active_count() == threads
    assert cost.fit_seconds > 0


def test_progress_passes_every_item_on_and_is_silent_unless_shown(capfd, monkeypatch):
    asked = []
    monkeypatch.setattr("tqdm.auto.tqdm", lambda items, **options: asked.append(options) or items)
    assert list(progress.track((n for n in range(3)), "label", total=3)) == [0, 1, 2]
    assert asked == [], "the library is silent on its own"
    for wanted in (True, None, False):
        with progress.showing(wanted):
            assert list(progress.track(iter("ab"), "label", total=2)) == ["a", "b"]
    assert [options["delay"] for options in asked] == [1, 10], "bars come later where nobody asked"
    assert {options["desc"] for options in asked} == {"label"} and {
        options["total"] for options in asked
    } == {2}
    monkeypatch.undo()
    assert list(progress.track([1, 2], "label")) == [1, 2]
    assert capfd.readouterr().err == ""


def test_a_stage_shows_itself_once_it_takes_long(capfd, monkeypatch):
    monkeypatch.setattr(progress, "ASKED_SECONDS", 0.05)
    with progress.showing(True):
        with progress.stage("at once"):
            pass
        with progress.stage("compiling the sampler"):
            time.sleep(0.5)
    with progress.showing(False), progress.stage("unseen"):
        time.sleep(0.2)
    said = capfd.readouterr().err
    assert "compiling the sampler [00:00]" in said and "at once" not in said and "unseen" not in said
