"""Prints the report with a headless Chromium that is already on the machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hwlib.errors import WorkbookError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MISSING = (
    "no Chromium found; install it (Debian: apt install chromium fonts-noto-cjk), or set HW_CHROMIUM to its path, or "
    "print report.html from a browser"
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-extensions",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--export-tagged-pdf",
)


def find_chromium() -> str | None:
    """Return the browser named by `$HW_CHROMIUM`, else the first of the usual names on PATH, else None.

    Raises `WorkbookError` when `$HW_CHROMIUM` names nothing that can be run.
    """
    if named := os.environ.get("HW_CHROMIUM"):
        if path := shutil.which(named):
            return path
        raise WorkbookError(f"HW_CHROMIUM: {named!r} is not a program; set it to Chromium's path or unset it")
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def print_pdf(browser: str, page: Path, out: Path, timeout: float = 120) -> str:
    """Print `page` (HTML) to `out`, atomically; returns the browser's version line.

    A fresh profile is used and thrown away, so a browser that the user has open is not disturbed. Raises
    `WorkbookError` when the browser fails or takes longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="hw-pdf-", ignore_cleanup_errors=True) as scratch:
        printed = Path(scratch) / "report.pdf"
        # The superuser, as in containers, has no user namespace to build Chromium's sandbox in.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [browser, *FLAGS, *root, f"--user-data-dir={scratch}/profile", f"--print-to-pdf={printed}"]
        _run([*command, page.resolve().as_uri()], timeout)
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            raise WorkbookError(f"{browser}: printed no PDF; print {page} from a browser instead")
        temporary = out.with_name(f".{out.name}.{os.getpid()}")
        shutil.copyfile(printed, temporary)
        os.replace(temporary, out)
    return _run([browser, "--version"], 30).strip() or Path(browser).name


def _run(command: list[str], timeout: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"{command[0]}: took longer than {timeout:.0f} s to print") from None
    except OSError as error:
        raise WorkbookError(f"{command[0]}: cannot be started ({error.strerror})") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise WorkbookError(f"{command[0]}: ended with status {done.returncode} ({last[:200]})")
    return done.stdout
