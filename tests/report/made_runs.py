"""Runs made up from numbers, in the form that `hwlib.record` writes; nothing is trained and no image is loaded."""

import csv
import json
from pathlib import Path

import nbformat
import numpy as np

from hwlib.config import read
from hwlib.report.words import split

SETS = {
    "p1": ("faces",),
    "p2": ("faces",),
}
PAIRS = (("usps", "mnistm"), ("mnistm", "svhn"), ("svhn", "usps"))
DANN = {
    PAIRS[0]: {"source_only": 41.20, "dann": 55.10, "target_only": 95.10},
    PAIRS[1]: {"source_only": 30.15, "dann": 28.40, "target_only": 80.00},
    PAIRS[2]: {"source_only": 60.00, "dann": 71.35, "target_only": 96.25},
}
UDA = {PAIRS[0]: 58.2, PAIRS[1]: 33.1, PAIRS[2]: 69.4}


MODELS = {
    "p1": "VAE(\n)\nVAE: 3,513,094 parameters\n",
    "p2": "Generator(\n)\nGenerator: 3,576,704 parameters\n\nD(\n)\nDiscriminator: 2,765,696 parameters\n",
    "p3": "DANN(\n)\nDANN: 257,254 parameters\n",
    "p4": "ResNet34DANN(\n)\nResNet34DANN: 24,289,446 parameters\n",
}


