"""Finished runs of problems 3 and 4 with random weights, over a few digits drawn here; nothing is trained."""

import csv
import json

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from hwlib.config import read
from hwlib.data.source import load_sets
from hwlib.evaluation.embedding import subset
from hwlib.models import DANN
from hwlib.training.methods import build_model

COUNT = 64
GREY = ("usps", "mnist")


def course(folder, *names, seed=0):
    """Write digit sets in the course layout: COUNT images of noise a split, labels in turn."""
    random = np.random.default_rng(seed)
    for name in names:
        shape = (28, 28) if name in GREY else (28, 28, 3)
        for split in ("train", "test"):
            place = folder / "digits" / name / split
            place.mkdir(parents=True, exist_ok=True)
            with open(place.with_suffix(".csv"), "w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(("image_name", "label"))
                for i in range(COUNT):
                    Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(place / f"{i:05}.png")
                    rows.writerow((f"{i:05}.png", i % 10))
    return folder


def network(build, seed):
    """A network with random weights, and batch statistics under which it does not say one digit of everything."""
    torch.manual_seed(seed)
    model = build()
    with torch.no_grad():
        model(torch.rand(COUNT, 3, 28, 28) * 2 - 1)
        for module in model.modules():
            if isinstance(module, torch.nn.Linear) and module.out_features == 10:
                module.weight *= 8
    return model.eval()


def run(runs, data, problem, src="usps", tgt="mnistm", *, seed=0, day=1, points=100, **params):
    """Write a record of `problem` with random weights and a map of random points; returns its folder."""
    given = {"profile": "smoke", "data": str(data), "device": "cpu", "src": src, "tgt": tgt, "seed": seed}
    config = read(problem, given | {"tsne_points": points, "runs": str(runs)} | params)
    sets = load_sets(config)
    folder = runs / config.run_id
    folder.mkdir(parents=True)
    names = ("source_only", "dann", "target_only") if problem == "p3" else ("model",)
    for i, name in enumerate(names):
        build = DANN if problem == "p3" else lambda: build_model(config)
        save_file(network(build, 10 * seed + i).state_dict(), folder / f"{name}.safetensors")
    random, tests = np.random.default_rng(seed), (sets[1], sets[3])
    drawn = [subset(len(test), config.tsne_points // 2, config.seed) for test in tests]
    labels = [test.labels.numpy()[each] for test, each in zip(tests, drawn, strict=True)]
    count = sum(map(len, drawn))
    arrays = {
        "tsne": random.normal(size=(count, 2)).astype(np.float32),
        "tsne_labels": np.concatenate(labels),
        "tsne_domain": np.repeat([0, 1], [len(each) for each in drawn]),
    }
    if problem == "p3":
        arrays["tsne_before"] = random.normal(size=(count, 2)).astype(np.float32)
    np.savez(folder / "arrays.npz", **arrays)
    record = {
        "schema": 1,
        "id": config.run_id,
        "problem": problem,
        "params": config.params(),
        "profile": config.profile,
        "seed": seed,
        "data": {"kind": "course", "sets": [each.describe() for each in sets]},
        "metrics": {},
        "finished": f"2026-11-{day:02}T12:00:00+00:00",
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
