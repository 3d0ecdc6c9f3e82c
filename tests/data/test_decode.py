"""Decoding by several processes gives what decoding by one gives: the same bytes, and the same first problem."""

import pickle
import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from hwlib import pixels, processes, progress
from hwlib.data import decode
from hwlib.data.course import unlabelled
from hwlib.errors import WorkbookError

COUNT = 40


def picture(i):
    """Grey noise, but for one image of colour in the middle."""
    return np.random.default_rng(i).integers(0, 256, (28, 28, 3) if i == 17 else (28, 28), np.uint8)


@pytest.fixture
def folder(tmp_path):
    for i in range(COUNT):
        Image.fromarray(picture(i)).save(tmp_path / f"{i:02}.png")
    return tmp_path


@pytest.fixture
def several(monkeypatch):
    """Two processes for any number of images, three images at a time."""
    monkeypatch.setattr(decode, "_PARALLEL", 0)
    monkeypatch.setattr(decode, "_CHUNK", 3 * 28 * 28)
    monkeypatch.setattr(processes, "processors", lambda: 2)


@pytest.fixture
def here(monkeypatch):
    """Counts the images that this very process decodes."""
    found, real = [], pixels.decode
    monkeypatch.setattr(pixels, "decode", lambda path, *rest: found.append(path) or real(path, *rest))
    return found


def load(folder):
    # Rows from the third on, last file first, so that neither is taken for the other.
    names = {3 + i: f"{COUNT - 1 - i:02}.png" for i in range(COUNT)}
    return decode.decode_all(folder / "t.csv", folder, names, 28)


def expected():
    images = [picture(COUNT - 1 - i) for i in range(COUNT)]
    return np.stack([i.transpose(2, 0, 1) if i.ndim == 3 else np.stack([i] * 3) for i in images])


def test_processes_give_the_same_pixels_in_the_same_order(folder, several, here):
    images = load(folder)
    assert images.dtype == torch.uint8
    assert np.array_equal(images, expected())
    assert not here
    assert not psutil.Process().children()


def test_grey_images_have_one_channel(folder, several):
    (folder / "17.png").unlink()
    names, images = unlabelled(folder)
    assert names == [f"{i:02}.png" for i in range(COUNT) if i != 17]
    assert images.shape == (COUNT - 1, 1, 28, 28)
    assert np.array_equal(images[20, 0], picture(21))


def test_the_first_bad_row_is_named_whoever_finds_one_first(folder, several, here, recwarn):
    for name in ("30.png", "20.png", "19.png", "02.png"):
        (folder / name).write_bytes(b"")
    with pytest.raises(WorkbookError, match=r"t\.csv, row 12: image .*30\.png is no image"):
        load(folder)
    assert not here
    assert not recwarn.list
    assert not psutil.Process().children()


@pytest.mark.parametrize("answers", [0, 2])
def test_what_processes_leave_undone_is_done_here(folder, several, here, monkeypatch, answers):
    """Each process ends, as if it were killed, after some answers."""
    code = f"""
import os, sys
sys.path[:] = sys.argv[1:]
from hwlib import processes
dump, left = processes.pickle.dump, [{answers}]
def limited(*what):
    left[0] -= 1
    dump(*what) if left[0] >= 0 else os._exit(1)
processes.pickle.dump = limited
processes.serve()
"""
    monkeypatch.setattr(processes, "_CODE", code)
    assert np.array_equal(load(folder), expected())
    assert COUNT - 3 * 2 * answers <= len(here) <= COUNT - 3 * answers
    assert not psutil.Process().children()


def test_where_no_process_can_be_started(folder, several, here, monkeypatch):
    monkeypatch.setattr(processes.sys, "executable", str(folder / "nothing"))
    assert np.array_equal(load(folder), expected())
    assert len(here) == COUNT


def test_few_images_or_one_processor_need_no_process(folder, several, here, monkeypatch):
    monkeypatch.setattr(processes, "processors", lambda: 1)
    load(folder)
    monkeypatch.setattr(processes, "processors", lambda: 2)
    monkeypatch.setattr(decode, "_PARALLEL", COUNT * 28 * 28 + 1)
    load(folder)
    assert len(here) == 2 * COUNT


def test_a_process_ends_with_its_parent_and_imports_no_torch():
    code = processes._CODE.replace("serve()", "serve(); print('torch' in sys.modules, file=sys.stderr)")
    task = pickle.dumps((pixels.decode_some, ("/nowhere", ["a.png"], 28, ["PNG"])))
    # Its standard input ends, which is how it sees that its parent has.
    done = subprocess.run([sys.executable, "-c", code, *sys.path], input=task, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    images, wrong = pickle.loads(done.stdout)
    assert (images.shape, wrong) == ((0, 1, 28, 28), "cannot be read: No such file or directory")
    assert done.stderr.split() == [b"False"]


def test_a_large_file_is_read_by_pillow(folder, monkeypatch):
    whole = load(folder)
    monkeypatch.setattr(pixels, "_WHOLE", 10)
    assert torch.equal(load(folder), whole)


def test_headless_one_line_says_how_long_it_takes(folder, monkeypatch, capsys):
    monkeypatch.setattr(decode, "_CHUNK", 10 * 28 * 28)
    for kind, patience in (("lines", 0), ("lines", 1000), ("none", 0)):
        monkeypatch.setenv("HW_PROGRESS", kind)
        monkeypatch.setattr(progress, "PATIENCE", patience)
        load(folder)
        out = capsys.readouterr().out.splitlines()
        assert len(out) == (kind == "lines" and patience == 0)
        assert not out or f"decoding {'/'.join(folder.parts[-2:])}: 10 of 40 images, " in out[0]


@pytest.mark.parametrize("kind", ["bar", "live"])
def test_a_bar_leaves_nothing(folder, monkeypatch, capsys, kind):
    monkeypatch.setenv("HW_PROGRESS", kind)
    assert np.array_equal(load(folder), expected())
    assert "40" not in capsys.readouterr().err
