"""Be the child of `bayesunmix.io.child`: take requests, read, and send what is read in parts."""

import importlib
import logging
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bayesunmix.io.reading_axes import Refused

_PATIENCE_S = 60.0  # without a file to read


def main() -> None:
    """Serve until the parent ends, or asks for nothing for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what readers print is no answer

    def send(answer: object) -> None:
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    while (request := _next(requests)) is not None:
        send("taken")
        read, path, arguments, memory = request
        _limit(memory)
        send(_serve(send, read, path, arguments))


def _next(requests: Any) -> Any:
    patience = threading.Timer(_PATIENCE_S, os._exit, [0])
    patience.daemon = True
    patience.start()
    try:
        return pickle.load(requests)
    except EOFError:
        return None
    finally:
        patience.cancel()


def _limit(memory: int) -> None:
    """Let an allocation that the machine cannot give fail at once; Windows does so by itself."""
    try:
        import resource
    except ImportError:
        return
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _serve(
    send: Callable[[object], None], read: Callable[..., Iterator[Any]], path: Path, arguments: dict
) -> tuple[str, Any]:
    """Send the parts, and return the last answer."""
    heard = _Heard(path.name, send)
    try:
        with heard:
            for part in read(path, **arguments):
                heard.tell()
                send(("part", part))
            heard.tell()
        return "end", None
    except Refused as error:
        return "refused", _printable(f"{error}{heard.aside()}")
    except ModuleNotFoundError as error:
        return "missing", (
            f"reading {path.suffix} files needs {error.name}, which is not installed: pip install bayesunmix[io]"
        )
    except MemoryError:
        return "memory", (
            f"{path.name!r} asks for more memory than the machine has free: it is damaged, or too large for this "
            "machine; copy it again from where it was recorded, or read it on a larger one"
        )
    except (Exception, SystemExit) as error:  # a reader of damaged files may raise anything
        said = _printable(str(error))[:200] or type(error).__name__
        return "refused", (
            f"cannot read {path.name!r}: it is damaged, cut short or not a {path.suffix} file "
            f"(the reader said: {said}); copy it again from where it was recorded"
        )


def _printable(text: str) -> str:
    """Return a text on one line, without what a damaged file put into it."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


class _Heard(logging.Handler):
    """Pass on our own notes at once, and what the readers warn of before the first part or with a refusal."""

    def __init__(self, file: str, send: Callable[[object], None]) -> None:
        super().__init__(logging.WARNING)
        self._file, self._send = file, send
        self._remarks: list[str] = []

    def __enter__(self) -> "_Heard":
        with suppress(ModuleNotFoundError):
            importlib.import_module("rsciio")  # sets its own handlers on import
        for name in ("bayesunmix", "rsciio"):
            logging.getLogger(name).addHandler(self)
        self._catcher = warnings.catch_warnings()
        self._catcher.__enter__()
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = self._warned
        return self

    def __exit__(self, *_: object) -> None:
        self._catcher.__exit__(None, None, None)
        for name in ("bayesunmix", "rsciio"):
            logging.getLogger(name).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("rsciio"):
            self._remark(record.getMessage())
        else:
            self._send(("note", record.getMessage()))

    def _warned(self, message: Any, category: Any, filename: str, *_: Any, **__: Any) -> None:
        if "rsciio" in Path(filename).parts:
            self._remark(str(message))

    def tell(self) -> None:
        """Pass on what the readers have warned of until now."""
        for remark in self._remarks:
            self._send(("note", f"RosettaSciIO says of {self._file}: {remark}"))
        self._remarks = []

    def aside(self) -> str:
        """Return what the readers have warned of, to follow a sentence."""
        return f" (RosettaSciIO says: {' '.join(self._remarks)})" if self._remarks else ""

    def _remark(self, text: str) -> None:
        said = _printable(text)[:500]
        if said not in self._remarks:
            self._remarks.append(said)


if __name__ == "__main__":
    main()
