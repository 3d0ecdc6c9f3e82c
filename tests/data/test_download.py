"""Fetching, from a web server on this machine that behaves as badly as it is told to."""

import errno
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import pytest

from hwlib.data import download as downloading
from hwlib.data import transfer
from hwlib.data.download import RemoteFile, Unreachable, download
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

DATA = Random(0).randbytes(20_000)
OTHER = Random(1).randbytes(20_000)
PAGE = b"<!DOCTYPE html><title>Quota exceeded</title>"


class Server(ThreadingHTTPServer):
    """Answers each path by its list of answers, one a request, and goes on with the last."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.seen, self.sent = {}, [], []
        self.go_on = threading.Event()  # what stalls waits for this

    def url(self, path, *answers):
        self.answers[f"/{path}"] = list(answers)
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def ranges(self, path):
        return [asked for seen, asked in self.seen if seen == f"/{path}"]

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is no news


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        asked = self.headers.get("Range")
        self.server.seen.append((self.path, asked))
        answers = self.server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self, int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0)

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def body(self, data):
        self.server.sent.append(len(data))
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def whole(data=DATA, ranges=True, after=None, stall=False):
    """Send the file, or only `after` bytes of what was asked for and then hang up, or fall silent."""

    def answer(handler, start):
        if start and ranges:
            handler.head(
                206,
                Content_Length=len(data) - start,
                Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}",
            )
        else:
            start = 0
            handler.head(200, Content_Length=len(data))
        handler.body(data[start:] if after is None else data[start : start + after])
        if stall:
            handler.wfile.flush()
            handler.server.go_on.wait(60)
            handler.body(data[start + after :])

    return answer


def status(code, data=b"", **headers):
    """Answer with this status and body; headers with `_` for `-`, None leaves the length out."""

    def answer(handler, start):
        length = {"Content_Length": len(data)} | headers
        handler.head(code, **{name: value for name, value in length.items() if value is not None})
        handler.body(data)

    return answer


def chunked(data, **headers):
    def answer(handler, start):
        handler.head(200, Transfer_Encoding="chunked", **headers)
        handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

    return answer


def silent(handler, start):
    handler.server.go_on.wait(60)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Pauses of no length, small reads, and no proxy that the developer's shell names."""
    monkeypatch.setattr(transfer, "BACKOFF", 0)
    monkeypatch.setattr(transfer, "CHUNK", 1000)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", (5.0, 0.25))


def remote(*urls, data=DATA, size=True):
    return RemoteFile("set.bin", urls, hashlib.sha256(data).hexdigest(), len(data) if size else None)


def refused(file, folder, kind=WorkbookError):
    """Fetch a file that cannot be had, and return the line that says so."""
    with pytest.raises(WorkbookError) as error:
        download(file, folder)
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("set.bin: ")
    return str(error.value)


def there(folder):
    """Name the files in a folder, but for the lock."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def closed():
    """Return an address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/set.bin"


def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited for a minute")


@pytest.mark.parametrize("size", [True, False])
@pytest.mark.parametrize("answer", [whole(), chunked(DATA), status(200, DATA, Content_Length=None)])
def test_a_whole_transfer(server, tmp_path, answer, size):
    path = download(remote(server.url("a", answer), size=size), tmp_path / "new/folder")
    assert path == tmp_path / "new/folder/set.bin"
    assert path.read_bytes() == DATA
    assert there(path.parent) == ["set.bin"]
    assert server.ranges("a") == [None]


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    (tmp_path / "set.bin").write_bytes(DATA)
    assert download(remote(server.url("a", whole())), tmp_path).read_bytes() == DATA
    assert server.seen == []
    assert os.listdir(tmp_path) == ["set.bin"]  # not even a lock: the folder may be read-only


