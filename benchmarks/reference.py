"""The reference: a plain step fed by a DataLoader, two workers of which open one image at a time with PIL."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks import plain
from benchmarks.problems import PROBLEMS

WORKERS = 2


class Folder(Dataset):
    """The training images of one set in a course folder, float32 (3, H, W) in [-1, 1], each with a whole number."""

    def __init__(self, base: Path) -> None:
        self.images = base / "train"
        with (base / "train.csv").open(newline="", encoding="utf-8-sig") as table:
            rows = list(csv.DictReader(table, skipinitialspace=True))
        column = "label" if "label" in rows[0] else "Male"
        self.rows = [(row["image_name"].strip(), int(float(row[column]))) for row in rows]
        half = (0.5, 0.5, 0.5)
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        name, number = self.rows[index]
        return self.transform(Image.open(self.images / name).convert("RGB")), number


class Reference:
    """`advance(n)` makes n training steps and reads the loss after each, as the references do to print it."""

    def __init__(self, name: str, data: Path, batch_size: int, device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        self.training = plain.build(name, device)
        folders = [Folder(data / ("face" if each == "face" else f"digits/{each}")) for each in PROBLEMS[name].sets]
        self.loaders = [
            DataLoader(folder, batch_size, shuffle=True, num_workers=WORKERS, drop_last=True) for folder in folders
        ]
        self.streams = [_endless(loader) for loader in self.loaders]

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            (images, numbers), *others = [next(stream) for stream in self.streams]
            batch = [images, numbers, *(images for images, _ in others)] if others else [images]
            self.training.step(*(tensor.to(self.device) for tensor in batch)).item()

    def row(self) -> None:
        """Nothing is left to read: each step has waited for its loss."""


def _endless(loader: DataLoader) -> Iterator[list[torch.Tensor]]:
    return itertools.chain.from_iterable(itertools.repeat(loader))
