"""Archives good and bad, made here byte by byte where no library would make such a thing."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import struct
import tarfile
import tracemalloc
import zipfile
from random import Random

import pytest

from hwlib.data import archive
from hwlib.data.archive import lying_in, members, places
from hwlib.errors import WorkbookError

FILES = {
    "b/2.png": Random(2).randbytes(3000),
    "b/1.png": Random(1).randbytes(1024),  # whole blocks of a tar
    "a.txt": b"image_name,label\n" * 50,
    "b/c/empty": b"",
}
HIDDEN = ("._a.txt", ".DS_Store", "b/._1.png", "__MACOSX/b/1.png", ".git/config")
KINDS = ("zip", "stored.zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def everything(name):
    return True


def make(path, files, kind=None):
    """Write an archive of this kind (by default, what its name ends in); files: names and contents, or pairs."""
    kind = kind or path.name.split(".", 1)[1]
    pairs = list(files.items() if isinstance(files, dict) else files)
    if kind.endswith("zip"):
        method = zipfile.ZIP_STORED if kind == "stored.zip" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as out:
            for name, content in pairs:
                out.writestr(name, content)
    else:
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as out:
            for name, content in pairs:
                if not isinstance(name, tarfile.TarInfo):
                    name = tarfile.TarInfo(name)
                    name.size = len(content)
                out.addfile(name, io.BytesIO(content))
        path.write_bytes(PACK.get(kind.removeprefix("tar."), bytes)(plain.getvalue()))
    return path


def entry(name, kind, to=""):
    """A member of a tar that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info, b""


def refused(path, *words, wanted=everything):
    with pytest.raises(WorkbookError) as error:
        list(members(path, wanted))
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: ")
    for word in words:
        assert word in said


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_its_files_in_its_order(tmp_path, kind):
    path = make(tmp_path / f"x.{kind}", FILES)
    assert list(members(path, everything)) == list(FILES.items())
    assert [name for name, _ in members(path, lambda name: name.endswith(".png"))] == ["b/2.png", "b/1.png"]
    assert os.listdir(tmp_path) == [path.name]


def test_a_folder_gives_its_files_sorted(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert list(members(tmp_path, everything)) == sorted(FILES.items())
    assert list(members(tmp_path, lambda name: name == "b/1.png")) == [("b/1.png", FILES["b/1.png"])]


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_decides_what_an_archive_is(tmp_path, kind):
    assert list(members(make(tmp_path / "archive", FILES, kind), everything)) == list(FILES.items())


def test_a_zip_at_the_end_of_a_tar_is_a_member(tmp_path):
    inside = make(tmp_path / "x.zip", FILES).read_bytes()
    assert list(members(make(tmp_path / "x.tar", {"x.zip": inside}), everything)) == [("x.zip", inside)]


@pytest.mark.parametrize("kind", KINDS)
def test_names_come_in_their_simplest_form(tmp_path, kind):
    path = make(tmp_path / f"x.{kind}", {"./a": b"1", "b//c": b"2", "./b/./d": b"3", "e..f": b"4", "ü 圖.png": b"5"})
    assert [name for name, _ in members(path, everything)] == ["a", "b/c", "b/d", "e..f", "ü 圖.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_windows(tmp_path, kind):
    files = {"a\\": b"", "a\\1": b"1", ".\\b\\c/2": b"2", "__MACOSX\\._1": b"", "d\\Thumbs.db": b"3"}
    files = files if kind.endswith("zip") else {name: files[name] for name in list(files)[1:]}
    path = make(tmp_path / f"x.{kind}", files)
    assert [name for name, _ in members(path, everything)] == ["a/1", "b/c/2", "d/Thumbs.db"]
    refused(make(path, {"a/1": b"1", "a\\1": b"2"}), "'a/1'", "is there twice")


@pytest.mark.parametrize(
    "begin", [b"Rar!\x1a\x07\x01\x00", b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c\x00\x04", b"\x28\xb5\x2f\xfd"]
)
def test_archives_of_another_kind_are_named(tmp_path, begin):
    (tmp_path / "x").write_bytes(begin + bytes(100))
    refused(tmp_path / "x", "archive" if begin[0] != 0x28 else "zstd", "is not read here; unpack it")


def test_where_things_may_lie(tmp_path):
    names = ("b.ZIP", "a/c.tar.gz", "d.rar", "e.txt", ".hidden/f.zip", "__MACOSX/g.zip")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list(places(tmp_path)) == [tmp_path, tmp_path / "a/c.tar.gz", tmp_path / "b.ZIP"]
    assert list(places(tmp_path / "b.ZIP")) == [tmp_path / "b.ZIP"]


def test_what_lies_there_is_said(tmp_path):
    assert lying_in(tmp_path) == "nothing is there"
    make(tmp_path / "x.zip", {f"{i}.txt": b"" for i in range(5)})
    assert lying_in(tmp_path / "x.zip") == "there is '0.txt', '1.txt', '2.txt' and 2 more"
    assert lying_in(tmp_path) == "and in 'x.zip' there is '0.txt', '1.txt', '2.txt' and 2 more"
    make(tmp_path / "x.zip", {"in/y.rar": b"", "note": b""})
    assert lying_in(tmp_path) == "and in 'x.zip' there is 'in/y.rar', which is not read there; unpack it"
    (tmp_path / "x.zip").rename(tmp_path / "z.7z")
    assert lying_in(tmp_path) == "there is 'z.7z', which is not read there; unpack it"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_folders_are_no_members(tmp_path, kind):
    files = [("b/", b"")] if kind == "zip" else [entry("b", tarfile.DIRTYPE), entry("./", tarfile.DIRTYPE)]
    assert list(members(make(tmp_path / f"x.{kind}", [*files, ("b/a", b"1")]), everything)) == [("b/a", b"1")]


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_hidden_files_and_those_of_macos_do_not_count(tmp_path, kind):
    files = dict.fromkeys((*HIDDEN, "a.txt"), b"1")
    path = tmp_path / f"x.{kind}"
    if kind == "folder":
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        make(path, files)
    assert list(members(path, everything)) == [("a.txt", b"1")]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_of_nothing(tmp_path, kind):
    assert list(members(make(tmp_path / f"x.{kind}", {}), everything)) == []


@pytest.mark.parametrize("wanted", [everything, lambda name: False])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "//a", "../a", "a/../../b", "a/..", "..", ".x/../a"),
        *("..\\a", "\\a", "a\\..\\..\\b", "a/..\\b", "\\\\host\\a", "C:/a", "C:\\a", "c:a"),
    ],
)
def test_a_name_that_leads_out(tmp_path, kind, name, wanted):
    path = make(tmp_path / f"x.{kind}", {"a.txt": b"", name: b"1"})
    refused(path, repr(name), "has a name that leads out of the archive", wanted=wanted)


