"""Processes that work beside this one, each on a part of many small tasks.

Not by multiprocessing, concurrent.futures or joblib: their processes share pipes, so that nothing tells them of a
parent that was killed (joblib's were still there when they should long have given up), and the first two import the
user's script again, or fork a process that has torch's threads. These read tasks from their standard input, and end
where it does. They import what their function's module imports; let that not be torch.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue
from typing import TypeVar

Result = TypeVar("Result")

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from hwlib.processes import serve; serve()"

_AHEAD = 3
"""Tasks that are given out or done at a time, for each process: what is not yet collected takes memory."""


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(function: Callable[..., Result], tasks: Iterable[tuple], count: int) -> Iterator[Result]:
    """Yield `function(*task)` for each task, in order, made by `count` processes.

    function: one that a module has at its top. Whatever it raises ends its process; whatever is raised here says that
    a process has failed. Closing the iterator ends them all.
    """
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))  # left last, when no process can keep it waiting
        idle: SimpleQueue[subprocess.Popen] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(_process()))

        def ask(task: tuple) -> Result:
            process = idle.get()
            try:
                pickle.dump((function, task), process.stdin)
                process.stdin.flush()
                return pickle.load(process.stdout)
            finally:
                idle.put(process)

        waiting = deque()
        for task in tasks:
            waiting.append(threads.submit(ask, task))
            if len(waiting) == _AHEAD * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _process() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # numpy's threads, which would have nothing to do
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        yield process
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()
        process.wait()


def serve() -> None:
    """Answer what standard input asks until it ends, as one of the processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all; the parent decides
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # whatever prints must not print into an answer
    while True:
        try:
            function, task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(function(*task), answers)
        answers.flush()
