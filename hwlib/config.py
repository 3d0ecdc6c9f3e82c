"""What a run is asked to do: one frozen dataclass a problem, strict in names and types, completed by a profile.

A notebook's parameters cell, the command line and Python callers all come through `read`; nothing else in the
workbook interprets a parameter.
"""

import ast
import dataclasses
import math
import os
import re
import reprlib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

from hwlib.errors import WorkbookError
from hwlib.names import ATTRIBUTES, is_set_name
from hwlib.paths import anchored

PROFILES = ("smoke", "quick", "cpu", "full")
DEVICES = "auto, cpu, cuda, cuda:N, mps"
LARGEST_BATCH = 4096
"""Images of a step at most: 32 times the report's. Beyond it memory goes, and the system kills without a word."""
_LARGEST = 2**63 - 1
LONGEST_NAME = 80
"""Bytes of a run's `name`: a folder's name may have 255, with those of two digit sets."""
_INJECTED = {"PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"}
"""Variables of papermill's own, for which its `--inject-paths` and the like ask; they are no parameters."""
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80


def option(default: Any, *, choices: tuple = (), minimum=None, maximum=None, above=None) -> Any:
    """A dataclass field with the values it admits: `choices`, from `minimum` to `maximum`, or greater than `above`."""
    return field(default=default, metadata={"choices": choices, "minimum": minimum, "maximum": maximum, "above": above})


@dataclass(frozen=True, kw_only=True)
class Config:
    """Parameters that every problem has. `None` leaves a value to the profile.

    `resume` goes on with an attempt that did not end, from its last checkpoint; one is kept every
    `checkpoint_seconds`. `deterministic` asks CUDA for kernels that give the same bits each time; the CPU's always do.
    A finished run is only shown again, and one of other parameters or images keeps its folder, unless `force` is set;
    a `name` gives the run a folder of its own.
    """

    problem: ClassVar[str]
    budgets: ClassVar[dict[str, dict[str, Any]]]

    profile: str = option("auto", choices=("auto", *PROFILES))
    data: str = option("auto")
    seed: int = option(0, minimum=0, maximum=2**32 - 1)
    device: str = option("auto")
    precision: str = option("auto", choices=("auto", "float32", "bfloat16"))
    deterministic: bool = option(False)
    epochs: int | None = option(None, minimum=1, maximum=100_000)
    steps: int | None = option(None, minimum=1, maximum=100_000_000)
    batch_size: int | None = option(None, minimum=2, maximum=LARGEST_BATCH)
    lr: float | None = option(None, above=0)
    checkpoint_seconds: float = option(60.0, minimum=0)
    resume: bool = option(True)
    force: bool = option(False)
    name: str = option("")
    runs: str = option("runs")

    @property
    def run_id(self) -> str:
        """The name of this run's folder, `<problem>[_<src>_<tgt>][_<method>][_<name>]_s<seed>`."""
        return "_".join(filter(None, (self.problem, *self._of(), self.name, f"s{self.seed}")))

    def _of(self) -> tuple[str, ...]:
        """What stands between problem and name in the name of the run's folder."""
        return ()

    @property
    def runs_folder(self) -> Path:
        return anchored(self.runs, "runs")

    @classmethod
    def budget(cls, profile: str, method: str | None = None) -> dict[str, Any]:
        """Return what a profile sets, for a problem with methods that of `method`; nothing for an unknown name."""
        return dict(cls.budgets.get(profile, {}))

    def foreign(self) -> tuple[str, ...]:
        """Names of the parameters that mean nothing to this run."""
        return ()

    def params(self) -> dict[str, Any]:
        """Return every parameter with its value, as records keep them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class VAEConfig(Config):
    """Problem 1. `kl_weight` multiplies the KL term; `attribute` colours the t-SNE; `extractor_steps` train the
    attribute classifier whose features measure how far generated faces are from real ones."""

    problem: ClassVar[str] = "p1"
    budgets: ClassVar = {
        "smoke": {"steps": 6, "batch_size": 32, "lr": 1e-3, "tsne_points": 200, "extractor_steps": 20},
        "quick": {"steps": 500, "batch_size": 64, "lr": 1e-3, "tsne_points": 1000, "extractor_steps": 400},
        "cpu": {"steps": 6000, "batch_size": 128, "lr": 5e-4, "tsne_points": 2000, "extractor_steps": 2000},
        "full": {"epochs": 200, "batch_size": 128, "lr": 1e-4, "tsne_points": 2500, "extractor_steps": 2000},
    }

    kl_weight: float = option(1.0, minimum=0)
    attribute: str = option("Male", choices=ATTRIBUTES)
    tsne_points: int | None = option(None, minimum=100, maximum=20_000)
    extractor_steps: int | None = option(None, minimum=1, maximum=1_000_000)


@dataclass(frozen=True, kw_only=True)
class GANConfig(Config):
    """Problem 2. `extractor_steps` as in problem 1: the same classifier measures both problems' faces."""

    problem: ClassVar[str] = "p2"
    budgets: ClassVar = {
        "smoke": {"steps": 4, "batch_size": 16, "lr": 2e-4, "extractor_steps": 20},
        "quick": {"steps": 300, "batch_size": 32, "lr": 2e-4, "extractor_steps": 400},
        "cpu": {"steps": 4000, "batch_size": 32, "lr": 2e-4, "extractor_steps": 2000},
        "full": {"epochs": 200, "batch_size": 128, "lr": 2e-4, "extractor_steps": 2000},
    }

    extractor_steps: int | None = option(None, minimum=1, maximum=1_000_000)


