"""`benchmarks` is no part of the installed package: it is found from the project's root, as `python -m` finds it."""

import sys

import pytest
import torch

from hwlib.paths import ROOT

sys.path.insert(0, str(ROOT))


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny steps gain nothing from threads, and lose seconds where other tests take the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
