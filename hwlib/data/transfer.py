"""One file from one web server into a `.part`, over as many requests as it takes."""

import hashlib
import re
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.util.retry import Retry

from hwlib import __version__

TIMEOUT = (10.0, 30.0)
"""Seconds that a server may take to be reached, and to send anything further."""

BACKOFF = 1.0
"""Unit of the pauses, in seconds: about 0, 2, 4, 8 of it, and chance adds up to one to each but the first."""

LONGEST = 30.0
"""Seconds that a pause lasts at most, whatever the server asks for."""

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the same request may do better."""

CHUNK = 1 << 16
"""Bytes read at a time, and what an attempt must add to be counted as going forward."""


class Failed(Exception):
    """Why a server is given up, to be read after its name; `answered` tells whether it sent anything."""

    def __init__(self, words: str, answered: bool = True):
        super().__init__(words)
        self.answered = answered


class _Wrong(Failed):
    """What was received is not the file; `fresh` tells whether all of it came in this one answer."""

    def __init__(self, words: str, fresh: bool):
        super().__init__(words)
        self.fresh = fresh


class _Patience(Retry):
    """urllib3's retries, with a limit to what a server may ask for."""

    def get_retry_after(self, response) -> float | None:
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if asked is None else min(asked, LONGEST)


def _patience() -> _Patience:
    # Little of it for what cannot be reached: without a network nobody wants to wait long to hear so.
    pauses = {"backoff_factor": BACKOFF, "backoff_jitter": BACKOFF, "backoff_max": LONGEST}
    return _Patience(4, connect=2, read=3, other=1, status_forcelist=TRANSIENT, raise_on_status=False, **pauses)


def open_session() -> requests.Session:
    """Return a session that retries what fails before an answer begins; `transfer` does it for what breaks later."""
    session = requests.Session()
    # A server that compresses on the way would send other bytes than those that the hash and the offsets are of.
    session.headers.update({"User-Agent": f"hwlib/{__version__}", "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=_patience()))
    return session


def transfer(session: requests.Session, url: str, part: Path, sha256: str, size: int | None, bar: tqdm) -> None:
    """Make `part` the file with this sha256 and size, going on with what it holds; `Failed` when the server cannot.

    A `part` that only lacks something is kept then, one that is wrong is gone. OSErrors are those of the disk.
    """
    patience, furthest = _patience(), sha256_and_size(part)[1]
    while True:
        try:
            return _attempt(session, url, part, sha256, size, bar)
        except _Wrong as error:
            part.unlink(missing_ok=True)
            if error.fresh:
                raise
            # What was there before may be to blame, or the file changed on the way: once more from the beginning.
        except HTTPError as error:  # the answer broke off
            there = sha256_and_size(part)[1]
            if there >= furthest + CHUNK:
                patience, furthest = _patience(), there
            try:
                patience = patience.increment("GET", url, error=error)
            except MaxRetryError:
                raise Failed(f"broke off again and again ({_reason(error)})") from None
            patience.sleep()


def _attempt(session: requests.Session, url: str, part: Path, sha256: str, size: int | None, bar: tqdm) -> None:
    """Ask once for what `part` lacks and append it; raises urllib3's HTTPError when the answer breaks off."""
    digest, start = sha256_and_size(part)
    if start and digest.hexdigest() == sha256:  # stopped between the last byte and the renaming
        return
    if size is not None and start >= size:
        raise _Wrong("sent another file", fresh=False)
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.RequestException, HTTPError) as error:
        raise Failed(f"failed ({_reason(error)})", isinstance(error, requests.TooManyRedirects)) from None
    with response:
        whole, first = _announced(response)
        page = "text/html" in response.headers.get("Content-Type", "")
        if response.status_code not in (200, 206, 416):
            raise Failed(f"answered {response.status_code} {response.reason or ''}".strip())
        if None not in (size, whole) and whole != size:
            raise Failed(f"answered with a {'web page' if page else 'file'} of {whole} bytes instead of {size}")
        if response.status_code == 200 and start:  # a server that knows no ranges sends everything
            digest, start = hashlib.sha256(), 0
        elif first != start:
            raise _Wrong(f"answered {response.status_code} with a range that nobody asked for", fresh=start == 0)
        what = "a web page instead of the file" if page else "another file"
        size = whole if size is None else size
        done = _append(response, part, start, size, digest, bar)
        if size is not None and done < size:
            # A chunked answer has a mark at its end, and no page grows into the file: nothing to go on with.
            if page or (start == 0 and response.raw.chunked):
                raise _Wrong(f"sent {what}: {done} bytes instead of {size}", fresh=start == 0)
            raise ProtocolError(f"it ended after {done} of {size} bytes")
    if digest.hexdigest() != sha256:
        raise _Wrong(f"sent {what}: its sha256 is {digest.hexdigest()[:12]}…, not {sha256[:12]}…", fresh=start == 0)


def _append(response: requests.Response, part: Path, start: int, size: int | None, digest, bar: tqdm) -> int:
    """Write the body behind the first `start` bytes of `part`, into `digest` too, and return the new length."""
    done = bar.n = bar.initial = bar.last_print_n = start
    bar.refresh()
    with open(part, "ab" if start else "wb") as out:
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            done += len(chunk)
            if size is not None and done > size:
                raise _Wrong(f"sent more than the {size} bytes of the file", fresh=start == 0)
            out.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    return done


def _announced(response: requests.Response) -> tuple[int | None, int | None]:
    """Return the length that the whole file has by the headers, and where in it the body begins."""
    if response.status_code == 200:
        length = re.fullmatch(r"\d{1,18}", response.headers.get("Content-Length", ""))
        return int(length[0]) if length else None, 0
    found = re.fullmatch(r"bytes (?:(\d{1,18})-\d+|\*)/(?:(\d{1,18})|\*)", response.headers.get("Content-Range", ""))
    first, whole = found.groups() if found else (None, None)
    return None if whole is None else int(whole), None if first is None else int(first)


def sha256_and_size(path: Path) -> tuple["hashlib._Hash", int]:
    """Return the digest so far of a file, to be updated with what follows, and its length; of none, the empty one."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256"), file.tell()
    except FileNotFoundError:
        return hashlib.sha256(), 0


def _reason(error: BaseException) -> str:
    """Say why, in the words of the system where it has some; requests and urllib3 wrap those several times."""
    last: BaseException | None = error
    while last is not None:
        error = last
        if isinstance(error, NameResolutionError):
            return "its name cannot be resolved"
        if isinstance(error, ReadTimeoutError):
            return f"nothing came for {TIMEOUT[1]:g} s"
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            return f"not reached within {TIMEOUT[0]:g} s"
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException) and error.strerror:
            return error.strerror
        inside = (getattr(error, "reason", None), getattr(error, "original_error", None), *reversed(error.args))
        last = next((each for each in inside if isinstance(each, Exception)), error.__cause__)
    return " ".join(str(error).split())