@dataclass(frozen=True, kw_only=True)
class DANNConfig(Config):
    """Problem 3: `src` and `tgt` name the digit sets, source with labels and target without.

    `reversal` is the largest strength of gradient reversal, 1 in the paper. `batches` says whether source and target
    pass the extractor as two batches, each with its own batch statistics, or as one mixed batch. `augment` says
    whether the images of all trainings are shown as they are or in mildly changed views.
    """

    problem: ClassVar[str] = "p3"
    budgets: ClassVar = {
        "smoke": {"steps": 6, "batch_size": 32, "lr": 1e-3, "tsne_points": 200},
        "quick": {"steps": 300, "batch_size": 128, "lr": 1e-3, "tsne_points": 1000},
        "cpu": {"steps": 3000, "batch_size": 128, "lr": 1e-3, "tsne_points": 2000},
        "full": {"epochs": 100, "batch_size": 128, "lr": 1e-3, "tsne_points": 2500},
    }

    src: str = option("usps")
    tgt: str = option("mnistm")
    batches: str = option("separate", choices=("separate", "mixed"))
    reversal: float = option(1.0, minimum=0)
    augment: str = option("mild", choices=("none", "mild"))
    tsne_points: int | None = option(None, minimum=100, maximum=20_000)

    def _of(self) -> tuple[str, ...]:
        return self.src, self.tgt


INGREDIENTS = (
    "pseudo_labels",
    "teacher",
    "threshold",
    "alignment",
    "ramp",
    "strong_views",
    "neighbours",
    "geometry",
    "intensity",
    "noise",
    "blending",
)
"""What `adamatch` can be trained without. Without `pseudo_labels` it trains on the source alone, in the same views."""


@dataclass(frozen=True, kw_only=True)
class UDAConfig(DANNConfig):
    """Problem 4: `method` adapts; `weights` of the ResNet-34 trunk are `none`, `imagenet` or a file.

    `batches`, `reversal`, `augment` and `weights` belong to `dann_resnet34`. `without` leaves
    one of `INGREDIENTS` out of `adamatch`, to measure what it is worth.
    """

    problem: ClassVar[str] = "p4"
    methods: ClassVar[dict[str, dict[str, dict[str, Any]]]] = {
        "adamatch": {
            "smoke": {"steps": 3, "batch_size": 16, "lr": 8e-3, "tsne_points": 200},
            "quick": {"steps": 400, "batch_size": 64, "lr": 8e-3, "tsne_points": 1000},
            "cpu": {"steps": 6000, "batch_size": 64, "lr": 8e-3, "tsne_points": 2000},
            "full": {"steps": 30000, "batch_size": 128, "lr": 8e-3, "tsne_points": 2500},
        },
        "dann_resnet34": {
            "smoke": {"steps": 3, "batch_size": 16, "lr": 1e-3, "tsne_points": 200},
            "quick": {"steps": 200, "batch_size": 32, "lr": 1e-3, "tsne_points": 1000},
            "cpu": {"steps": 2400, "batch_size": 128, "lr": 1e-3, "tsne_points": 2000},
            "full": {"epochs": 100, "batch_size": 128, "lr": 1e-3, "tsne_points": 2500},
        },
    }
    """The budget of each method in each profile."""

    method: str = option("auto", choices=("auto", "adamatch", "dann_resnet34"))
    weights: str = option("none")
    without: str = option("nothing", choices=("nothing", *INGREDIENTS))

    def foreign(self) -> tuple[str, ...]:
        return ("batches", "reversal", "augment", "weights") if self.method == "adamatch" else ("without",)

    @classmethod
    def budget(cls, profile: str, method: str | None = None) -> dict[str, Any]:
        return dict(cls.methods.get(method or AUTO_METHOD, {}).get(profile, {}))

    def _of(self) -> tuple[str, ...]:
        left_out = "" if self.without == "nothing" else f"without_{self.without}"
        return self.src, self.tgt, self.method, left_out


