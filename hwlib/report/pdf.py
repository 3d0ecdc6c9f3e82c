"""Prints the report: with a headless Chromium that is already on the machine, else with WeasyPrint."""

import contextlib
import importlib.util
import io
import logging
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hwlib.errors import WorkbookError
from hwlib.report import fonts, install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--export-tagged-pdf",
)


class Engine(Protocol):
    """What makes a PDF of an HTML file."""

    def print(self, page: Path, out: Path) -> None:
        """Print `page` to `out`; `WorkbookError` with one line when that fails."""

    def version(self) -> str:
        """Name and version of what prints."""


def find_engine() -> Engine | None:
    """Return Chromium where there is one (`$HW_CHROMIUM`, PATH, the usual places), else WeasyPrint, else None.

    Raises `WorkbookError` when `$HW_CHROMIUM` names nothing that can be run.
    """
    if browser := find_chromium():
        return Chromium(browser)
    return None if _weasyprint_lacks() else WeasyPrint()


def missing() -> str:
    """One line for a machine without an engine: why there is none, and what installs one on this system."""
    wanted = [install.ENGINE] if fonts.chinese() else [install.ENGINE, install.FONT]
    return (
        f"neither Chromium nor WeasyPrint can print here (WeasyPrint {_weasyprint_lacks()}); {install.how(*wanted)}, "
        "or set HW_CHROMIUM to a Chromium, or print report.html from a browser"
    )


def _weasyprint_lacks() -> str:
    """Why WeasyPrint cannot print here; empty when it can. Without any font it would end the process in native code."""
    if importlib.util.find_spec("weasyprint") is None:
        return "is not installed"
    if fonts.any_font() is False:
        return "would find no font"
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it writes a paragraph there before it raises
            import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return "lacks the library pango"
    return "" if fonts.any_font() else "lacks the library fontconfig"


def find_chromium() -> str | None:
    """Return the browser named by `$HW_CHROMIUM`, else the first of the usual names and places, else None."""
    if named := os.environ.get("HW_CHROMIUM"):
        if path := shutil.which(named):
            return path
        raise WorkbookError(f"HW_CHROMIUM: {named!r} is not a program; set it to Chromium's path or unset it")
    return next((path for name in (*NAMES, *PLACES) if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Chromium:
    """A headless browser. A fresh profile is used and thrown away, so one that the user has open is not disturbed."""

    browser: str
    timeout: float = 120

    def print(self, page: Path, out: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="hw-pdf-", ignore_cleanup_errors=True) as scratch:
            printed = Path(scratch) / "printed.pdf"
            # The superuser, as in containers, has no user namespace to build Chromium's sandbox in.
            root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
            command = [self.browser, *FLAGS, *root, f"--user-data-dir={scratch}/profile", f"--print-to-pdf={printed}"]
            _run([*command, page.resolve().as_uri()], self.timeout)
            if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
                raise WorkbookError(f"{self.browser}: printed no PDF; set HW_CHROMIUM to a browser that does")
            shutil.copyfile(printed, out)

    def version(self) -> str:
        return _run([self.browser, "--version"], 30).strip().splitlines()[-1] or Path(self.browser).name


@dataclass(frozen=True)
class WeasyPrint:
    """The fallback. It does not know MathML, so formulas are drawn first."""

    def print(self, page: Path, out: Path) -> None:
        if not fonts.any_font():  # also where someone made this engine without `find_engine`
            raise WorkbookError(f"WeasyPrint: would find no font; {install.how(install.FONT)}")
        import weasyprint
        from weasyprint.urls import URLFetcher

        html = _math_drawn(page.read_text(encoding="utf-8"))
        logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it warns of every rule that is meant for screens
        embedded = URLFetcher(allowed_protocols={"data"})  # what is in the page, and nothing from anywhere else
        try:
            weasyprint.HTML(string=html, url_fetcher=embedded).write_pdf(out)
        except Exception as error:  # WeasyPrint raises many kinds; none of them is the reader's fault
            raise WorkbookError(f"WeasyPrint: cannot print {page.name} ({error}); print it from a browser") from None

    def version(self) -> str:
        import weasyprint

        return f"WeasyPrint {weasyprint.__version__}"


def _math_drawn(html: str) -> str:
    """Formulas as SVG by ziamath where it is installed; else they stay, and their letters are printed in a row."""
    try:
        import ziamath
    except ImportError:
        return html

    def drawn(found: re.Match) -> str:
        try:
            svg = ziamath.Math(found[0], size=14).svg()
        except Exception:  # a construct that ziamath does not know is left as letters
            return found[0]
        kind = "block" if 'display="block"' in found[0].partition(">")[0] else "inline"
        return f'<span class="formula {kind}">{svg}</span>'

    return re.sub(r"<math\b.*?</math>", drawn, html, flags=re.DOTALL)


def _run(command: list[str], timeout: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"{command[0]}: took longer than {timeout:.0f} s to print") from None
    except OSError as error:
        raise WorkbookError(f"{command[0]}: cannot be started ({error.strerror})") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        advice = "set HW_CHROMIUM to another browser, or print report.html from one"
        raise WorkbookError(f"{command[0]}: ended with status {done.returncode} ({last[:200]}); {advice}")
    return done.stdout
