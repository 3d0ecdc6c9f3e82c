import json
import os
import shutil
import zipfile

import pytest
import releases
import torch
from filelock import FileLock
from releases import COUNTS

from hwlib.cli import main
from hwlib.data import compact, fetch, open_source, registry
from hwlib.errors import WorkbookError

DIGITS = ("usps", "mnist", "mnistm", "svhn")


@pytest.fixture
def to(project):
    return project / "data"


def left(to):
    """What lies in `fetched/`, without the lock."""
    folder = to / "fetched"
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.exists() else []


def refused(act, lines=1):
    with pytest.raises(WorkbookError) as caught:
        act()
    text = str(caught.value)
    assert lines is None or len(text.splitlines()) == lines
    return text


def test_torchvision_has_the_files_at_the_same_addresses():
    from torchvision.datasets import MNIST, SVHN, USPS

    def urls(name):
        return {url for file in registry.CARDS[name].files for url in file.urls}

    assert {USPS.split_list[split][0] for split in ("train", "test")} == urls("usps")
    assert {SVHN.split_list[split][0] for split in ("train", "test")} == urls("svhn")
    mirror = MNIST.mirrors[0]
    assert {mirror + name for name, _ in MNIST.resources} <= urls("mnist")


def test_the_registry_is_whole():
    assert set(registry.SETS) == {"usps", "mnist", "mnistm", "svhn", "celeba"}
    for name in registry.SETS:
        files = registry.files(name)
        assert bool(files) == (name != "celeba")
        for file in files:
            assert len(file.sha256) == 64
            assert set(file.sha256) <= set("0123456789abcdef")
            assert all(url.endswith(file.name) for url in file.urls)
    assert len({file.name for name in registry.CARDS for file in registry.CARDS[name].files}) == 9
    assert [file.name for file in registry.files("mnistm", without=("bsds500",))] == [
        file.name for file in registry.files("mnist")
    ]


def test_all_digits_from_the_server_to_a_run(to, server, capsys):
    fetch.fetch(DIGITS, to)
    made = capsys.readouterr().out
    assert left(to) == sorted([*DIGITS, "downloads"])
    source = open_source("auto", "digits")
    assert (source.kind, source.root) == ("fetched", to)
    assert source.digit_names() == tuple(sorted(DIGITS))
    for name in DIGITS:
        sets = [source.digits(name, split) for split in ("train", "test")]
        assert tuple(map(len, sets)) == COUNTS[name]
        assert {each.kind for each in sets} == {"fetched"}
        assert not any(each.stand_in for each in sets)
        assert "{}: made, {} training and {} test images".format(name, *COUNTS[name]) in made
        manifest = json.loads((to / "fetched" / name / "manifest.json").read_text())
        assert [manifest["splits"][each.split]["sha256"] for each in sets] == [each.sha256 for each in sets]
        assert manifest["licence"] == registry.CARDS[name].licence
        named = [(file["name"], file["sha256"], file["size"]) for file in manifest["sources"]]
        assert named == [(f.name, f.sha256, len(server.content[f.name])) for f in registry.files(name)]
    assert manifest["seed"] is None
    assert json.loads((to / "fetched/mnistm/manifest.json").read_text())["seed"] == 0
    # What mnist and mnistm share was fetched once.
    assert len(server.asked) == len(server.content)

    before = {path: path.stat().st_mtime_ns for path in to.rglob("*.safetensors")}
    server.asked.clear()
    fetch.fetch(DIGITS, to)
    assert capsys.readouterr().out.count("there already") == 4
    assert server.asked == []
    assert {path: path.stat().st_mtime_ns for path in to.rglob("*.safetensors")} == before


def test_a_transfer_that_breaks_off_goes_on_where_it_was(to, server):
    server.cut["train_32x32.mat"] = 2000
    fetch.fetch(["svhn"], to)
    assert [start for name, start in server.asked if name == "train_32x32.mat"] == [0, 2000]
    assert len(compact.digits(to, "svhn", "train")) == COUNTS["svhn"][0]


def test_another_file_is_not_taken(to, server):
    name = "usps.t.bz2"
    server.content[name] = bytes(len(server.content[name]))
    message = refused(lambda: fetch.fetch(["usps"], to))
    assert name in message
    assert registry.CARDS["usps"].files[1].sha256 in message
    assert left(to) == ["downloads"]
    assert open_source("auto", "digits").kind == "sample"
    assert sorted(path.suffix for path in (to / "fetched/downloads").iterdir() if path.name[0] != ".") == [".bz2"]


def test_the_trouble_of_one_set_is_not_the_others(to, server, capsys):
    server.content["usps.t.bz2"] = bytes(len(server.content["usps.t.bz2"]))
    message = refused(lambda: fetch.fetch(["usps", "mnist"], to))
    assert "usps.t.bz2" in message
    assert "usps: could not be made; the others follow" in capsys.readouterr().out
    assert left(to) == ["downloads", "mnist"]


