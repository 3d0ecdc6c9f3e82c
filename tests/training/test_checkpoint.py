"""Checkpoints: whole or not at all, verified when read, and never a way to run code."""

import hashlib
import io
import os
import pickle
import subprocess
import sys

import pytest
import torch

from hwlib.errors import WorkbookError
from hwlib.training import checkpoint
from hwlib.training.checkpoint import Keeper, read, write

STATE = {"step": 3, "history": [{"loss": 0.1}], "modules": {"model": {"weight": torch.arange(6.0).view(2, 3)}}}


def test_a_state_reads_back_as_it_was(tmp_path):
    write(tmp_path / "model.ckpt", STATE)
    found = read(tmp_path / "model.ckpt")
    assert found["step"] == 3
    assert found["history"] == [{"loss": 0.1}]
    assert torch.equal(found["modules"]["model"]["weight"], STATE["modules"]["model"]["weight"])
    assert [path.name for path in tmp_path.iterdir()] == ["model.ckpt"]


def test_layout_of_the_memory_survives(tmp_path):
    """Kernels choose by strides, so a tensor in channels_last must come back in channels_last."""
    tensor = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    write(tmp_path / "a.ckpt", {"t": tensor})
    assert read(tmp_path / "a.ckpt")["t"].stride() == tensor.stride()


def test_nothing_kept_is_none(tmp_path):
    assert read(tmp_path / "none.ckpt") is None
    assert read(tmp_path / "no" / "folder.ckpt") is None


def test_the_one_before_is_kept_and_used_when_the_newest_is_missing(tmp_path):
    path = tmp_path / "model.ckpt"
    for step in (1, 2, 3):
        write(path, {"step": step})
    assert read(path)["step"] == 3
    path.unlink()  # killed between the two renames
    assert read(path)["step"] == 2


def cut(content):
    return content[: len(content) // 2]


def noise(content):
    middle = len(content) // 2
    return content[:middle] + bytes(b ^ 0xFF for b in content[middle : middle + 16]) + content[middle + 16 :]


class Evil:
    """Unpickling this would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def evil_pickle(content):
    return pickle.dumps(Evil("evil"))


def evil_in_an_envelope(content):
    """A file that is intact by its checksum and would run code: only the restricted unpickler stands before it."""
    buffer = io.BytesIO()
    torch.save({"step": Evil("evil")}, buffer)
    body = buffer.getvalue()
    return checkpoint._MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "is damaged: its checksum does not fit"),
        (noise, "is damaged: its checksum does not fit"),
        (lambda content: b"", "is no checkpoint of the workbook"),
        (evil_pickle, "is no checkpoint of the workbook"),
        (evil_in_an_envelope, "holds something else than tensors and plain values"),
    ],
)
def test_a_damaged_checkpoint_is_one_line_and_then_the_one_before_is_used(tmp_path, monkeypatch, damage, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.ckpt"
    write(path, {"step": 1})
    write(path, {"step": 2})
    path.write_bytes(damage(path.read_bytes()))
    bad = path.read_bytes()
    with pytest.raises(WorkbookError) as error:
        read(path)
    line = str(error.value)
    assert line.startswith(f"{path}: the checkpoint {message}")
    assert line.endswith(
        "it is now model.ckpt.damaged, and running the same again goes on from the checkpoint before it"
    )
    assert "\n" not in line
    assert (tmp_path / "model.ckpt.damaged").read_bytes() == bad  # nothing is thrown away
    assert read(path)["step"] == 1
    assert not (tmp_path / "evil").exists()


def test_when_both_are_damaged_the_training_begins_anew(tmp_path):
    path = tmp_path / "model.ckpt"
    write(path, {"step": 1})
    write(path, {"step": 2})
    for each in (path, path.with_name("model.ckpt.previous")):
        each.write_bytes(cut(each.read_bytes()))
    with pytest.raises(WorkbookError, match="goes on from the checkpoint before it"):
        read(path)
    with pytest.raises(WorkbookError, match="goes on from the beginning of this training"):
        read(path)
    assert read(path) is None


def test_a_full_disk_is_one_line_and_the_last_good_state_stays(tmp_path):
    """A limit on the size of files makes a real write fail half-way, as a full disk does."""
    code = f"""
import resource, signal, torch
from pathlib import Path
from hwlib.errors import WorkbookError
from hwlib.training.checkpoint import read, write
path = Path({str(tmp_path / "model.ckpt")!r})
write(path, {{"step": 1, "t": torch.zeros(1000)}})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write(path, {{"step": 2, "t": torch.zeros(1_000_000)}})
except WorkbookError as error:
    print(error)
print(read(path)["step"])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout
    line, step = out.splitlines()
    assert line.startswith(f"{tmp_path / 'model.ckpt'}: the checkpoint cannot be written (File too large)")
    assert step == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["model.ckpt"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_fails_at_any_moment_leaves_the_last_good_state(tmp_path, monkeypatch, moment):
    path = tmp_path / "model.ckpt"
    write(path, {"step": 1})

    def fail(*arguments):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, fail)
        with pytest.raises(
            WorkbookError, match=r"cannot be written \(Read-only file system\); mend that and run the same"
        ):
            write(path, {"step": 2})
    assert read(path)["step"] == 1
    assert not (tmp_path / "model.ckpt.part").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbookError, match=r"model\.ckpt: the checkpoint cannot be written \("):
        write(tmp_path / "file" / "model.ckpt", {"step": 2})


def test_a_checkpoint_is_due_when_its_time_has_come(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    keeper = Keeper(tmp_path, 60)
    now = 159.0
    assert not keeper.due()
    now = 160.0
    assert keeper.due()
    keeper.save("model", {"step": 1})
    assert not keeper.due()
    assert keeper.restore("model") == {"step": 1}
    assert keeper.restore("other") is None