@pytest.mark.parametrize("wanted", [everything, lambda name: False])
@pytest.mark.parametrize("to", ["/etc/passwd", "../../a", "..", "b/../../../a", "..\\a", "C:\\a"])
@pytest.mark.parametrize("kind", ["symbolic", "hard", "zip"])
def test_a_link_that_leads_out(tmp_path, kind, to, wanted):
    if kind == "zip":
        info = zipfile.ZipInfo("b/link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        path = make(tmp_path / "x.zip", [(info, to)])
    else:
        tar_type = {"symbolic": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}[kind]
        path = make(tmp_path / "x.tar", [entry("b/link", tar_type, to)])
    if kind != "hard" and to == "..":  # from b/ that is the top itself
        assert list(members(path, lambda name: False)) == []
    else:
        refused(path, "'b/link'", "is a link that leads out", wanted=wanted)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_to_another_member(tmp_path, kind):
    path = make(tmp_path / "x.tar", [("b/a", b"1"), entry("b/link", kind, "a"), ("b/z", b"2")])
    assert [name for name, _ in members(path, lambda name: name != "b/link")] == ["b/a", "b/z"]
    refused(path, "'b/link'", "is a link")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device(tmp_path, kind):
    refused(make(tmp_path / "x.tar", [entry("a", kind)]), "'a'", "is a device", wanted=lambda name: False)


def test_a_device_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("a")
    info.create_system, info.external_attr = 3, 0o020666 << 16
    refused(make(tmp_path / "x.zip", [(info, b"")]), "'a'", "is a device", wanted=lambda name: False)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_is_there_twice(tmp_path, kind):
    refused(make(tmp_path / f"x.{kind}", [("a", b"1"), ("./a", b"2")]), "'a'", "is there twice")
    refused(make(tmp_path / f"y.{kind}", [("a", b"1"), ("a", b"2")]), "'a'", "is there twice")


def patch_zip(path, offset, form, value):
    """Set a field of the first member in both its headers; offset: in the local one, 2 less than in the directory."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, offset, value)
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + offset + 2, value)
    path.write_bytes(content)


def test_an_encrypted_member(tmp_path):
    path = make(tmp_path / "x.zip", {"a": b"1", "b": b"2"})
    patch_zip(path, 6, "<H", 1)
    refused(path, "'a'", "is encrypted")
    assert list(members(path, lambda name: name == "b")) == [("b", b"2")]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 99])
def test_an_unusual_method(tmp_path, method):
    path = make(tmp_path / "x.zip", {"a": b"1"})
    patch_zip(path, 8, "<H", method)
    refused(path, "'a'", "unusual method")


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_a_member_that_is_too_large(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archive, "LARGEST", 2999)
    path = tmp_path / f"x.{kind}"
    if kind == "folder":
        path.mkdir()
        (path / "2.png").write_bytes(FILES["b/2.png"])
    else:
        make(path, FILES)
    refused(path, "2.png'", "has 3000 bytes; at most 2999 are read")
    list(members(path, lambda name: not name.endswith("2.png")))


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb(tmp_path, kind):
    path = make(tmp_path / f"x.{kind}", {"a": b"1", "zeros": bytes(4 << 20)})
    refused(path, "unpacks", wanted=lambda name: name == "zeros")
    refused(path, "unpacks", wanted=lambda name: False)


def test_a_bomb_of_many_small_members(tmp_path):
    path = make(tmp_path / "x.tar.xz", {str(i): bytes(1 << 18) for i in range(40)})
    refused(path, "unpacks")


def test_a_bomb_behind_the_end_of_a_tar(tmp_path):
    plain = make(tmp_path / "x.tar", {"a": b"1"}).read_bytes()
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(plain + bytes(8 << 20)))
    refused(path, "unpacks")


def test_a_zip_that_announces_another_size_than_it_holds(tmp_path):
    path = make(tmp_path / "x.zip", {"a": bytes(16 << 20)})
    patch_zip(path, 22, "<I", 10)
    tracemalloc.start()
    refused(path, "'a'", "is damaged")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20  # it was never unpacked whole
    tracemalloc.stop()
    path = make(tmp_path / "y.zip", {"a": b"12345"})
    patch_zip(path, 22, "<I", 10)
    refused(path, "'a'", "is damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_member(tmp_path, kind):
    path = make(tmp_path / f"x.{kind}", FILES)
    if kind == "tar":  # which has a checksum of the headers alone
        at = path.read_bytes().index(b"b/1.png")
    elif kind.endswith("zip"):
        at = path.read_bytes().index(b"b/2.png") + 1000
    else:
        at = path.stat().st_size // 2
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    refused(path, "is damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_no_cut_goes_unnoticed(tmp_path, kind):
    """Wherever an archive is cut off: one clear line, unless all of it came all the same."""
    content = make(tmp_path / f"x.{kind}", FILES).read_bytes()
    cut = tmp_path / f"cut.{kind}"
    step = 256 if kind == "tar" else 61  # ends of a tar's blocks among them
    said, unnoticed = [], []
    for length in (*range(0, len(content), step), len(content) - 1):
        cut.write_bytes(content[:length])
        try:
            got = list(members(cut, everything))
        except WorkbookError as error:
            said.append(str(error).removeprefix(f"{cut}: "))
        else:
            assert got == list(FILES.items())
            unnoticed.append(length)
    assert [line for line in said if not re.search(r"is damaged or cut off|is no folder, zip or tar", line)] == []
    # A tar is filled up with zeros after its end; whatever else is cut off is missed.
    assert all(length >= 7 * 512 + 3072 for length in unnoticed) if kind == "tar" else unnoticed == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "tar"])
def test_no_wrong_byte_changes_a_content(tmp_path, kind):
    files = {"b/2": FILES["b/2.png"][:90], "a": b"x" * 50, "c": b""}
    content = make(tmp_path / f"x.{kind}", files).read_bytes()
    bad, differ = tmp_path / "bad", []
    for at in range(0, len(content), 2):
        bad.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        with contextlib.suppress(WorkbookError):
            if list(members(bad, everything)) != list(files.items()):
                differ.append(at)
    assert differ == []


@pytest.mark.parametrize(
    "content", [b"", b"x", b"<html>" * 200, b"PK\x03\x04", Random(0).randbytes(2000), b"\x1f\x8b\x08"]
)
def test_a_file_that_is_no_archive(tmp_path, content):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    refused(path)


def test_nothing_there(tmp_path):
    refused(tmp_path / "x.zip", "cannot be read: No such file or directory")


def test_loops_of_links_in_a_folder(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/1").write_bytes(b"1")
    (tmp_path / "a/b/up").symlink_to("..")
    (tmp_path / "a/again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert list(members(tmp_path, lambda name: name != "self")) == [("a/b/1", b"1")]
    refused(tmp_path, "'self'", "cannot be read: Too many levels of symbolic links")


def test_links_in_a_folder_are_followed(tmp_path):
    (tmp_path / "far/more").mkdir(parents=True)
    (tmp_path / "far/1").write_bytes(b"1")
    (tmp_path / "far/more/2").write_bytes(b"2")
    (tmp_path / "near").mkdir()
    (tmp_path / "near/more").symlink_to("../far/more")
    (tmp_path / "near/one").symlink_to("../far/1")
    (tmp_path / "near/none").symlink_to("nowhere")
    got = list(members(tmp_path / "near", lambda name: name != "none"))
    assert got == [("more/2", b"2"), ("one", b"1")]
    refused(tmp_path / "near", "'none'", "cannot be read: No such file or directory")


def test_a_pipe_in_a_folder_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, "'pipe'", "is no regular file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "a").chmod(0)
    refused(tmp_path, "'a'", "cannot be read: Permission denied")
    refused(tmp_path / "a", "cannot be read: Permission denied")
    (tmp_path / "b").mkdir(0)
    refused(tmp_path, "cannot be read: Permission denied", wanted=lambda name: False)


@pytest.mark.parametrize("kind", KINDS)
def test_one_may_stop_in_between(tmp_path, kind):
    generator = members(make(tmp_path / f"x.{kind}", FILES), everything)
    assert next(generator)[0] == "b/2.png"
    generator.close()


def test_an_error_of_the_caller_is_not_taken_for_a_damaged_archive(tmp_path):
    def broken(name):
        raise KeyError(name)

    with pytest.raises(KeyError):
        list(members(make(tmp_path / "x.tar", FILES), broken))