def test_a_set_that_was_renamed_is_not_taken_for_another(to, server):
    fetch.fetch(["usps"], to)
    (to / "fetched/usps").rename(to / "fetched/mnist")
    assert "is that of 'usps', so this folder was renamed" in refused(lambda: compact.digits(to, "mnist", "train"))


class Killed(BaseException):
    """As SIGKILL does it, nothing gets to tidy up."""


@pytest.mark.parametrize("when", ["second split", "manifest", "between the renames"])
def test_killed_while_building_leaves_nothing_that_looks_whole(to, server, monkeypatch, when):
    def die(*_, **__):
        raise Killed

    fetch.fetch(["mnist"], to)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        if when == "second split":
            build = fetch.digits.usps
            patch.setattr(fetch.digits, "usps", lambda at, split: die() if split == "test" else build(at, split))
        elif when == "manifest":
            patch.setattr(compact.json, "dumps", die)
        else:
            rename = os.rename
            patch.setattr(compact.os, "rename", lambda a, b: die() if b.name == "usps" else rename(a, b))
        with pytest.raises(Killed):
            fetch.fetch(["usps"], to)
    assert ".usps.part" in left(to)
    assert open_source("auto", "digits").digit_names() == ("mnist",)
    fetch.fetch(["usps"], to)
    assert left(to) == ["downloads", "mnist", "usps"]
    assert len(compact.digits(to, "usps", "test")) == COUNTS["usps"][1]


