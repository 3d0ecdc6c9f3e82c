"""What may wait until a slider is at rest."""

import asyncio
from collections.abc import Callable


class Later:
    """Calls `act` once, `seconds` after the last time it was asked to; at once where no event loop runs."""

    def __init__(self, act: Callable[[], object], seconds: float = 0.08) -> None:
        self.act, self.seconds = act, seconds
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.act()
            return
        self._timer = loop.call_later(self.seconds, self._fire)

    def cancel(self) -> None:
        """Forget what was asked."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def waiting(self) -> bool:
        """Whether something is still to be done."""
        return self._timer is not None

    def _fire(self) -> None:
        self._timer = None
        self.act()
