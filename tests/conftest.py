"""Settings shared by all tests: what is compiled is kept, which files run in one process and first, and a browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import settings

# Most of the time of a first run goes into compiling: workers and later runs share what is compiled.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

# RosettaSciIO's log goes to where `print` went when it was imported. In a test that is a stream which pytest closes.
with suppress(ModuleNotFoundError):
    import rsciio  # noqa: F401

# Machines differ in speed, and a first call compiles: a test never asserts a time. Examples are the same each run.
settings.register_profile("bayesunmix", deadline=None, derandomize=True)
settings.load_profile("bayesunmix")

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
MAPS = Path("/proc/self/maps")  # of Linux
# Files that take longest begin first, so that at the end no worker waits for another. Those of one line share fits
# (`tests/quick.py`) and run in one process.
FIRST = (
    ("contracts/test_methods.py", "contracts/test_masks.py", "library/test_bayes.py"),
    ("library/test_masks.py",),
)
# Files whose fits are judged and which ask no range of the verdict: walks there are short. The beginnings of paths.
WALKS_BRIEFLY = tuple(
    f"tests/{path}"
    for path in (
        "benchmarks/test_",
        "calibration/test_",
        "contracts/test_",
        "library/cli/test_",
        "library/test_bayes_nuts.py",
        "library/test_bootstrap.py",
        "library/test_derived_images.py",
        "library/test_display.py",
        "library/test_draw_endmembers.py",
        "library/test_estimator.py",
        "library/test_fisher.py",
        "library/test_order.py",
        "library/test_result_report.py",
        "library/test_small_images.py",
    )
)
PLACE = {f"tests/{file}": place for place, files in enumerate(FIRST) for file in files}


def pytest_configure(config: pytest.Config) -> None:
    """Hear nothing of what `unmix` warns of: few draws have not converged. Tests of warnings ask for them."""
    config.addinivalue_line("filterwarnings", "ignore::bayesunmix.UnmixingWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: PLACE.get(_file(item.nodeid), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give workers whole files, or several that share fits."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = _file(nodeid)
            return FIRST[PLACE[file]][0] if file in PLACE else file

    return ByFile(config, log)


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0]


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_code():
    """Compiled code of hundreds of shapes fills the 65 530 memory maps of a process, and the compiler aborts it."""
    yield
    import jax  # after its settings above

    if not MAPS.exists() or MAPS.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()


@contextmanager
def _short_walks() -> Iterator[None]:
    from bayesunmix.analysis import feasible_climb, identification

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(identification.identify.__kwdefaults__, "n_steps", 2)
        patch.setattr(feasible_climb, "MOST_STEPS", 4)
        yield


@pytest.fixture(autouse=True, scope="module")
def _walk_briefly(request):
    """Find feasible ranges in a few steps in files that are not about them: most of the time of a small fit."""
    with _short_walks() if request.node.nodeid.startswith(WALKS_BRIEFLY) else nullcontext():
        yield


@pytest.fixture
def short_walks():
    """The same for one test."""
    with _short_walks():
        yield


@pytest.fixture(scope="session")
def opened():
    """Open the report in a folder, in a window so wide; `page.faults` is what the browser complains of or asks for."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: on Debian, apt-get install chromium")
    return _opened


@contextmanager
def _opened(out: Path, width: int, **settings) -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "request", lambda r: None if r.url.startswith(("data:", "file:")) else page.faults.append(r.url)
        )
        page.goto((out / "report.html").as_uri())
        yield page
        browser.close()


@pytest.fixture
def without_relevance(monkeypatch):
    """Let `bayesunmix.rank` ask two criteria: the third, a method with tests of its own, takes long to compile."""
    monkeypatch.setattr("bayesunmix.dimension.rank.relevant_components", lambda image, most, seed: 3)