CONFIGS: dict[str, type[Config]] = {cls.problem: cls for cls in (VAEConfig, GANConfig, DANNConfig, UDAConfig)}
AUTO_METHOD = "adamatch"
"""What `method=auto` stands for in problem 4, and what the report's summary speaks of; chosen without the labels of a
reported target."""
SCENARIOS = (("usps", "mnistm"), ("mnistm", "svhn"), ("svhn", "usps"))
"""The three reported pairs, source and target, in the assignment's order."""


def read(problem: str, params: Mapping[str, Any]) -> Config:
    """Return the complete configuration of `problem` for the given parameters.

    Raises `WorkbookError` with one line for an unknown name, a wrong type, a value that is not admitted, or two
    that contradict each other. Numbers may come as text, since a shell has nothing else.
    """
    cls = CONFIGS[problem]
    known = {f.name: f for f in dataclasses.fields(cls)}
    if unknown := [name for name in params if name not in known]:
        name = str(unknown[0])
        name = name if name.isprintable() and 0 < len(name) <= 80 else _shown(name)
        raise WorkbookError(f"{name}: {problem} has no such parameter; it has {', '.join(known)}")
    kinds = get_type_hints(cls)
    values = {name: _typed(name, value, kinds[name]) for name, value in params.items()}
    for name, value in values.items():
        _check(name, value, known[name].metadata)
    return _complete(cls(**values))


def read_notebook(problem: str, namespace: Mapping[str, Any]) -> Config:
    """Return the configuration that a notebook's namespace (its `globals()`) holds.

    Values come from the variables. Names are checked in the cells that begin with `# Parameters` (the notebook's own
    and the one that papermill puts behind it), since papermill itself only warns of a misspelt parameter.
    """
    known = {f.name for f in dataclasses.fields(CONFIGS[problem])}
    assigned = _assigned(namespace.get("In", ()))
    misspelt = {name: namespace.get(name) for name in assigned if name not in known | _INJECTED}
    return read(problem, misspelt | {name: namespace[name] for name in known if name in namespace})


def _assigned(cells) -> list[str]:
    """Names assigned in the notebook's last own parameters cell and in those injected after it."""
    cells = [cell for cell in cells if cell.lstrip().startswith("# Parameters")]
    trees = [ast.parse(cell) for cell in cells]
    own = [i for i, tree in enumerate(trees) if any(isinstance(node, ast.AnnAssign) for node in tree.body)]
    names = []
    for tree in trees[own[-1] if own else 0 :]:
        for node in tree.body:
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def _typed(name: str, value: Any, kind: Any) -> Any:
    """Return `value` as `kind`, taking numbers from text; anything lossy is an error."""
    allowed = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise WorkbookError(f"{name}: a number of {value.bit_length()} bits is too large; 63 bits are allowed")
    if value is None or (isinstance(value, str) and value == "None" and type(None) in allowed):
        if type(None) in allowed:
            return None
    elif str in allowed and isinstance(value, (str, os.PathLike)):
        if "\0" in str(value):  # no path and no name can have it
            raise WorkbookError(f"{name}: {_shown(str(value))} has a null character; leave it out")
        return str(value)
    elif bool in allowed:
        if isinstance(value, bool) or str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
    elif int in allowed and isinstance(value, int) and not isinstance(value, bool):
        return value
    elif int in allowed and not isinstance(value, bool):
        try:
            number = float(value)
            if number == int(number) and abs(number) <= _LARGEST:
                return int(value) if isinstance(value, str) and value.lstrip("+-").isdigit() else int(number)
        except (TypeError, ValueError, OverflowError):
            pass
    elif float in allowed and not isinstance(value, bool):
        try:
            number = float(value)
            if math.isfinite(number):
                return number
        except (TypeError, ValueError, OverflowError):
            pass
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "None"}
    raise WorkbookError(f"{name}: {_shown(value)} is not {' or '.join(words[k] for k in allowed)}")


