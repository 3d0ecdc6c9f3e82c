"""What watching costs: train each problem with and without Lab's live view, in a kernel as Lab starts it.

    python -m benchmarks.live

Trainings of the quick profile on the sample, each of about `--seconds`, in rounds of one with and one without the
view; the first of a round takes turns. The share is that of the medians' difference, by the clock, which also has what
the machine does meanwhile, and in CPU seconds of the kernel. All that a view does counts, its last picture too, which
a training of a few seconds feels more than one of minutes; what the first view of a kernel loads is paid before.
Nobody but a client that reads the messages is connected: what a browser does with them takes another process's time.
"""

import argparse
import ast
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import write
from benchmarks.show import positive
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

ROUNDS = 3
TRAININGS = ("vae", "gan", "dann", "adamatch")
"""One for each problem."""
GOAL = 2.0
"""Percent of the training time that a view may take."""
HEAD = f"{'training':<10}{'steps':>7}{'without s':>11}{'with s':>9}{'share %':>9}{'CPU s':>9}{'with':>9}{'share %':>9}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 when the kernel could not do it."""
    parser = argparse.ArgumentParser(
        prog="live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=positive, default=20.0, help="of each training, about (default: 20)")
    parser.add_argument("--only", choices=TRAININGS, metavar="NAME", help=f"one of {', '.join(TRAININGS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out", help="where live.json goes")
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(TRAININGS)
    try:
        with Kernel() as kernel:
            environment = kernel.call("environment")
            print(f"{environment['hardware']}; {environment['device']}, {environment['threads']} threads\n{HEAD}")
            rows = []
            for name in names:
                rows.append(measure(name, options.seconds, kernel.call))
                print(line(rows[-1]), flush=True)
    except WorkbookError as error:
        print(f"live: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("live: stopped", file=sys.stderr)
        return 130
    write({"environment": environment, "goal_percent": GOAL, "results": rows}, options.out / "live.json")
    return 0


def measure(name: str, seconds: float, call: Callable[..., Any]) -> dict[str, Any]:
    """Return one entry of `results`, from what `call` says of trainings."""
    call("train", name, 20, True)  # the first is slower
    probe = call("train", name, 20, False)
    steps = max(20, round(seconds / probe["s"] * 20))
    rounds: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    for i in range(ROUNDS):
        for side in ("without", "with") if i % 2 == 0 else ("with", "without"):
            rounds[side].append(call("train", name, steps, side == "with"))
    row = {"training": name, "steps": steps}
    for unit in ("s", "cpu_s"):
        without, shown = (statistics.median(each[unit] for each in rounds[side]) for side in ("without", "with"))
        row |= {
            f"without_{unit}": round(without, 3),
            f"with_{unit}": round(shown, 3),
            f"share_{unit}_percent": round(100 * (shown - without) / without, 2),
        }
    return row | {"rounds": rounds}


def line(row: dict[str, Any]) -> str:
    def side(unit: str, width: int) -> str:
        share = row[f"share_{unit}_percent"]
        return f"{row[f'without_{unit}']:>{width}.2f}{row[f'with_{unit}']:>9.2f}{share:>9.2f}"

    return f"{row['training']:<10}{row['steps']:>7}{side('s', 11)}{side('cpu_s', 9)}"


class Kernel:
    """A kernel that calls functions of this module; a context manager, at whose end it is shut down."""

    def __enter__(self) -> "Kernel":
        from jupyter_client import KernelManager

        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(ROOT), env=os.environ | {"JPY_SESSION_NAME": "notebooks/p1_vae.ipynb"})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        return self

    def __exit__(self, *exception) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def call(self, name: str, *arguments: Any) -> Any:
        """Return what a function of this module returns in the kernel; `WorkbookError` when it fails there."""
        code = f"import json\nfrom benchmarks import live\nanswer = json.dumps(live.{name}{arguments!r})"
        reply = self.client.execute_interactive(
            code, user_expressions={"answer": "answer"}, output_hook=lambda message: None
        )["content"]
        if reply["status"] != "ok":
            raise WorkbookError(f"{name}: {reply.get('ename')}: {reply.get('evalue')}")
        return json.loads(ast.literal_eval(reply["user_expressions"]["answer"]["data"]["text/plain"]))


def environment() -> dict[str, Any]:
    """In the kernel: hardware and versions."""
    from hwlib.training.precision import choose

    return choose().describe()


def train(name: str, steps: int, shown: bool) -> dict[str, float]:
    """In the kernel: train from new weights, with a live view if `shown`; return the seconds, and its CPU seconds."""
    from hwlib.training.engine import Plan, fit

    os.environ["HW_PROGRESS"] = "live" if shown else "none"
    config, compute, rule, sets, preview = prepared(name)
    start = time.process_time()
    fitted = fit(
        rule,
        sets,
        Plan(steps, steps),
        batch_size=config.batch_size,
        seed=config.seed,
        compute=compute,
        label=name,
        preview=preview,
    )
    return {"s": fitted.seconds, "cpu_s": time.process_time() - start}


def prepared(name: str) -> tuple:
    """In the kernel: configuration, device, rule, tensors and preview of a training, as its notebook has them."""
    import torch

    import hwlib.notebook  # noqa: F401 - as the notebooks do; it loads matplotlib
    from hwlib.config import read
    from hwlib.data import open_source
    from hwlib.models import DANN, VAE, Discriminator, Generator
    from hwlib.training import preview
    from hwlib.training.adaptation import DANNRule
    from hwlib.training.gan import GANRule
    from hwlib.training.methods import build_model, build_rule
    from hwlib.training.precision import choose
    from hwlib.training.vae import VAERule

    compute = choose()
    problem = f"p{TRAININGS.index(name) + 1}"
    config = read(problem, {"profile": "quick", "data": "sample"})
    torch.manual_seed(config.seed)
    if problem in ("p1", "p2"):
        source = open_source("sample", "faces")
        sets = [(source.faces("train").images,)]
        if problem == "p1":
            model = VAE()
            rule = VAERule(model, compute, config.lr, config.kl_weight)
            look = preview.reconstructions(model, source.faces("test").images, compute)
        else:
            generator = Generator()
            rule = GANRule(generator, Discriminator(), compute, config.lr)
            look = preview.generated(generator, config.seed, compute)
        return config, compute, rule, sets, look
    source = open_source("sample", "digits")
    labelled, target = source.digits(config.src, "train"), source.digits(config.tgt, "train")
    if problem == "p3":
        model = DANN()
        rule = DANNRule(model, compute, config.lr, config.batches, config.reversal, config.augment)
    else:
        model = build_model(config)
        rule = build_rule(config, model, compute, labelled.images, target.images)
    look = preview.answers(model, source.digits(config.tgt, "test").images, compute)
    return config, compute, rule, [(labelled.images, labelled.labels), (target.images,)], look


if __name__ == "__main__":
    sys.exit(main())
