"""Times of starting; needs no torch."""

import statistics
import subprocess
import sys
import time

from hwlib.paths import ROOT

COMMANDS = {
    "python": ("-c", "pass"),
    "import hwlib": ("-c", "import hwlib"),
    "hw --help": ("-m", "hwlib", "--help"),
}


def start_seconds(rounds: int = 5) -> dict[str, float]:
    """Return the median seconds that the interpreter alone, `import hwlib` and `hw --help` take in a new process."""
    return {
        name: round(statistics.median(_seconds(command) for _ in range(rounds)), 3)
        for name, command in COMMANDS.items()
    }


def _seconds(arguments: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
