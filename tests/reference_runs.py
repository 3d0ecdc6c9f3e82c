"""Reference runs made up from numbers, as `hw reference` would have left them; nothing is trained."""

import numpy as np
from safetensors.numpy import save_file

from hwlib.ledger import described

PAIRS = (("usps", "mnistm"), ("mnistm", "svhn"), ("svhn", "usps"))
COUNTS = {"mnist": (60000, 10000), "usps": (7291, 2007), "mnistm": (59001, 6000), "svhn": (8000, 2000)}
ENVIRONMENT = {
    "python": "3.11.9",
    "hwlib": "0.1.0",
    "revision": "0123456789ab",
    "resumed": False,
    "torch": "2.14.1",
    "device": "cpu",
    "hardware": "AMD EPYC, 2 logical cores",
    "threads": 1,
    "precision": "float32",
}
VALUES = {"source_only": 30.0, "dann": 40.0, "target_only": 95.0, "adamatch": 70.0}


def sets(pair, sha="ab"):
    """What a record says of the images of a pair."""
    return [
        {"name": name, "split": split, "count": COUNTS[name][i], "sha256": sha * 32, "stand_in": False}
        for name in pair
        for i, split in enumerate(("train", "test"))
    ]


def written(runs, config, gain=0.0, day=20, sha="ab", weights=None, metrics=None, **run):
    """Write the record of a reference run; `runs` as in `made_runs`, `gain` is added to its accuracies."""
    pair = (config.src, config.tgt)
    names = ("source_only", "dann", "target_only") if config.problem == "p3" else (config.method,)
    accuracy = {name: VALUES[name] + gain for name in names}
    params = {name: value for name, value in config.params().items() if value is not None}
    given, metrics = metrics, {"accuracy": accuracy, "source_accuracy": dict.fromkeys(names, 97.0)}
    if config.problem == "p4":
        metrics["oracle"] = {config.method: accuracy[config.method] + 1.5}
    history = [{"model": n, "step": config.steps or 900, "class_loss": 1, "domain_loss": 1} for n in names]
    arrays = {"tsne": np.zeros((4, 2)), "tsne_labels": np.zeros(4), "tsne_domain": np.zeros(4)}
    made = {
        "environment": ENVIRONMENT,
        "finished": f"2026-11-{day:02}T12:00:00+00:00",
        "seconds": {"train": 1500.0, "evaluate": 20.0, "total": 1520.0},
        "fingerprint": {"source": "feed" * 4},
        "data": {"kind": "course", "sets": sets(pair, sha)},
    }
    path = runs.write(
        params | {"runs": "/nowhere/runs"}, config.problem, given or metrics, history, arrays, **made | run
    )
    weights = weights or {"a": np.linspace(-3, 3, 64, dtype=np.float32), "n": np.array(7)}
    save_file(weights, path / "model.safetensors")
    return path


def images(config):
    return described(sets((config.src, config.tgt)))