def test_killed_while_replacing_the_old_set_goes_or_stays_whole(to, server, monkeypatch):
    fetch.fetch(["usps"], to)
    rename = os.rename

    def die(old, new):
        if new.name == "usps":
            raise Killed
        rename(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(compact.os, "rename", die)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            fetch.fetch(["usps"], to, force=True)
    assert open_source("auto", "digits").kind == "sample"
    fetch.fetch(["usps"], to)
    assert left(to) == ["downloads", "usps"]


def test_ctrl_c_leaves_no_neighbour(to, server, monkeypatch, capsys):
    monkeypatch.setattr(fetch.digits, "usps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["data", "fetch", "usps", "--to", str(to)]) == 130
    assert "what was fetched is kept, and the same command goes on" in capsys.readouterr().err
    assert left(to) == ["downloads"]


def test_what_is_damaged_or_forced_is_made_anew(to, server, capsys):
    fetch.fetch(["usps"], to)
    path = to / "fetched/usps/test.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    fetch.fetch(["usps"], to)
    assert "not whole; it is made anew" in capsys.readouterr().out
    first = compact.verify(to / "fetched/usps")
    fetch.fetch(["usps"], to, force=True)
    assert "made, 6 training" in capsys.readouterr().out
    assert compact.verify(to / "fetched/usps")["splits"] == first["splits"]


def test_clean_removes_the_downloads_alone(to, server):
    fetch.fetch(["usps"], to, clean=True)
    assert left(to) == ["usps"]


def test_without_a_name_the_course_s_digits(to, server, capsys):
    assert main(["data", "fetch"]) == 0  # to data/ of the project
    assert left(to) == ["downloads", "mnistm", "svhn", "usps"]
    assert "HW_DATA" not in capsys.readouterr().out


def test_where_runs_do_not_look_is_said(to, server, monkeypatch, capsys, tmp_path):
    fetch.fetch(["usps"], tmp_path / "other")
    assert f"runs take these with `HW_DATA={tmp_path / 'other'}`" in capsys.readouterr().out
    monkeypatch.setenv("HW_DATA", str(tmp_path / "other"))
    fetch.fetch(["usps"], tmp_path / "other")
    assert "HW_DATA" not in capsys.readouterr().out


def test_one_at_a_time(to, server):
    (to / "fetched").mkdir(parents=True)
    with FileLock(to / "fetched/.lock"):
        assert "another process" in refused(lambda: fetch.fetch(["usps"], to))
    assert left(to) == []


def by_hand(to, content, *names):
    folder = to / "fetched/downloads"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content[name])


def test_offline(to, server, capsys):
    content = server.content
    server.close()
    by_hand(to, content, "usps.bz2", "usps.t.bz2", "train-images-idx3-ubyte.gz")
    assert main(["data", "fetch", "usps", "mnist", "svhn", "--to", str(to)]) == 2
    out, err = capsys.readouterr()
    assert "usps: made" in out
    lines = err.splitlines()
    assert lines[0].startswith("hw: without a network mnist and svhn cannot be made")
    assert str(to / "fetched/downloads") in lines[0]
    missing = [*registry.CARDS["mnist"].files[1:], *registry.CARDS["svhn"].files]
    assert len(lines) == 1 + 2 * len(missing)
    for file in missing:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"  {file.name}"))
        assert file.sha256 in lines[at]
        assert lines[at + 1].strip() == file.urls[0]
    assert "train-images" not in err
    assert left(to) == ["downloads", "usps"]

    # A file of that name that is another one is said, and not used.
    by_hand(to, content, *(file.name for file in missing))
    (to / "fetched/downloads/test_32x32.mat").write_bytes(b"a page that asks to log in")
    assert main(["data", "fetch", "mnist", "svhn", "--to", str(to)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "svhn cannot" in lines[0]
    assert len(lines) == 4
    assert "test_32x32.mat, which is there already, is another file" in lines[1]

    by_hand(to, content, "test_32x32.mat")
    assert main(["data", "fetch", "mnist", "svhn", "--to", str(to)]) == 0
    assert left(to) == ["downloads", "mnist", "svhn", "usps"]


def test_celeba_is_never_fetched(to, server, capsys):
    assert main(["data", "fetch", "usps", "celeba", "--to", str(to)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("hw: celeba: its files lie on Google Drive")
    assert "--from" in err
    assert left(to) == []
    assert server.asked == []


def test_celeba_from_ones_own_copy(to, server, tmp_path, capsys):
    mine = releases.celeba(tmp_path / "mine")
    assert main(["data", "fetch", "celeba", "--from", str(mine), "--to", str(to)]) == 0
    assert server.asked == []
    out = capsys.readouterr().out
    assert "celeba: made, 4 training and 2 test images" in out
    assert "train: 4 images, as many as there are; the course has 40000" in out
    assert "told from" not in out
    source = open_source("auto", "faces")
    train, test = source.faces("train"), source.faces("test")
    assert (train.name, train.title, train.kind, len(train), len(test)) == ("face", "face", "fetched", 4, 2)
    assert train.images.shape == (4, 3, 64, 64)
    assert open_source("auto", "digits").kind == "sample"
    manifest = compact.manifest(to / "fetched/celeba")
    assert [file["name"] for file in manifest["sources"]] == [
        "img_align_celeba.zip",
        "list_attr_celeba.txt",
        "list_eval_partition.txt",
    ]
    assert all(len(file["sha256"]) == 64 for file in manifest["sources"])


def test_a_copy_with_holes_says_so(to, server, tmp_path, capsys):
    mine = releases.celeba(tmp_path / "mine")
    with zipfile.ZipFile(mine / "img_align_celeba.zip") as whole:
        content = {name: whole.read(name) for name in whole.namelist() if name.endswith(".jpg")}
    content.popitem()
    with zipfile.ZipFile(mine / "img_align_celeba.zip", "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    fetch.fetch(["celeba"], to, own=mine)
    assert "1 rows of list_attr_celeba have no image here" in capsys.readouterr().out
    found = compact.manifest(to / "fetched/celeba")
    counts = [found["splits"][split]["count"] for split in ("train", "test")]
    assert found["method"].startswith(f"the first {counts[0]} that are there of the official training partition")
    fetch.fetch(["celeba"], to, own=mine)
    assert f"{mine} was not looked at, --force makes the set anew" in capsys.readouterr().out


def test_photographs_of_ones_own(to, server, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    for n in (1, 2):
        (tmp_path / f"mine/{n}.png").write_bytes(releases.encoded(releases.photo(n)))
    fetch.fetch(["mnistm"], to, photos=tmp_path / "mine")
    assert "BSR_bsds500.tgz" not in [name for name, _ in server.asked]
    assert "2 photographs of mine" in capsys.readouterr().out
    mine = compact.digits(to, "mnistm", "train")
    fetch.fetch(["mnistm"], to, force=True)
    assert not torch.equal(mine.images, compact.digits(to, "mnistm", "train").images)
    assert "2 photographs of BSDS500 (training)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("uspz", "there is no data set 'uspz' to fetch; there are usps, mnist"),
        ("bsds500", "there is no data set 'bsds500'"),
        ("usps --from {mine}", "--from: {mine} holds nothing of usps"),
        ("usps --photos {mine}", "--photos: only mnistm is made from it"),
        ("celeba --from {mine}/gone", "--from: {mine}/gone does not exist"),
        ("celeba --from {mine}", "holds no CelebA images"),
        ("mnistm --photos {mine}", "holds no photographs"),
    ],
)
def test_bad_input(to, server, tmp_path, capsys, arguments, says):
    mine = tmp_path / "mine"
    mine.mkdir()
    assert main(["data", "fetch", *arguments.format(mine=mine).split(), "--to", str(to)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says.format(mine=mine) in err
    assert "downloads" in left(to) or left(to) == []


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["data", "fetch", "usps", "--to", str(tmp_path / "file")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err
