"""The command line as a whole: help, version, typing mistakes, and a process of its own."""

import subprocess
import sys

import bayesunmix as bu


def test_typer_mistakes_are_short(run):
    for words in (
        ["unmix"],
        ["unmix", "a.bcf", "--components", "two", "--out", "x"],
        ["nothing"],
        ["--nothing"],
    ):
        status, _, err = run(*words)
        assert status == 2
        assert len(err.strip().splitlines()) <= 4
        assert "Traceback" not in err


def test_version(run):
    assert run("--version")[:2] == (0, f"bayesunmix {bu.__version__}\n")


def test_help_in_a_process_of_its_own_imports_nothing_heavy():
    code = "import sys; from bayesunmix.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "unmix" in done.stdout
    assert not {"jax", "matplotlib", "sklearn", "rsciio", "pandas"} & set(done.stdout.split())


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    words = ["unmix", str(tmp_path / "missing.hspy"), "--components", "2", "--out", str(tmp_path / "out")]
    code = "from bayesunmix.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"bayesunmix: there is no file {words[1]!r}; check the name and the folder\n"
    assert list(tmp_path.iterdir()) == []
