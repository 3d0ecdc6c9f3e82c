"""Tensors that cost time to make are made once and kept as safetensors in the user's cache folder."""

import os
import tempfile
from collections.abc import Callable

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hwlib.data.imageset import fingerprint
from hwlib.paths import cache_folder

Tensors = dict[str, torch.Tensor]


def cached(key: str, make: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Return `(images, labels, sha256)` for `key`, calling `make` for images and labels as `cached_tensors` does."""

    def both() -> tuple[Tensors, dict[str, str]]:
        images, labels = make()
        return {"images": images, "labels": labels}, {"sha256": fingerprint(images, labels)}

    tensors, metadata = cached_tensors(key, both)
    return tensors["images"], tensors["labels"], metadata["sha256"]


def cached_tensors(key: str, make: Callable[[], tuple[Tensors, dict[str, str]]]) -> tuple[Tensors, dict[str, str]]:
    """Return `(tensors, metadata)` for `key`, calling `make` only if the cache has no good file for it.

    `key` must change when anything changes that `make` depends on; it becomes a file name. Two processes that
    ask for one key at once are safe: one makes, the other waits and reads. A file that cannot be read is made
    again, so the folder may be deleted or damaged at any time.
    """
    path = cache_folder() / f"{key}.safetensors"
    if (found := _read(path)) is not None:
        return found
    with FileLock(path.with_suffix(".lock")):
        if (found := _read(path)) is not None:
            return found
        tensors, metadata = make()
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        _write(path, tensors, metadata)
    return tensors, metadata


def peek(key: str) -> tuple[int, str] | None:
    """Return the number of images and their sha256 where `cached` has made `key` already; it reads no image."""
    try:
        with safe_open(cache_folder() / f"{key}.safetensors", framework="pt") as file:
            return file.get_slice("images").get_shape()[0], file.metadata()["sha256"]
    except (OSError, RuntimeError, SafetensorError, KeyError, TypeError):
        return None


def _read(path) -> tuple[Tensors, dict[str, str]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None


def _write(path, tensors: Tensors, metadata: dict[str, str]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata=metadata)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
