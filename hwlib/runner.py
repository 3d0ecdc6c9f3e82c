"""Running notebooks headless: which runs a command means, which of them are needed, and papermill over those."""

import contextlib
import dataclasses
import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from hwlib.config import AUTO_METHOD, CONFIGS, SCENARIOS, Config, read
from hwlib.errors import WorkbookError
from hwlib.finished import OtherRun, standing, whole
from hwlib.record import PREVIOUS, Record
from hwlib.run import settle
from hwlib.sources import fingerprint, notebook_path
from hwlib.training.stopping import Interruption

GRACE = 30.0
"""Seconds that a kernel has to end its step and keep a checkpoint; it needs two or three. Then it is killed."""


class Interrupted(WorkbookError):
    """SIGINT or SIGTERM ended a command; `signum` says which."""

    def __init__(self, signum: int, line: str) -> None:
        super().__init__(line)
        self.signum = signum


def plan(problem: str, params: Mapping[str, Any], seeds: Sequence[Any] | None = None) -> list[Config]:
    """Return the configurations that a command means, checked to the last name before anything runs.

    `all` means problems 1 and 2 and the three scenarios of 3 and 4; a parameter then goes to the problems that have
    it (problem 4: to whose method it means something), and one that none has is an error.
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
        if problem == "all" and p == "p4":
            method = AUTO_METHOD if mine.get("method", "auto") == "auto" else str(mine["method"])
            mine = {name: value for name, value in mine.items() if name not in CONFIGS[p](method=method).foreign()}
        pairs = [{"src": s, "tgt": t} for s, t in SCENARIOS] if problem == "all" and p in ("p3", "p4") else [{}]
        for pair in pairs:
            for seed in seeds or [None]:
                configs.append(read(p, mine | pair | ({} if seed is None else {"seed": seed})))
    return list(dict.fromkeys(configs))


def run_all(
    configs: Sequence[Config],
    force: bool = False,
    *,
    needless: Callable[[Config], str] | None = None,
    finished: Callable[[Record], None] = lambda record: None,
) -> int:
    """Run what is not there yet, go on after a failure, and return 0, or 1 when a run failed.

    needless: why a run need not be made, "" when it must; unless given, because its record is unchanged. It is asked
    when the run's turn comes. finished: is told of every record that was made.
    Raises `Interrupted` when SIGINT or SIGTERM came, after the training at hand has kept a checkpoint.
    """
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
    with Interruption() as interruption:
        for number, config in enumerate(configs, 1):
            _check(interruption, f"stopped before {config.run_id}")
            head = f"[{number}/{len(configs)}] {config.run_id}"
            try:
                if config in unfit:
                    raise unfit[config]
                settle(config)
                if force:
                    config = dataclasses.replace(config, force=True)
                if not config.force and (why := (needless or _unchanged)(config)):
                    print(f"{head}: {why}, not run again", flush=True)
                    continue
                kept = config.runs_folder / config.run_id
                previous = f"; the finished run there is kept as {kept.name}{PREVIOUS}" if kept.is_dir() else ""
                print(f"{head}: profile {config.profile}{previous}", flush=True)
                start = time.monotonic()
                record = execute(config, interruption)
                print(f"{head}: done in {time.monotonic() - start:.0f} s, {_brief(record)}", flush=True)
                finished(record)
            except Interrupted:
                raise
            except WorkbookError as error:
                failed.append(config.run_id)
                print(f"{head}: {'NOT RUN' if isinstance(error, OtherRun) else 'FAILED'}: {error}", flush=True)
        _check(interruption, "stopped after the last run")
    if failed:
        print(f"hw: {len(failed)} of {len(configs)} runs failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def whole_record(folder: Path) -> Record | None:
    """The finished record in a folder, if nothing that the report needs is missing."""
    from hwlib.report.collect import check

    return whole(folder, check)


def _unchanged(config: Config) -> str:
    """Since when there is a whole record of this very run: same parameters, same data, same sources; else "".

    Raises `OtherRun` where there is one of other parameters or images.
    """
    from hwlib.data import load_sets
    from hwlib.report.collect import check

    if not (config.runs_folder / config.run_id / "run.json").is_file():
        return ""
    sets = [s.describe() for s in load_sets(config)]
    record = standing(config, sets, fingerprint(config, sets), check)
    return f"unchanged since {record.run['finished']}" if record else ""


def execute(config: Config, interruption: Interruption | None = None) -> Record:
    """Execute the problem's notebook and return the record; the executed notebook ends up in the record's folder.

    A notebook that fails is kept beside the records as `<id>.failed.ipynb`, and an older record stays as it is.
    When `interruption` comes the kernel is told to stop, and `Interrupted` says how to go on.
    """
    import papermill

    folder = config.runs_folder / config.run_id
    failed = folder.with_name(folder.name + ".failed.ipynb")
    os.environ.setdefault("HW_PROGRESS", "lines")
    _show_lines()
    with _step("runs: cannot write to", folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may want one run, and the one that is refused must not touch the other's notebook.
    with _step(
        "TMPDIR: the notebook's temporary folder cannot be made in", os.environ.get("TMPDIR", "/tmp"), _ELSEWHERE
    ):
        scratch = tempfile.TemporaryDirectory(prefix="hw-", ignore_cleanup_errors=True)
    with scratch:
        working = Path(scratch.name) / "notebook.ipynb"
        try:
            with _step(f"{config.run_id}: the notebook could not be executed by way of", working.parent, _ELSEWHERE):
                _stoppable(lambda: _papermill(config, working), interruption or Interruption(), config.run_id)
        except papermill.PapermillExecutionError as error:
            line = error.evalue.splitlines()[0] if error.evalue else error.ename
            if error.ename in ("MemoryError", "OutOfMemoryError") or "t allocate memory" in line:
                line = f"{line}; {_MEMORY}"
            with _step(f"{line}; the notebook that says so cannot be kept as", failed):
                shutil.move(working, failed)
            raise WorkbookError(f"{line} (see {failed})") from None
        except RuntimeError as error:  # nbclient's word for a kernel that died or never answered
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WorkbookError(f"{line}; running the same again goes on from the last checkpoint") from None
        with _step("runs: the record is whole, but its executed notebook cannot be kept as", folder / "notebook.ipynb"):
            shutil.move(working, folder / "notebook.ipynb")
            failed.unlink(missing_ok=True)
    return Record.load(folder)


@contextlib.contextmanager
def _step(what: str, place: Path | str, hint: str = "") -> Iterator[None]:
    """Name the step at which the system refused something: `what`, the place that it is about, the reason, a hint."""
    try:
        yield
    except OSError as error:
        other = f": {error.filename}" if error.filename and str(error.filename) != str(place) else ""
        raise WorkbookError(f"{what} {place} ({error.strerror or error}{other}){hint}") from None


_ELSEWHERE = "; TMPDIR can name another folder for what is temporary"


def _papermill(config: Config, working: Path) -> None:
    import papermill

    kernel = _own_kernel()
    try:
        papermill.execute_notebook(
            _literal(notebook_path(config.problem)),
            _literal(working),
            parameters=config.params(),
            kernel_name="python3",
            kernel_manager_class=kernel,
            progress_bar=False,
            log_output=True,
            cwd=str(notebook_path(config.problem).parent),
            config=_ipc(working.parent),
        )
    except RuntimeError as error:
        raise RuntimeError(_death(kernel.ended) or str(error)) from None


def _literal(path: Path) -> str:
    """A path for papermill, which formats those that it is given: braces, which a folder may have, are doubled."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _own_kernel() -> type:
    """A class of kernel managers that start this command's own Python, whatever is installed on the machine.

    By its name, `python3`, Jupyter would take the first one on its path, which may be another environment's. The
    class's `ended` is the exit status of the last kernel, None before its end, and negative after a signal.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        ended: int | None = None
        kernel_spec = KernelSpec(resource_dir="", **get_kernel_dict())

        async def cleanup_resources(self, restart: bool = False) -> None:
            if self.has_kernel:
                type(self).ended = await self.provisioner.poll()
            await super().cleanup_resources(restart)

    return OwnKernel


def _death(status: int | None) -> str:
    """What a kernel died of, "" where its exit status does not tell."""
    if status is None or status >= 0:
        return ""
    if -status == 9:  # SIGKILL, which Windows has no name for: what Linux sends when memory runs out
        return f"the kernel was killed, {_MEMORY}"
    try:
        return f"the kernel died of {signal.Signals(-status).name}"
    except ValueError:
        return f"the kernel died of signal {-status}"


_MEMORY = "probably for want of memory: a smaller batch_size takes less"


def _stoppable(work: Callable[[], None], interruption: Interruption, run_id: str) -> None:
    """Do `work`, which executes a notebook, in a thread, and tell its kernel when an interruption comes.

    In the main thread nbclient would take SIGINT and SIGTERM for itself and end the kernel; here the kernel gets a
    SIGTERM, which a training answers with a checkpoint after its next step, and which ends everything else.
    """
    raised: list[BaseException] = []

    def target() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    told: set[int] = set()
    end = float("inf")
    while thread.is_alive() and time.monotonic() < end + 0.5:
        thread.join(0.05)
        if interruption.signum is not None:
            if end == float("inf"):
                print(f"hw: {run_id} stops after the step at hand; once more stops it at once", flush=True)
            end = min(end, time.monotonic() + GRACE)
            late = time.monotonic() > end
            for kernel in psutil.Process().children():
                if late or kernel.pid not in told:
                    told.add(kernel.pid)
                    _send(kernel, late)
    if thread.is_alive() or raised:
        _check(interruption, f"{run_id}, {_last_words(raised)}")
    if raised:
        raise raised[0]


def _check(interruption: Interruption, line: str) -> None:
    """Raise `Interrupted` when an interruption has come."""
    if interruption.signum is not None:
        raise Interrupted(interruption.signum, f"{signal.Signals(interruption.signum).name}: {line}")


def _send(kernel: psutil.Process, late: bool) -> None:
    with contextlib.suppress(psutil.Error):  # it may be gone already
        kernel.kill() if late else kernel.terminate()


def _last_words(raised: list[BaseException]) -> str:
    """What the kernel said when it stopped."""
    for error in raised:
        if getattr(error, "ename", "") == "Stopped":
            return error.evalue.splitlines()[0]
    return "stopped outside a training's steps; running the same again goes on from the last checkpoint, if any"


def _ipc(folder: Path) -> Any:
    """Let the kernel talk through socket files, to which nobody else on the machine can listen (over TCP it warns).

    folder: where the sockets lie, one for each command: by default they lie in the working directory, under names on
    which two commands started at once can both hit. The system allows about a hundred bytes for such a path.
    """
    from traitlets.config import Config as Traits

    sockets = str(folder / "k")
    if os.name == "nt" or len(os.fsencode(sockets)) > 90:
        return Traits()
    return Traits({"KernelManager": {"transport": "ipc", "ip": sockets}})


_SHOWN = ("data: ", "s left)", "goes on at step", "not trained again", "stay in host memory", "CUDA graph")
"""What tells the lines of a notebook that a person who waits wants to see."""


def _show_lines() -> None:
    """Show which data a notebook uses and how its training goes, and nothing else of papermill's log."""
    logger = logging.getLogger("papermill")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.addFilter(lambda record: any(sign in record.getMessage() for sign in _SHOWN))
        handler.setFormatter(logging.Formatter("  %(message)s"))
        handler.terminator = ""
        logger.addHandler(handler)


def _brief(record: Record) -> str:
    metrics = record.metrics
    if "accuracy" in metrics:
        return ", ".join(f"{name} {value:.1f} %" for name, value in metrics["accuracy"].items())
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if isinstance(value, float))
