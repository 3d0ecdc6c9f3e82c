"""Finished runs of problems 1 and 2 with random weights, and a few faces in the course layout. Nothing is trained."""

import csv
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from hwlib.config import read
from hwlib.data.source import load_sets
from hwlib.models import VAE, Discriminator, Generator
from hwlib.names import ATTRIBUTES
from hwlib.record import Record

TRAIN, TEST = 40, 20


def write_faces(folder: Path, seed: int = 0) -> Path:
    """Write smooth faces of random colours with random attributes, as the course's folder has them; returns it."""
    random = np.random.default_rng(seed)
    for split, count in (("train", TRAIN), ("test", TEST)):
        (folder / "face" / split).mkdir(parents=True, exist_ok=True)
        rows = []
        for i in range(count):
            small = Image.fromarray(random.integers(0, 256, (4, 4, 3)).astype(np.uint8))
            small.resize((64, 64), Image.Resampling.BICUBIC).save(folder / "face" / split / f"{i:05d}.png")
            rows.append([f"{i:05d}.png", *random.integers(0, 2, len(ATTRIBUTES)).astype(float)])
        with open(folder / "face" / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["image_name", *ATTRIBUTES], *rows])
    return folder


def mark_stand_ins(data: Path) -> Path:
    """Mark the faces in `data` as stand-ins for those of the course; returns it."""
    (data / "face" / "stand-in.txt").touch()
    return data


def settle(network: nn.Module, *inputs: torch.Tensor) -> None:
    """Give batch normalisation the statistics of one pass, so that faces are not all alike."""
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(*inputs)


def networks(problem: str, seed: int) -> nn.Module:
    """What a run of `problem` keeps as its weights, with random ones."""
    torch.manual_seed(seed)
    if problem == "p1":
        model = VAE()
        settle(model, torch.randn(32, 3, 64, 64))
        return model
    both = nn.ModuleDict({"generator": Generator(), "discriminator": Discriminator()})
    settle(both["generator"], torch.randn(32, 100))
    settle(both["discriminator"], torch.randn(32, 3, 64, 64))
    return both


def write_run(runs: Path, problem: str, data: Path, *, seed: int = 0, finished: str = "2026-01-01T00:00:00") -> Record:
    """Write a finished run on the faces in `data`, with what an explorer reads of it, and return it."""
    config = read(problem, {"profile": "quick", "device": "cpu", "data": str(data), "seed": seed, "runs": str(runs)})
    folder = runs / config.run_id
    folder.mkdir(parents=True)
    state = {key: tensor.contiguous() for key, tensor in networks(problem, seed).state_dict().items()}
    save_file(state, folder / "model.safetensors")
    run = {
        "schema": 1,
        "id": config.run_id,
        "problem": problem,
        "params": config.params(),
        "profile": "quick",
        "seed": seed,
        "data": {"kind": "course", "sets": [each.describe() for each in load_sets(config)]},
        "finished": f"{finished}+00:00",
    }
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return Record.load(folder)


def controls_of(widget) -> list:
    """All the controls below a widget that a person can use."""
    import ipywidgets

    from hwlib.explore.elements import Picture

    if isinstance(widget, ipywidgets.Box):
        return [control for child in widget.children for control in controls_of(child)]
    passive = (ipywidgets.HTML, ipywidgets.Image, Picture)
    return [] if isinstance(widget, passive) else [widget]


def chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