@pytest.mark.parametrize("damaged", [OTHER, DATA[:-1], b""])
@pytest.mark.parametrize("size", [True, False])
def test_a_file_that_was_damaged_is_fetched_again(server, tmp_path, damaged, size):
    (tmp_path / "set.bin").write_bytes(damaged)
    assert download(remote(server.url("a", whole()), size=size), tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("size", [True, False])
def test_a_broken_transfer_is_resumed_where_it_broke(server, tmp_path, size):
    file = remote(server.url("a", whole(after=7000), whole(after=5000), whole()), size=size)
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a") == [None, "bytes=7000-", "bytes=12000-"]
    assert server.sent == [7000, 5000, 8000]


def test_a_body_without_a_length_that_ends_early_is_resumed(server, tmp_path):
    file = remote(server.url("a", status(200, DATA[:6000], Content_Length=None), whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a") == [None, "bytes=6000-"]


@pytest.mark.parametrize("size", [True, False])
def test_a_range_may_be_answered_in_pieces(server, tmp_path, size):
    (tmp_path / "set.bin.part").write_bytes(DATA[:7000])
    piece = status(206, DATA[7000:9000], Content_Range=f"bytes 7000-8999/{len(DATA)}")
    assert download(remote(server.url("a", piece, whole()), size=size), tmp_path).read_bytes() == DATA
    assert server.ranges("a") == ["bytes=7000-", "bytes=9000-"]


def test_another_mirror_goes_on_with_what_the_first_one_gave(server, tmp_path):
    file = remote(server.url("a", whole(after=7000), status(404)), server.url("b", whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("b") == ["bytes=7000-"]


def test_a_server_that_always_breaks_off_is_given_up_and_the_beginning_kept(server, tmp_path):
    file = remote(server.url("a", whole(after=7000), whole(after=0)))
    said = refused(file, tmp_path)
    assert "broke off again and again" in said
    assert "7.00kB are kept in set.bin.part" in said
    assert server.ranges("a") == [None] + ["bytes=7000-"] * 3  # the first, and urllib3's three retries of a read
    assert (tmp_path / "set.bin.part").read_bytes() == DATA[:7000]
    server.url("a", whole())
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a")[-1] == "bytes=7000-"


def test_progress_gives_new_patience(server, tmp_path):
    file = remote(server.url("a", *[whole(after=1500)] * 12, whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert len(server.seen) == 13


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(server, tmp_path):
    said = refused(remote(server.url("a", whole(after=7000, ranges=False))), tmp_path)
    assert "broke off" in said
    assert len(server.seen) == 4  # the first one came forward, three more did not


def test_a_server_that_ignores_ranges_sends_it_all_again(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(DATA[:7000])
    assert download(remote(server.url("a", whole(ranges=False))), tmp_path).read_bytes() == DATA
    assert server.ranges("a") == ["bytes=7000-"]


@pytest.mark.parametrize(
    "answer",
    [
        status(416, Content_Range=f"bytes */{len(DATA)}"),
        status(416),
        status(206, DATA[6000:], Content_Range=f"bytes 6000-{len(DATA) - 1}/{len(DATA)}"),
        status(206, DATA[7000:]),
        status(206, DATA[7000:], Content_Range="bytes nonsense"),
    ],
)
def test_another_range_than_the_one_asked_for_begins_anew(server, tmp_path, answer):
    (tmp_path / "set.bin.part").write_bytes(DATA[:7000])
    assert download(remote(server.url("a", answer, whole())), tmp_path).read_bytes() == DATA
    assert server.ranges("a") == ["bytes=7000-", None]


@pytest.mark.parametrize("old", [OTHER[:7000], OTHER, DATA + b"more"])
@pytest.mark.parametrize("size", [True, False])
def test_a_part_of_another_file_does_not_fail_for_ever(server, tmp_path, old, size):
    answers = [whole()] if size or len(old) < len(DATA) else [status(416), whole()]
    (tmp_path / "set.bin.part").write_bytes(old)
    assert download(remote(server.url("a", *answers), size=size), tmp_path).read_bytes() == DATA
    assert server.ranges("a") == ([] if size and len(old) >= len(DATA) else [f"bytes={len(old)}-"]) + [None]
    assert there(tmp_path) == ["set.bin"]


def test_a_whole_part_needs_no_network(tmp_path):
    (tmp_path / "set.bin.part").write_bytes(DATA)
    assert download(remote(closed()), tmp_path).read_bytes() == DATA


def test_a_file_that_changed_on_the_way_begins_anew(server, tmp_path):
    file = remote(server.url("a", whole(OTHER, after=7000), whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a") == [None, "bytes=7000-", None]


@pytest.mark.parametrize("size", [True, False])
def test_a_wrong_hash_leaves_nothing_that_looks_whole(server, tmp_path, size):
    file = remote(server.url("a", whole(OTHER)), server.url("b", whole(OTHER)), size=size)
    said = refused(file, tmp_path)
    assert said.count(f"its sha256 is {hashlib.sha256(OTHER).hexdigest()[:12]}") == 2
    assert there(tmp_path) == []
    assert len(server.seen) == 2


def test_a_damaged_file_stays_when_no_other_can_be_had(server, tmp_path):
    (tmp_path / "set.bin").write_bytes(OTHER)
    assert f"the set.bin in {tmp_path} is another file" in refused(remote(server.url("a", status(404))), tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == OTHER


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(404), "answered 404 Not Found"),
        (
            status(200, PAGE, Content_Type="text/html; charset=utf-8"),
            "answered with a web page of 44 bytes instead of 20000",
        ),
        (chunked(PAGE, Content_Type="text/html"), "sent a web page instead of the file: 44 bytes instead of 20000"),
        (status(200, PAGE, Content_Type="text/html", Content_Length=None), "sent a web page instead of the file"),
        (whole(DATA[:-1]), "answered with a file of 19999 bytes instead of 20000"),
        (chunked(DATA[:-1]), "sent another file: 19999 bytes instead of 20000"),
        (whole(DATA + b"x"), "answered with a file of 20001 bytes instead of 20000"),
        (chunked(DATA * 100), "sent more than the 20000 bytes"),
        (status(204), "answered 204"),
        (status(206, DATA), "answered 206 with a range that nobody asked for"),
    ],
)
def test_the_second_mirror_after_a_first_one_that_lacks_the_file(server, tmp_path, answer, words):
    bad = server.url("a", answer)
    assert f"127.0.0.1:{server.server_port} {words}" in refused(remote(bad), tmp_path)
    assert there(tmp_path) == []
    assert download(remote(bad, server.url("b", whole())), tmp_path).read_bytes() == DATA
    assert len(server.ranges("a")) == 2  # asking again would not help


def test_a_page_does_not_spoil_what_was_there(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(DATA[:7000])
    refused(remote(server.url("a", status(200, PAGE, Content_Type="text/html"))), tmp_path)
    assert (tmp_path / "set.bin.part").read_bytes() == DATA[:7000]


def test_a_page_without_a_known_size(server, tmp_path):
    said = refused(remote(server.url("a", status(200, PAGE, Content_Type="text/html")), size=False), tmp_path)
    assert "a web page instead of the file: its sha256 is" in said
    assert there(tmp_path) == []


@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_may_pass_is_tried_again(server, tmp_path, code):
    assert download(remote(server.url("a", status(code), status(code), whole())), tmp_path).read_bytes() == DATA
    assert len(server.seen) == 3


def test_retries_have_an_end(server, tmp_path):
    file = remote(server.url("a", status(503)), server.url("b", whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert len(server.ranges("a")) == 5
    assert "answered 503" in refused(remote(file.urls[0], data=OTHER), tmp_path / "other")


def test_pauses_grow_vary_and_have_a_limit(monkeypatch, server, tmp_path):
    pauses = []
    monkeypatch.setattr(transfer, "BACKOFF", 4)
    monkeypatch.setattr("urllib3.util.retry.time", type("Time", (), {"sleep": pauses.append, "time": time.time}))
    refused(remote(server.url("a", status(500))), tmp_path)
    assert len(pauses) == 3  # the first retry comes at once
    assert 8 < pauses[0] < 12
    assert 16 < pauses[1] < 20
    assert pauses[2] == 30
    assert pauses[0] != int(pauses[0])
    pauses.clear()
    refused(remote(server.url("c", whole(after=7000), whole(after=0))), tmp_path)
    assert len(pauses) == 2
    assert 8 < pauses[0] < 12
    assert 16 < pauses[1] < 20
    pauses.clear()
    refused(remote(server.url("b", *(status(503, Retry_After=after) for after in (7, 10**6, "soon", 0)))), tmp_path)
    assert pauses[:2] == [7, 30]


@pytest.mark.parametrize("answer", [silent, whole(after=7000, stall=True)])
def test_a_server_that_stalls(server, tmp_path, impatient, answer):
    # What the first one sent before it fell silent is kept, and the second one goes on with it.
    file = remote(server.url("a", answer, silent), server.url("b", whole()))
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("b") == [None if answer is silent else "bytes=7000-"]


def test_nothing_but_silence(server, tmp_path, impatient):
    assert "nothing came for 0.25 s" in refused(remote(server.url("a", silent)), tmp_path, Unreachable)
    assert len(server.seen) == 4


def test_connection_refused_everywhere(tmp_path):
    said = refused(remote(closed(), closed()), tmp_path, Unreachable)
    assert said.count("failed (Connection refused)") == 2
    assert there(tmp_path) == []


def test_a_name_that_does_not_exist(tmp_path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    said = refused(remote("http://nowhere.invalid/set.bin"), tmp_path, Unreachable)
    assert said.endswith("nowhere.invalid failed (its name cannot be resolved)")


def test_one_answer_is_enough_not_to_blame_the_network(server, tmp_path):
    said = refused(remote(closed(), server.url("a", status(404)), closed()), tmp_path, WorkbookError)
    assert said.count("Connection refused") == 2
    assert "404" in said


def test_no_address(tmp_path):
    assert "no address" in refused(remote(), tmp_path, Unreachable)


def test_redirections(server, tmp_path):
    to = server.url("b", whole(after=7000), whole())
    assert download(remote(server.url("a", status(302, Location=to))), tmp_path).read_bytes() == DATA
    assert server.ranges("a") == server.ranges("b") == [None, "bytes=7000-"]
    url = server.url("c", status(302, Location="/c"))
    assert "Exceeded 30 redirects" in refused(remote(url, data=OTHER), tmp_path, WorkbookError)


def test_the_proxy_of_the_environment(monkeypatch, server, tmp_path):
    server.answers["http://nowhere.invalid/set.bin"] = [whole()]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    assert download(remote("http://nowhere.invalid/set.bin"), tmp_path).read_bytes() == DATA


def test_a_content_coding_changes_neither_hash_nor_size(server, tmp_path):
    # Some servers send a .gz with the header of a compressed page: the file itself is what is wanted.
    answer = status(200, DATA, Content_Encoding="gzip", Content_Type="application/x-gzip")
    assert download(remote(server.url("a", answer)), tmp_path).read_bytes() == DATA


def test_ctrl_c_leaves_the_beginning(monkeypatch, server, tmp_path):
    class Interrupted(downloading.tqdm):
        def update(self, n=1):
            self.n += n
            if self.n >= 7000:
                raise KeyboardInterrupt

    file = remote(server.url("a", whole()))
    with monkeypatch.context() as patch:
        patch.setattr(downloading, "tqdm", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            download(file, tmp_path)
    assert there(tmp_path) == ["set.bin.part"]
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a") == [None, "bytes=7000-"]


def test_two_at_once_make_one_request(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HW_PROGRESS", "lines")
    file, got = remote(server.url("a", whole(after=7000, stall=True))), []
    threads = [threading.Thread(target=lambda: got.append(download(file, tmp_path).read_bytes())) for _ in range(2)]
    for thread in threads:
        thread.start()
    output = ""

    def second_has_come_to_the_lock():
        nonlocal output
        output += capsys.readouterr().out
        return "waiting for that one" in output

    until(second_has_come_to_the_lock)
    server.go_on.set()
    for thread in threads:
        thread.join()
    assert got == [DATA, DATA]
    assert len(server.seen) == 1


# A process of its own that need not wait for torch, which the package of the data would import.
PROCESS = """
import sys, types
package = types.ModuleType("hwlib.data")
package.__path__ = [sys.argv[1] + "/hwlib/data"]
sys.modules["hwlib.data"] = package
from hwlib.data.download import RemoteFile, download
download(RemoteFile("set.bin", (sys.argv[3],), sys.argv[4]), sys.argv[2])
"""


def test_a_process_that_was_killed_is_followed_by_one_that_goes_on(server, tmp_path):
    data = Random(2).randbytes(400_000)
    file = remote(server.url("a", whole(data, after=300_000, stall=True), whole(data)), data=data)
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, ROOT, tmp_path, file.urls[0], file.sha256], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    part = tmp_path / "set.bin.part"
    until(lambda: process.poll() is not None or (part.exists() and part.stat().st_size >= 1 << 17))
    process.kill()
    process.wait()
    size = part.stat().st_size
    assert there(tmp_path) == ["set.bin.part"]
    assert download(file, tmp_path).read_bytes() == data
    assert server.ranges("a") == [None, f"bytes={size}-"]


def test_a_full_disk(monkeypatch, server, tmp_path):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() >= 7000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    def opened(path, mode):
        return io.FileIO(path) if mode == "rb" else Full(path, mode)

    file = remote(server.url("a", whole()))
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "open", opened, raising=False)
        with pytest.raises(WorkbookError, match=re.escape(f"{tmp_path / 'set.bin'}: No space left on device; ")):
            download(file, tmp_path)
    assert there(tmp_path) == ["set.bin.part"]
    assert download(file, tmp_path).read_bytes() == DATA
    assert server.ranges("a") == [None, "bytes=7000-"]


def test_a_folder_that_cannot_be_used(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbookError, match=r"file/sub: Not a directory; set\.bin is to be kept in"):
        download(remote(server.url("a", whole())), tmp_path / "file/sub")
    (tmp_path / "set.bin").mkdir()
    with pytest.raises(WorkbookError, match=r"set\.bin: Is a directory"):
        download(remote(server.url("a", whole()), size=False), tmp_path)
    assert server.seen == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_leave_to_write(server, tmp_path):
    file = remote(server.url("a", whole()))
    download(file, tmp_path / "kept")
    (tmp_path / "kept").chmod(0o500)
    assert download(file, tmp_path / "kept").read_bytes() == DATA  # nothing needs to be written
    (tmp_path / "empty").mkdir(0o500)
    with pytest.raises(WorkbookError, match="Permission denied"):
        download(file, tmp_path / "empty")


def test_headless_says_where_it_begins_and_ends(monkeypatch, capsys, server, tmp_path):
    monkeypatch.setenv("HW_PROGRESS", "lines")
    host = f"127.0.0.1:{server.server_port}"
    download(remote(server.url("a", whole())), tmp_path / "a")
    assert re.fullmatch(
        rf"set\.bin: fetching 20\.0kB from {host}\nset\.bin: 20\.0kB fetched in \d+ s, sha256 as expected\n",
        capsys.readouterr().out,
    )
    (tmp_path / "set.bin.part").write_bytes(DATA[:7000])
    download(remote(server.url("a", whole()), size=False), tmp_path)
    assert capsys.readouterr().out.startswith(f"set.bin: fetching from {host}, going on at 7.00kB\n")
    download(remote(server.url("a", whole())), tmp_path)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch, capsys, server, tmp_path):
    monkeypatch.delenv("HW_PROGRESS")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    download(remote(server.url("a", whole(after=7000), whole(ranges=False))), tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "set.bin: 100%" in captured.err
    assert "20.0k/20.0k" in captured.err