def _shown(value: Any) -> str:
    """Any value as a piece of one line; a long one is shortened."""
    try:
        text = _REPR.repr(value)
    except Exception:  # numbers of thousands of digits have no text, and a stranger's object may have a bad one
        text = f"a value of type {type(value).__name__}"
    return "".join(character if character.isprintable() else " " for character in text)


def _check(name: str, value: Any, allowed: Mapping[str, Any]) -> None:
    if value is None:
        return
    if allowed["choices"] and value not in allowed["choices"]:
        raise WorkbookError(f"{name}: {_shown(value)} is not one of {', '.join(allowed['choices'])}")
    if allowed["minimum"] is not None and value < allowed["minimum"]:
        raise WorkbookError(f"{name}: {value} is too small; it is at least {allowed['minimum']}")
    if allowed["maximum"] is not None and value > allowed["maximum"]:
        raise WorkbookError(f"{name}: {value} is too large; it is at most {allowed['maximum']}")
    if allowed["above"] is not None and value <= allowed["above"]:
        raise WorkbookError(f"{name}: {value} is too small; it is greater than {allowed['above']}")
    if name == "device" and not re.fullmatch("auto|cpu|mps|cuda(:[0-9]{1,4})?", value):
        raise WorkbookError(f"device: {_shown(value)} is not one of {DEVICES}")
    if name == "name" and value and not (is_set_name(value) and len(value.encode()) <= LONGEST_NAME):
        raise WorkbookError(
            f"name: {_shown(value)} cannot be part of a folder's name (letters, digits, - and _, at most "
            f"{LONGEST_NAME} bytes)"
        )
    if name in ("src", "tgt") and not is_set_name(value):
        raise WorkbookError(f"{name}: {_shown(value)} is not the name of a digit set (letters, digits, - and _)")


def _complete(config: Config) -> Config:
    """Resolve the profile and fill what it decides."""
    if config.epochs is not None and config.steps is not None:
        raise WorkbookError("steps: given together with epochs; give one of them")
    if getattr(config, "src", None) == getattr(config, "tgt", ""):
        raise WorkbookError(
            f"tgt: {_shown(config.tgt)} is also the source; source and target are two different digit sets"
        )
    profile = default_profile() if config.profile == "auto" else config.profile
    if getattr(config, "method", None) == "auto":
        config = dataclasses.replace(config, method=AUTO_METHOD)
    for name in config.foreign():
        if getattr(config, name) != type(config).__dataclass_fields__[name].default:
            raise WorkbookError(
                f"{name}: {_shown(getattr(config, name))} means nothing to method {config.method}; leave it out"
            )
    budget = config.budget(profile, getattr(config, "method", None))
    if config.epochs is not None or config.steps is not None:
        budget.pop("epochs", None)
        budget.pop("steps", None)
    filled = {name: value for name, value in budget.items() if getattr(config, name) is None}
    return dataclasses.replace(config, profile=profile, **filled)


def default_profile() -> str:
    """Return `$HW_PROFILE` where it is set, else `full` with a CUDA device and `quick` without one."""
    if named := os.environ.get("HW_PROFILE"):
        if named not in PROFILES:
            raise WorkbookError(f"HW_PROFILE: {named!r} is not one of {', '.join(PROFILES)}")
        return named
    import torch  # only here: a profile that is named needs no torch, and `hw --help` must be quick

    return "full" if torch.cuda.is_available() else "quick"
