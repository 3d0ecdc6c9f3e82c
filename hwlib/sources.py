"""What decides a run's numbers: its parameters, its data, and the sources that compute them.

Two runs with one fingerprint would come out alike, so the second need not be made. Code is compared by the sources
that a notebook reaches through its imports, without comments, docstrings and whatever only shows results; so a
sentence in the report may change without training anything again.
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from hwlib.config import Config
from hwlib.paths import NOTEBOOKS, ROOT

NAMES = {"p1": "p1_vae", "p2": "p2_gan", "p3": "p3_dann", "p4": "p4_uda"}
"""The notebook of each problem."""

BESIDE = {
    "hwlib.attempt",
    "hwlib.cli",
    "hwlib.config",
    "hwlib.data",
    "hwlib.errors",
    "hwlib.finished",
    "hwlib.explore",
    "hwlib.figures",
    "hwlib.letters",
    "hwlib.names",
    "hwlib.notebook",
    "hwlib.paths",
    "hwlib.lock",
    "hwlib.record",
    "hwlib.run",
    "hwlib.report",
    "hwlib.sources",
    "hwlib.training.checkpoint",
    "hwlib.training.live",
    "hwlib.training.panels",
    "hwlib.training.preview",
    "hwlib.training.progress",
    "hwlib.training.stopping",
}
"""Modules whose part in a run is in its parameters or its data already, or that only show and keep results."""


def notebook_path(problem: str) -> Path:
    return NOTEBOOKS / f"{NAMES[problem]}.ipynb"


KEEPING = ("runs", "name", "data", "checkpoint_seconds", "resume", "force")
"""Parameters that say where things lie, what they are called, and how a run is kept."""

INCIDENTAL = {"seed", "device", "precision", "deterministic", *KEEPING}
"""What may differ between the seeds of one mean: where and how a run was computed and kept, not what."""


def decisive(config: Config) -> dict[str, Any]:
    """Return the parameters that decide a run's numbers: all but where things lie and how the run is kept."""
    return {name: value for name, value in config.params().items() if name not in KEEPING}


def fingerprint(config: Config, sets: list[dict]) -> dict[str, str]:
    """Return hashes of a run's parameters, data sets (as records describe them) and sources."""
    return {"params": _hash(decisive(config)), "data": _hash(sets), "source": source_hash(config.problem)}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@cache
def source_hash(problem: str) -> str:
    """Return a hash over the notebook's code and the modules of hwlib that it reaches."""
    trees = _notebook_cells(notebook_path(problem))
    seen: dict[str, str] = {}
    todo = [name for tree in trees for name in _imports(tree)]
    while todo:
        name = todo.pop()
        if name in seen or any(name == s or name.startswith(s + ".") for s in BESIDE):
            continue
        path = _file(name)
        if path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "__init__.py":
            # A package's own code only hands names on; what is imported through it is followed name by name.
            seen[name] = ""
            continue
        seen[name] = _bare(tree)
        todo += _imports(tree)
    return _hash([*(_bare(tree) for tree in trees), sorted(seen.items())])


def _notebook_cells(path: Path) -> list[ast.Module]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = {"parameters", "versions", "record", "explore"}
    code = [c for c in cells if c["cell_type"] == "code" and not shown & set(c["metadata"].get("tags", ()))]
    return [ast.parse("".join(cell["source"])) for cell in code]


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(tree: ast.Module) -> list[str]:
    """Modules of hwlib that a tree imports, at the top or inside functions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("hwlib")]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hwlib"):
            found += [_defining(node.module, alias.name) for alias in node.names]
    return found


def _defining(module: str, name: str) -> str:
    """The module that `from module import name` really reaches: a submodule, or where a package has the name from."""
    if _file(f"{module}.{name}"):
        return f"{module}.{name}"
    path = _file(module)
    if path is not None and path.name == "__init__.py":
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
                return node.module
    return module


def _bare(tree: ast.Module) -> str:
    """The tree as text, without docstrings; comments and layout are gone already."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = body[1:]
    return ast.dump(tree)
