"""The cache may be deleted, damaged, shared or impossible: the tensors are right all the same."""

import os
import sys
import threading
import time

import pytest
import torch
from safetensors import SafetensorError

from hwlib.cli import main
from hwlib.data import cache
from hwlib.data.cache import cache_summary, cached, cached_tensors, clear_cache
from hwlib.errors import WorkbookError
from hwlib.paths import cache_folder

KEY = "course-0123"
IMAGES, LABELS = torch.arange(60, dtype=torch.uint8).view(5, 1, 3, 4), torch.arange(5)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    cache._say.cache_clear()
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Makes the tensors, and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return IMAGES.clone(), LABELS.clone()


def get(make=None, key=KEY):
    images, labels, sha256 = cached(key, make or Maker(), "usps/train")
    assert torch.equal(images, IMAGES)
    assert torch.equal(labels, LABELS)
    assert images.dtype == torch.uint8
    assert sha256 == cache.fingerprint(IMAGES, LABELS)
    return images


def fail():
    raise AssertionError("made again")


def file_of(key=KEY):
    return cache_folder() / f"{key}.hw.safetensors"


def names():
    return sorted(path.name for path in cache_folder().iterdir())


def test_made_once_and_mapped_from_then_on():
    make = Maker()
    first = get(make)
    again = get(fail)
    assert make.calls == 1
    if sys.platform == "linux":
        with open("/proc/self/maps") as maps:
            assert sum(str(file_of()) in line for line in maps) >= 2  # the first time as well
    again[0] = 9  # whoever writes into a tensor, by mistake, writes into no file and into nobody else's tensor
    assert torch.equal(first, IMAGES)
    get(fail)


def test_metadata_comes_back_as_it_was_made():
    made = {"a": torch.ones(2, 3, dtype=torch.bfloat16).T}, {"note": "\u4e00", "bytes": "\udce9"}
    for _ in range(2):
        tensors, metadata = cached_tensors("attribute-cnn-1", lambda: made, "caf\udce9")
        assert torch.equal(tensors["a"], made[0]["a"])
        assert metadata == made[1]
    assert cache_summary()[0].what == r"caf\udce9"


def test_peeking_makes_nothing():
    assert cache.peek(KEY) is None
    get()
    assert cache.peek(KEY) == (5, cache.fingerprint(IMAGES, LABELS))
    SPOILED["another hash"](file_of())
    assert cache.peek(KEY) is None


def test_deleted_or_made_anew_while_it_is_mapped():
    mapped = get()
    file_of().unlink()
    assert torch.equal(mapped, IMAGES)
    cached(KEY, lambda: (IMAGES + 1, LABELS))
    assert torch.equal(mapped, IMAGES)


def flip(old, new):
    def spoil(path):
        content = path.read_bytes()
        assert content.count(old) == 1
        path.write_bytes(content.replace(old, new))

    return spoil


SPOILED = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello, this is no tensor"),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "half a header": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "huge header": lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]),
    "another shape": flip(b"[5,1,3,4]", b"[5,1,4,3]"),
    "another type": flip(b'"U8"', b'"I8"'),
    "another hash": lambda path: flip(*(cache.fingerprint(IMAGES, LABELS).encode()[:12], b"0" * 12))(path),
    "no note": flip(b'"note"', b'"n0te"'),
    "of another key": lambda path: (get(key="course-4567"), os.replace(file_of("course-4567"), path)),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_damaged_file_is_made_again(spoil, capsys):
    get()
    spoil(file_of())
    make = Maker()
    get(make)
    get(fail)
    assert make.calls == 1
    assert capsys.readouterr().err == ""


def test_interrupted_nothing_is_kept():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(KEY, stop)
    assert names() == [f"{KEY}.hw.lock"]
    get()


def test_two_who_ask_at_once_get_what_one_made(monkeypatch, capsys):
    monkeypatch.setattr(cache, "_PATIENCE", 0.01)
    make, started, go = Maker(), threading.Event(), threading.Event()

    def slow():
        started.set()
        assert go.wait(30)
        return make()

    threads = [threading.Thread(target=get, args=(slow,))]
    threads[0].start()
    assert started.wait(30)
    threads.append(threading.Thread(target=get, args=(make,)))
    threads[1].start()
    while not (said := capsys.readouterr().err) and threads[1].is_alive():
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join(30)
    assert said == "hw: another process is making usps/train; waiting for it\n"
    assert make.calls == 1


def refuse(error):
    def refused(*_, **__):
        raise error

    return refused


