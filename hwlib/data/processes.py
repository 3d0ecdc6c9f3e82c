"""Processes that decode images beside this one.

Not by multiprocessing, concurrent.futures or joblib: their processes share pipes, so that nothing tells them of a
parent that was killed (joblib's were still there when they should long have given up), and the first two import the
user's script again, or fork a process that has torch's threads. These read tasks from their standard input, and end
where it does.
"""

import json
import math
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue

import numpy as np

_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from hwlib.pixels import serve; serve()"

_AHEAD = 3
"""Tasks that are given out or done at a time, for each process: what is not yet collected takes memory."""


def decoded(tasks: Iterable[tuple], count: int) -> Iterator[tuple[np.ndarray, str | None]]:
    """Yield what `pixels.decode_some` returns for each task, in order, by `count` processes.

    Whatever raises here is a failure of the processes; what is wrong with an image is part of a result. Closing the
    iterator ends the processes.
    """
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))  # left last, when no process can keep it waiting
        idle: SimpleQueue[subprocess.Popen] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(_process()))

        def ask(task: tuple) -> tuple[np.ndarray, str | None]:
            process = idle.get()
            try:
                return _ask(process, task)
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
        [sys.executable, "-c", _CODE, json.dumps(sys.path)],
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


def _ask(process: subprocess.Popen, task: tuple) -> tuple[np.ndarray, str | None]:
    process.stdin.write(json.dumps(task).encode() + b"\n")
    process.stdin.flush()
    shape, wrong = json.loads(process.stdout.readline())
    content = process.stdout.read(math.prod(shape))
    return np.frombuffer(content, np.uint8).reshape(shape), wrong
