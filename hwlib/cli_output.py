"""Standard output and error as a command finds them: closed, full, or in an encoding without the letters it needs.

A command's work does not end because nobody can read what it says: letters that cannot be written are written as
`\\u8cc7`, the rest of an output that takes no more is dropped, and the command then ends with a status of its own.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

LOST = 74
"""The exit status when standard output did not take everything: EX_IOERR of sysexits.h."""


class Output:
    """A text stream that keeps in `fault` why it took no more, where another one raises.

    pipe: whether a reader who has enough, as `head` has, ends the work, with a `BrokenPipeError`.
    """

    def __init__(self, stream: TextIO | None, pipe: bool = False) -> None:
        self.fault = "it is closed" if stream is None else ""
        self._stream = io.StringIO() if stream is None else stream
        self._pipe = pipe
        if getattr(self._stream, "errors", None) in ("strict", "surrogateescape"):
            with contextlib.suppress(AttributeError, OSError, ValueError):  # what a test has put there cannot do that
                self._stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        self._guarded(self._stream.write, text)
        return len(text)

    def writelines(self, lines) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        self._guarded(self._stream.flush)

    def _guarded(self, act, *arguments) -> None:
        if self.fault:
            return
        try:
            act(*arguments)
        except (OSError, ValueError) as error:  # ValueError: somebody has closed it
            if self._pipe and isinstance(error, BrokenPipeError):
                raise
            self.fault = getattr(error, "strerror", None) or str(error)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def drop(self) -> None:
        """Send what is left in the buffers to nowhere, or Python fails to flush it in the end and says so."""
        with contextlib.suppress(OSError, ValueError):  # a stream without a file, as in tests, holds nothing back
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextlib.contextmanager
def outputs() -> Iterator[tuple[Output, Output]]:
    """Put an `Output` in the place of standard output and of standard error for as long as a command works."""
    _fill()
    before = sys.stdout, sys.stderr
    out, err = sys.stdout, sys.stderr = Output(sys.stdout, pipe=True), Output(sys.stderr)
    try:
        yield out, err
    finally:
        for each in (out, err):
            with contextlib.suppress(BrokenPipeError):
                each.flush()
            if each.fault:
                each.drop()
        sys.stdout, sys.stderr = before


def _fill() -> None:
    """Open the three standard files where they are closed: the next file to be opened would get their number, and what
    libraries and other processes print would go into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
