"""Tiny made-up releases of the data sets, in the forms of the real ones, and a server that has them."""

import bz2
import dataclasses
import gzip
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image
from scipy.io import savemat

from hwlib.data import registry
from hwlib.names import ATTRIBUTES

COUNTS = {"usps": (6, 3), "mnist": (7, 4), "mnistm": (7, 4), "svhn": (5, 3)}


def random(seed):
    return np.random.default_rng(seed)


def usps(seed, count):
    """Values, float (count, 256) of four decimals, labels 0 to 9, and libsvm's text of both."""
    values, labels = random(seed).uniform(-1, 1, (count, 256)).round(4), random(seed).integers(0, 10, count)
    lines = []
    for row, label in zip(values, labels, strict=True):
        lines.append(" ".join([str(label + 1), *(f"{i}:{value:g}" for i, value in enumerate(row, 1))]))
    return values, labels, bz2.compress(("\n".join(lines) + "\n").encode())


def mnist(seed, count):
    """Images (count, 28, 28), labels, and the two idx files of both."""
    images = random(seed).integers(0, 256, (count, 28, 28), np.uint8)
    images[random(seed).random(images.shape) < 0.8] = 0
    labels = random(seed).integers(0, 10, count, np.uint8)

    def idx(array):
        shape = b"".join(side.to_bytes(4, "big") for side in array.shape)
        return gzip.compress(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes())

    return images, labels, idx(images), idx(labels)


def svhn(seed, count):
    """Images (count, 32, 32, 3), labels 0 to 9 with a 0 among them, and the .mat of both."""
    images = random(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)
    labels = np.arange(count, dtype=np.uint8) % 10
    file = io.BytesIO()
    upstream = np.where(labels == 0, 10, labels).astype(np.uint8)
    savemat(file, {"X": images.transpose(1, 2, 3, 0), "y": upstream[:, None]}, do_compression=True)
    return images, labels, file.getvalue()


def encoded(pixels, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def photo(seed, height=40, width=50):
    return random(seed).integers(0, 256, (height, width, 3), np.uint8)


def bsds():
    """BSDS500 as it is packed: two photographs for training, one for testing, and what else lies there."""
    base = "BSR/BSDS500/data/"
    files = {f"{base}images/train/{n}.png": encoded(photo(n)) for n in (12, 3)}
    files |= {f"{base}images/test/9.png": encoded(photo(9)), f"{base}groundTruth/train/3.mat": b"x"}
    return packed_tar(files)


def packed_tar(files):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def packed_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def face(number):
    """An aligned image: smooth, so that JPEG leaves it nearly as it is."""
    small = random(number).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((178, 218), Image.Resampling.BICUBIC))


def attributes(numbers):
    """CelebA's 40 columns, among them ours, and a row of -1 and 1 for each image."""
    columns = sorted([*ATTRIBUTES, *(f"Other_{i}" for i in range(27))])
    return columns, {n: random(n).integers(0, 2, 40) * 2 - 1 for n in numbers}


def attribute_text(numbers):
    columns, rows = attributes(numbers)
    lines = [f"{n:06d}.jpg " + " ".join(f"{value:2d}" for value in row) for n, row in rows.items()]
    return "\n".join([str(len(lines)), " ".join(columns), *lines, ""])


FACES = (1, 2, 3, 162770, 162771, 182637, 182638, 182639)


def celeba(folder, numbers=FACES, partition=True):
    """The files as the authors hand them out, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    images = {f"img_align_celeba/{n:06d}.jpg": encoded(face(n), "JPEG", quality=95) for n in numbers}
    packed_zip(folder / "img_align_celeba.zip", images)
    (folder / "list_attr_celeba.txt").write_text(attribute_text(numbers))
    if partition:
        split = {n: 0 if n <= 162770 else 1 if n <= 182637 else 2 for n in numbers}
        (folder / "list_eval_partition.txt").write_text("".join(f"{n:06d}.jpg {k}\n" for n, k in split.items()))
    return folder


def files():
    """All files of the releases, by the names that the registry has for them."""
    found = {}
    for seed, split, ours in ((1, "train", 0), (2, "test", 1)):
        found["usps.bz2" if split == "train" else "usps.t.bz2"] = usps(seed, COUNTS["usps"][ours])[-1]
        prefix = {"train": "train", "test": "t10k"}[split]
        *_, images, labels = mnist(seed, COUNTS["mnist"][ours])
        found |= {f"{prefix}-images-idx3-ubyte.gz": images, f"{prefix}-labels-idx1-ubyte.gz": labels}
        found[f"{split}_32x32.mat"] = svhn(seed, COUNTS["svhn"][ours])[-1]
    return found | {"BSR_bsds500.tgz": bsds()}


class Server(ThreadingHTTPServer):
    """Serves `content` by name, whole or from where a Range asks; `cut` says after how many bytes to hang up, once."""

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.cut, self.asked = content, {}, []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, content = self.path[1:], self.server.content.get(self.path[1:])
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        self.server.asked.append((name, start))
        if content is None:
            self.send_error(404)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start : self.server.cut.pop(name, None)])
        self.close_connection = True

    def log_message(self, *_):
        pass


def register(monkeypatch, content, url):
    """Point the registry's cards to these files at this address."""
    for name, card in registry.CARDS.items():
        ours = [
            dataclasses.replace(
                file,
                urls=(url + file.name,),
                sha256=hashlib.sha256(content[file.name]).hexdigest(),
                size=file.size and len(content[file.name]),
                content=file.content and hashlib.sha256(gzip.decompress(content[file.name])).hexdigest(),
            )
            for file in card.files
        ]
        monkeypatch.setitem(registry.CARDS, name, dataclasses.replace(card, files=tuple(ours)))
