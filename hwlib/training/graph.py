"""A training step as one CUDA graph."""

import gc
import warnings
from collections.abc import Callable

import torch


class Graph:
    """Calls `function`, from the fourth call on by replaying its kernels from one recorded CUDA graph.

    The small networks of the workbook take tens of microseconds a kernel and as long to launch one, so a step is
    bound by the hundreds of launches that it makes; a replay is a single one. `function` must read and write the same
    tensors at every call, and nothing in it may ask the device for a number.

    The first calls run as they are, on a stream of their own: they let libraries choose kernels and optimizers make
    their state, which a recording must not contain. A function that cannot be recorded goes on running as it is.
    """

    WARM_UP = 3

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.WARM_UP + 1:
            self.graph = self._record()
        if self.graph is not None:
            self.graph.replay()
        elif self.calls > self.WARM_UP:
            self.function()
        else:
            self.stream.wait_stream(torch.cuda.current_stream())
            # Adam says that it could run faster outside a graph; it will be inside one in a moment.
            with torch.cuda.stream(self.stream), warnings.catch_warnings(action="ignore"):
                self.function()
            torch.cuda.current_stream().wait_stream(self.stream)

    def _record(self) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        gc.collect()  # an older graph that is destroyed while another is recorded would spoil it
        collecting = gc.isenabled()
        gc.disable()
        try:
            with torch.cuda.graph(graph):
                self.function()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            print(f"the step cannot be recorded as a CUDA graph and runs without one ({reason})", flush=True)
            return None
        finally:
            if collecting:
                gc.enable()
        return graph