# Where the folder cannot be written: what is patched, and the reason that is given.
UNUSABLE = {
    "read-only": ("FileLock.acquire", PermissionError(13, "Permission denied"), "Permission denied"),
    "no locks": ("FileLock.acquire", NotImplementedError("no flock here"), "no flock here"),
    "full": ("save_file", SafetensorError("No space left\non device"), "No space left on device"),
    "full at the end": ("os.replace", OSError(28, "No space left on device"), "No space left on device"),
    "no home": ("cache_folder", RuntimeError("Could not determine home directory."), "home directory"),
}


@pytest.mark.parametrize(("where", "error", "says"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_without_a_cache_one_line_says_so(monkeypatch, capsys, where, error, says):
    get(key="course-there")
    with monkeypatch.context() as patch:
        target = cache
        *owners, name = where.split(".")
        for owner in owners:
            target = getattr(target, owner)
        patch.setattr(target, name, refuse(error))
        make = Maker()
        for _ in range(2):
            get(make)
        assert make.calls == 2
        if where != "cache_folder":
            get(fail, key="course-there")  # what is there is used
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert says in said
    assert "HW_CACHE" in said
    assert not [name for name in names() if "part" in name or name == file_of().name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written(folder, capsys):
    get(key="course-there")
    folder.chmod(0o500)
    try:
        get()
        get(fail, key="course-there")
    finally:
        folder.chmod(0o700)
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(("named", "says"), [("file", "it is a file"), ("file/below", ""), ("~no body", "")])
def test_hw_cache_that_can_be_no_folder(tmp_path, monkeypatch, named, says):
    (tmp_path / "file").write_text("")
    named = named if named.startswith("~") else str(tmp_path / named)
    monkeypatch.setenv("HW_CACHE", named)
    for use in (get, cache_summary, clear_cache):
        with pytest.raises(WorkbookError, match="HW_CACHE: ") as caught:
            use()
        assert named in str(caught.value)
        assert says in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_without_a_home_there_is_no_cache_to_list(monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", refuse(RuntimeError("Could not determine home directory.")))
    for use in (cache_summary, clear_cache):
        with pytest.raises(WorkbookError, match="cannot be listed"):
            use()
    monkeypatch.setattr(cache, "cache_folder", refuse(FileNotFoundError(2, "No such file", "/gone/.cache")))
    with pytest.raises(WorkbookError, match=r"^the cache folder /gone/\.cache cannot be listed \(No such.*HW_CACHE"):
        cache_summary()


@pytest.mark.skipif(os.name == "nt", reason="no umask there")
def test_other_users_may_read_what_the_umask_lets_them():
    before = os.umask(0o022)
    try:
        get()
    finally:
        os.umask(before)
    assert file_of().stat().st_mode & 0o777 == 0o644


def test_the_cache_gives_up_what_was_used_longest_ago(monkeypatch):
    keys = [f"course-{i}" for i in range(4)]
    for i, key in enumerate(keys[:3]):
        get(key=key)
        os.utime(file_of(key), (1000 + i, 1000 + i))
    get(fail, key=keys[0])  # used again, so now the second is the oldest
    monkeypatch.setattr(cache, "LIMIT", 3 * file_of(keys[0]).stat().st_size)
    get(key=keys[3])
    assert [file_of(key).exists() for key in keys] == [True, False, True, True]
    assert not (cache_folder() / f"{keys[1]}.hw.lock").exists()
    monkeypatch.setattr(cache, "LIMIT", 1)
    get(key=keys[1])  # larger than the limit alone
    assert [file_of(key).exists() for key in keys] == [False, True, False, False]


def test_summary_and_clearing_touch_nothing_else(folder, capsys):
    assert cache_summary() == []
    assert clear_cache() == (0, 0)
    get()
    get(key="course-old")
    os.utime(file_of("course-old"), (1000, 1000))
    (folder / "model.safetensors").write_bytes(file_of().read_bytes())
    (folder / "x.lock").write_text("")
    fresh, stale = folder / "course-1-a.hw.part", folder / "course-2-b.hw.part"
    for part in (fresh, stale):
        part.mkdir()
        (part / "x").write_text("")
    os.utime(stale, (1000, 1000))
    size = file_of().stat().st_size
    summary = cache_summary()
    assert [(f.path, f.what, f.size) for f in summary] == [
        (file_of(), "usps/train", size),
        (file_of("course-old"), "usps/train", file_of("course-old").stat().st_size),
    ]
    assert summary[1].used == 1000
    assert main(["data", "cache"]) == 0
    head, first, _ = capsys.readouterr().out.splitlines()
    assert head == f"{folder}: 2 sets, {sum(f.size for f in summary) / 1e6:.1f} MB, the last used first"
    assert first.endswith(" MB  usps/train")
    assert clear_cache() == (2, sum(f.size for f in summary))
    get()
    assert main(["data", "cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"{folder}: 1 set deleted, {size / 1e6:.1f} MB\n"
    assert names() == ["course-1-a.hw.part", "model.safetensors", "x.lock"]
