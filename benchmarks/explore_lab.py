"""From a key on a slider to the new picture in the page: a real JupyterLab in a headless Chromium, by the page's clock.

A move begins when the page hears of the key, and ends when the picture that it brings is decoded; between lie the
widget, the socket, the kernel's answer and the way back.
"""

import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.paths import ROOT
from hwlib.report.pdf import find_chromium

VIEW = ".jp-OutputArea .jupyter-widgets"
SLIDERS = {
    # explorer: what is moved, the place of its slider among those that are seen, and what Python does before
    "vae": ("slider", 0, "pass"),
    "gan": ("walk", 1, "pass"),
    "digits": ("image", 0, "explorer.select(1)"),
}
PAUSE = 0.1
"""Seconds between two moves, so that each one starts from rest."""
WATCH = """(place => {{
    const seen = selector =>
        [...document.querySelectorAll("{view} " + selector)].filter(element => element.getClientRects().length);
    const handle = seen(".noUi-handle")[place], picture = seen("img.hw-picture")[0];
    if (!handle || !picture?.src) return false;
    handle.focus();
    let start = 0;
    window.taken = [];
    document.addEventListener("keydown", () => {{ start = performance.now(); }}, true);
    new MutationObserver(() => picture.decode().then(() => window.taken.push(performance.now() - start)))
        .observe(picture, {{attributeFilter: ["src"]}});
    return true;
}})({place})"""


def measure(folders: Mapping[str, Path], count: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return a row for each explorer, and the versions of JupyterLab and the browser. `WorkbookError` without one."""
    if find_chromium() is None:
        raise WorkbookError("--browser needs a Chromium (Debian: apt install chromium), or HW_CHROMIUM set to one")
    sys.path.append(str(ROOT / "tests"))  # what drives both is the tests'
    from driving.lab import lab

    with lab() as running:
        rows = [_row(running, name, folder, count) for name, folder in folders.items()]
        browser = running.browser.send("Browser.getVersion")["product"]
    return rows, {"jupyterlab": version("jupyterlab"), "browser": browser}


def _row(running: Any, name: str, folder: Path, count: int) -> dict[str, Any]:
    from benchmarks.explore import summary

    move, place, before = SLIDERS[name]
    code = f"from hwlib import explore\nexplorer = explore.{name}({str(folder)!r}, lang='zh')\nexplorer"
    running.open(running.write(f"{name}.ipynb", code), 1280, 1400)
    running.run_all()
    running.printed(before)
    page = running.browser
    page.until(WATCH.format(view=VIEW, place=place))
    for i in range(count + 1):
        time.sleep(PAUSE)
        page.press("ArrowRight" if i % 20 < 10 else "ArrowLeft")
        page.until(f"window.taken.length > {i}")
    first, *others = page.evaluate("window.taken.map(ms => ms / 1000)")
    return {"explorer": name, "move": move, "first_ms": round(1e3 * first, 1), **summary(others[:count])}
