"""Processes that decode images, or look at them, beside this one.

Not by multiprocessing, concurrent.futures or joblib: their processes share pipes, so that nothing tells them of a
parent that was killed (joblib's were still there when they should long have given up), and the first two import the
user's script again, or fork a process that has torch's threads. These read tasks from their standard input, and end
where it does.
"""

import json
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue
from typing import TypeVar

Result = TypeVar("Result")

_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from hwlib.pixels import serve; serve()"

_AHEAD = 3
"""Tasks that are given out or done at a time, for each process: what is not yet collected takes memory."""


def answers(function: Callable[..., Result], tasks: Iterable[tuple], count: int) -> Iterator[Result]:
    """Yield `function(*task)` for each task, in order, by `count` processes.

    function: of a module, which each process imports; let it not need torch, whose import takes seconds. Whatever
    raises here is a failure of the processes; what is wrong with an image is part of a result. Closing the iterator
    ends the processes.
    """
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))  # left last, when no process can keep it waiting
        idle: SimpleQueue[subprocess.Popen] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(_process()))

        def ask(task: tuple) -> Result:
            process = idle.get()
            try:
                return _ask(process, function, task)
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


def _ask(process: subprocess.Popen, function: Callable[..., Result], task: tuple) -> Result:
    pickle.dump((function, task), process.stdin, pickle.HIGHEST_PROTOCOL)
    process.stdin.flush()
    return pickle.load(process.stdout)