class Runs:
    """Writes runs into `folder`; keyword arguments replace parts of `run.json` or parameters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.random = np.random.default_rng(0)

    def write(self, params, problem, metrics, history, arrays, *, stand_in=True, kind="sample", model=None, **run):
        config = read(problem, {"profile": "quick", "device": "cpu", **params})
        names = SETS.get(problem) or (config.src, config.tgt)
        sets = [
            {"name": n, "split": s, "count": 1797, "sha256": "ab12" * 16, "stand_in": stand_in}
            for n in names
            for s in ("train", "test")
        ]
        path = self.folder / config.run_id
        path.mkdir(parents=True, exist_ok=True)
        content = {
            "schema": 1,
            "id": config.run_id,
            "problem": problem,
            "params": config.params(),
            "profile": config.profile,
            "seed": config.seed,
            "selection": "last",
            "data": {"kind": kind, "sets": sets},
            "metrics": metrics,
            "environment": {"python": "3.12.3", "hwlib": "0.1.0", "revision": None, "torch": "2.13.0", "device": "cpu"},
            "seconds": {"train": 61.5, "evaluate": 7.25, "total": 70.0},
            "fingerprint": {},
            "finished": "2026-11-23T12:00:00+00:00",
        } | run
        (path / "run.json").write_text(json.dumps(content), encoding="utf-8")
        with open(path / "history.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, history[0], restval="")
            writer.writeheader()
            writer.writerows(history)
        np.savez_compressed(path / "arrays.npz", **arrays)
        (path / "model.txt").write_text(model or MODELS[problem], encoding="utf-8")
        return path

    def faces(self, n: int, spread: int = 60) -> np.ndarray:
        """Smooth coloured blobs, (n, 3, 64, 64) uint8."""
        small = self.random.integers(128 - spread, 128 + spread, (n, 3, 8, 8))
        return np.repeat(np.repeat(small, 8, axis=2), 8, axis=3).astype(np.uint8)

    def p1(self, *, falling=True, seed=0, metrics=None, params=None, **run):
        order = np.linspace(0, 1, 20) if falling else np.linspace(1, 0, 20)
        history = [
            {
                "step": 25 * (i + 1),
                "epoch": i + 1,
                "loss": 300 - 200 * x,
                "reconstruction": 0.08 - 0.06 * x,
                "kl": 5 + 40 * x,
            }
            for i, x in enumerate(order)
        ]
        measured = {
            "test_mse": 0.0211,
            "test_kl": 44.3,
            "table_mse": [0.01 + 0.002 * i for i in range(10)],
            "frechet_distance": 31.5,
            "kernel_distance": 0.21,
        }
        arrays = {
            "originals": self.faces(10),
            "reconstructions": self.faces(10),
            "faces": self.faces(32, 30),
            "interpolation": self.faces(8, 30),
            "tsne": self.random.normal(size=(200, 2)).astype(np.float32),
            "tsne_labels": self.random.integers(0, 2, (200, 13)).astype(np.uint8),
        }
        params = {"seed": seed, **(params or {})}
        return self.write(params, "p1", measured | (metrics or {}), history, arrays, **run)

    def p2(self, *, seed=0, metrics=None, **run):
        history = [
            {
                "step": 25 * (i + 1),
                "epoch": i + 1,
                "discriminator_loss": 1.2 - 0.02 * i,
                "generator_loss": 0.9 + 0.05 * i,
                "discriminator_real": 0.55 + 0.01 * i,
                "discriminator_fake": 0.45 - 0.01 * i,
            }
            for i in range(20)
        ]
        measured = {
            "discriminator_real": 0.58,
            "discriminator_fake": 0.41,
            "seconds_per_epoch": 4.2,
            "frechet_distance": 24.1,
            "kernel_distance": 0.15,
        }
        arrays = {"faces": self.faces(32, 90), "interpolation": self.faces(8, 90)}
        return self.write({"seed": seed}, "p2", measured | (metrics or {}), history, arrays, **run)

    def adaptation(self, problem, pair, accuracy, params, *, older=False, metrics=None, **run):
        """`older`: as records were before predictions were kept on the way and errors and distances measured."""
        history = [
            {
                "model": model,
                "step": 25 * (i + 1),
                "epoch": i + 1,
                "class_loss": 2.3 / (i + 1),
                "domain_loss": "" if model.endswith("only") else 0.69,
                "domain_accuracy": "" if model.endswith("only") else 60,
            }
            | ({"mask_rate": 8 * i, "agreement": 50 + 4 * i} if model == "adamatch" else {})
            for model in accuracy
            for i in range(10)
        ]
        confusion = 20 * np.eye(10, dtype=int)
        confusion[4, 9] = 7
        arrays = {f"confusion_{model}": confusion for model in accuracy} | {
            "tsne": self.random.normal(size=(300, 2)).astype(np.float32),
            "tsne_labels": self.random.integers(0, 10, 300),
            "tsne_domain": self.random.integers(0, 2, 300),
        }
        measured = {"accuracy": accuracy, "source_accuracy": dict.fromkeys(accuracy, 97.0)}
        if not older:
            arrays |= self.watched(accuracy)
            arrays |= {"tsne_before": self.random.normal(size=(300, 2)).astype(np.float32)} if problem == "p3" else {}
            measured["oracle"] = {model: value + 1.5 for model, value in accuracy.items()}
            measured["proxy_a_distance"] = {"before": 1.9, "after": 1.25} if problem == "p3" else {"after": 1.25}
        params = {"src": pair[0], "tgt": pair[1], **params}
        return self.write(params, problem, measured | (metrics or {}), history, arrays, **run)

    def watched(self, accuracy):
        """Accuracies at four steps, the last of them the reported one, and twelve errors."""
        curves = {f"target_accuracy_{m}": [10.0, value / 2, value + 1.5, value] for m, value in accuracy.items()}
        return (
            curves
            | {f"observed_at_{model}": [60, 120, 180, 250] for model in accuracy}
            | {
                "wrong_images": self.random.integers(0, 256, (12, 3, 28, 28)).astype(np.uint8),
                "wrong_predicted": np.arange(12) % 10,
                "wrong_true": np.arange(1, 13) % 10,
                "wrong_confidence": np.linspace(0.999, 0.9, 12, dtype=np.float32),
            }
        )

    def p3(self, pair=PAIRS[0], accuracy=None, *, seed=0, params=None, **run):
        return self.adaptation("p3", pair, accuracy or DANN[pair], {"seed": seed, **(params or {})}, **run)

    def p4(self, pair=PAIRS[0], value=None, *, seed=0, method="dann_resnet34", params=None, **run):
        accuracy = {method: UDA[pair] if value is None else value}
        return self.adaptation("p4", pair, accuracy, {"seed": seed, "method": method, **(params or {})}, **run)

    def everything(self):
        self.p1()
        self.p2()
        for pair in PAIRS:
            self.p3(pair)
            self.p4(pair)


def notebook(problem: str, artefacts) -> nbformat.NotebookNode:
    """Title pair, versions, parameters, a pair with math before each artefact's cell, record cell."""
    new = nbformat.v4
    cells = [
        new.new_markdown_cell(f"# 題目 {problem}\n\n說明。", metadata={"tags": ["lang:zh"]}),
        new.new_markdown_cell(f"# Title of {problem}\n\nA claim.", metadata={"tags": ["lang:en"]}),
        new.new_code_cell("VERSIONS", metadata={"tags": ["versions"]}),
        new.new_code_cell("PARAMETERS = 1", metadata={"tags": ["parameters"]}),
        new.new_code_cell("# Parameters\nINJECTED = 2", metadata={"tags": ["injected-parameters"]}),
        new.new_code_cell(
            "model = train()", outputs=[new.new_output("stream", text="epoch 1\repoch 2\n<b>done</b>\n")]
        ),
    ]
    for name in artefacts:
        number = split(name)[1].rstrip("bc")
        cells += [
            new.new_markdown_cell(f"## {number} 小節 {name}\n\n損失為 $x^2$。", metadata={"tags": ["lang:zh"]}),
            new.new_markdown_cell(
                f"## {number} Part {name}\n\nLoss is $$\\frac{{1}}{{2}}$$", metadata={"tags": ["lang:en"]}
            ),
            new.new_code_cell(f"show('{name}')", metadata={"tags": [name]}),
        ]
    return new.new_notebook(cells=[*cells, new.new_code_cell("RECORD", metadata={"tags": ["record"]})])
