"""Stopping a training from outside, by Ctrl-C, Lab's ■, the button of a live view or SIGTERM, without losing it."""

import os
import signal
import threading
import time

from hwlib.errors import WorkbookError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(WorkbookError):
    """A training was asked to stop, and has; its message says where it stands and how to go on."""


class Interruption:
    """While entered, the first SIGINT or SIGTERM only leaves its number in `signum`; a second one interrupts at once.

    The engine asks for `signum` after each step, when everything is in a state that can be kept. Python delivers
    signals to the main thread alone, so a training in another thread is not stopped this way.
    """

    signum: int | None = None

    def __enter__(self) -> "Interruption":
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def ask(self) -> None:
        """Ask the training to stop as a first SIGINT does; from any thread, and asking again changes nothing."""
        if self.signum is None:
            self.signum = signal.SIGINT

    def _note(self, signum: int, frame) -> None:
        if self.signum is not None:
            raise KeyboardInterrupt
        self.signum = signum


def end_with_parent() -> None:
    """End this process within a second when the one that started it is gone; in a kernel only, and once.

    ipykernel looks for its parent once a second too, but a busy kernel may take longer to act on it than the next
    attempt cares to wait.
    """
    parent = os.getppid()
    if os.environ.get("JPY_PARENT_PID") != str(parent) or any(t.name == _WATCH for t in threading.enumerate()):
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, name=_WATCH, daemon=True).start()


_WATCH = "hwlib-parent"
