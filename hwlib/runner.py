"""Running notebooks headless: which runs a command means, which of them are needed, and papermill over those."""

import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hwlib.config import CONFIGS, SCENARIOS, Config, read
from hwlib.errors import WorkbookError
from hwlib.record import Record
from hwlib.sources import fingerprint, notebook_path


def plan(problem: str, params: Mapping[str, Any], seeds: Sequence[Any] | None = None) -> list[Config]:
    """Return the configurations that a command means, checked to the last name before anything runs.

    `all` means problems 1 and 2 and the three scenarios of 3 and 4; a parameter then goes to the problems that have
    it, and one that none has is an error.
    """
    if seeds is not None and "seed" in params:
        raise WorkbookError("seed: given together with --seeds; give one of them")
    if problem == "all":
        problems = list(CONFIGS)
        if named := [name for name in ("src", "tgt") if name in params]:
            raise WorkbookError(f"{named[0]}: `all` runs the three scenarios; name p3 or p4 to choose one")
        known = {p: CONFIGS[p].__dataclass_fields__ for p in problems}
        for name in params:
            if not any(name in fields for fields in known.values()):
                read(problems[0], {name: params[name]})  # raises, and names what is allowed
    else:
        problems, known = [problem], {problem: dict.fromkeys(params)}
    configs = []
    for p in problems:
        mine = {name: value for name, value in params.items() if name in known[p]}
        pairs = [{"src": s, "tgt": t} for s, t in SCENARIOS] if problem == "all" and p in ("p3", "p4") else [{}]
        for pair in pairs:
            for seed in seeds or [None]:
                configs.append(read(p, mine | pair | ({} if seed is None else {"seed": seed})))
    return list(dict.fromkeys(configs))


def run_all(configs: Sequence[Config], force: bool = False) -> int:
    """Run what is not there yet, go on after a failure, and return 0, or 1 when a run failed."""
    from hwlib.data import open_data
    from hwlib.training.precision import choose

    failed, unfit = [], {}
    for config in configs:  # what is wrong with names, folders and devices shows before the first run
        try:
            open_data(config)
            choose(config.device, config.precision)
        except WorkbookError as error:
            unfit[config] = error
    if len(unfit) == len(configs):
        raise next(iter(unfit.values()))
    for number, config in enumerate(configs, 1):
        head = f"[{number}/{len(configs)}] {config.run_id}"
        try:
            if config in unfit:
                raise unfit[config]
            if not force and (record := _unchanged(config)):
                print(f"{head}: unchanged since {record.run['finished']}, not run again", flush=True)
                continue
            print(f"{head}: profile {config.profile}", flush=True)
            start = time.monotonic()
            record = execute(config)
            print(f"{head}: done in {time.monotonic() - start:.0f} s, {_brief(record)}", flush=True)
        except WorkbookError as error:
            failed.append(config.run_id)
            print(f"{head}: FAILED: {error}", flush=True)
    if failed:
        print(f"hw: {len(failed)} of {len(configs)} runs failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _unchanged(config: Config) -> Record | None:
    """The finished record of this very run, if it is whole: same parameters, same data, same sources."""
    from hwlib.data import load_sets
    from hwlib.report.collect import check

    try:
        record = Record.load(config.runs_folder / config.run_id)
        check(record)
    except WorkbookError:
        return None
    if not any(record.folder.glob("*.safetensors")):
        return None

    now = fingerprint(config, [s.describe() for s in load_sets(config)])
    return record if record.run.get("fingerprint") == now else None


def execute(config: Config) -> Record:
    """Execute the problem's notebook and return the record; the executed notebook ends up in the record's folder.

    A notebook that fails is kept beside the records as `<id>.failed.ipynb`, and an older record stays as it is.
    """
    import papermill

    folder = config.runs_folder / config.run_id
    working = folder.with_name(folder.name + ".running.ipynb")
    failed = folder.with_name(folder.name + ".failed.ipynb")
    try:
        working.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbookError(f"runs: cannot write to {working.parent} ({error.strerror})") from None
    os.environ.setdefault("HW_PROGRESS", "lines")
    _show_lines()
    try:
        papermill.execute_notebook(
            str(notebook_path(config.problem)),
            str(working),
            parameters=config.params(),
            kernel_name="python3",
            progress_bar=False,
            log_output=True,
            cwd=str(notebook_path(config.problem).parent),
            config=_ipc(),
        )
    except papermill.PapermillExecutionError as error:
        os.replace(working, failed)
        raise WorkbookError(f"{error.evalue.splitlines()[0] if error.evalue else error.ename} (see {failed})") from None
    except BaseException:
        working.unlink(missing_ok=True)
        raise
    shutil.move(working, folder / "notebook.ipynb")
    failed.unlink(missing_ok=True)
    return Record.load(folder)


def _ipc() -> Any:
    """Let the kernel talk through socket files, to which nobody else on the machine can listen (over TCP it warns)."""
    from traitlets.config import Config as Traits

    return Traits() if os.name == "nt" else Traits({"KernelManager": {"transport": "ipc"}})


def _show_lines() -> None:
    """Show which data a notebook uses and how its training goes, and nothing else of papermill's log."""
    logger = logging.getLogger("papermill")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.addFilter(lambda record: record.getMessage().startswith("data:") or "s left)" in record.getMessage())
        handler.setFormatter(logging.Formatter("  %(message)s"))
        handler.terminator = ""
        logger.addHandler(handler)


def _brief(record: Record) -> str:
    metrics = record.metrics
    if "accuracy" in metrics:
        return ", ".join(f"{name} {value:.1f} %" for name, value in metrics["accuracy"].items())
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if isinstance(value, float))
