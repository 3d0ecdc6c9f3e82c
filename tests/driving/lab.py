"""A real JupyterLab on 127.0.0.1, and notebooks opened and run in it by a headless Chromium.

Its settings, its notebooks and its kernels' files lie in a folder of its own: it touches nothing that the user of this
machine has set up, and leaves nothing behind.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import nbformat

from driving.browser import Browser, browsing
from hwlib.paths import ROOT

SETTINGS = {
    # All cells are in the page, also those below the window; nothing is fetched, and nothing lies over the notebook.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
PANEL = "jupyterapp.shell.currentWidget"
CELLS = f"{PANEL}.content.widgets"


class Lab:
    """A running server and the tab that shows it. `folder` holds its notebooks, `browser` is the tab."""

    def __init__(self, folder: Path, address: str, token: str, browser: Browser) -> None:
        self.folder, self.address, self.token, self.browser = folder, address, token, browser

    def write(self, name: str, *sources: str) -> str:
        """Make a notebook of code cells with these sources, and return its name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)
        return name

    def open(self, name: str, width: int = 1280, height: int = 1000) -> None:
        """Show a notebook and wait until its kernel is idle."""
        # A workspace that is reset opens this notebook alone.
        self.browser.open(f"{self.address}lab/tree/{quote(name)}?reset&token={self.token}", width, height)
        self.browser.until(f"window.jupyterapp && {PANEL}?.context?.path === {json.dumps(name)}", 90)
        self.browser.evaluate(f"{PANEL}.context.ready.then(() => {PANEL}.sessionContext.ready).then(() => true)")
        self.browser.evaluate("jupyterapp.commands.execute('application:set-mode', {mode: 'single-document'})")
        self.browser.evaluate("jupyterapp.shell.collapseLeft()")
        self.browser.until(f"{PANEL}.sessionContext.session?.kernel?.status === 'idle'")

    def run_all(self, patience: float = 1200) -> None:
        """Run all cells and wait until the kernel is idle again; it fails where a cell does, with the cell's error."""
        run = "jupyterapp.commands.execute('notebook:run-all-cells')"
        self.browser.evaluate(f"window.ran = undefined; {run}.then(good => {{ window.ran = [good]; }}); 0")
        (good,) = self.browser.until("window.ran", patience)
        errors = [o for cell in self.outputs() for o in cell if o["output_type"] == "error"]
        assert (good, errors) == (True, [])
        self.browser.until(f"{PANEL}.sessionContext.session?.kernel?.status === 'idle'", patience)

    def outputs(self) -> list[list[dict]]:
        """Return the outputs of each code cell, in nbformat's form."""
        return self.browser.evaluate(
            f"{CELLS}.filter(cell => cell.model.type === 'code').map(cell => cell.model.outputs.toJSON())"
        )

    def printed(self, source: str) -> str:
        """Run a line of Python in the notebook's kernel, and return what it prints; it fails where the line does."""
        ask = f"""(() => {{
            const kernel = {PANEL}.sessionContext.session.kernel, texts = [];
            const future = kernel.requestExecute({{code: {json.dumps(source)}, store_history: false}});
            future.onIOPub = message => {{
                const {{text, traceback}} = message.content;
                if (text) texts.push(text);
                if (traceback) texts.push("ERROR " + traceback.join("\\n"));
            }};
            return future.done.then(() => texts.join(""));
        }})()"""
        text = self.browser.evaluate(ask)
        assert not text.startswith("ERROR "), text
        return text

    def until(self, source: str, printed: str, patience: float = 120) -> None:
        """Run a line of Python until it prints this: what a page sends may wait behind what it sent before."""
        end = time.monotonic() + patience
        while (text := self.printed(source)) != printed:
            assert time.monotonic() < end, f"after {patience:.0f} s, {source} prints {text!r} and not {printed!r}"
            time.sleep(0.05)

    def save(self) -> None:
        """Save the notebook to its file."""
        self.browser.evaluate(f"{PANEL}.context.save().then(() => true)")

    def shut_down_kernel(self) -> None:
        """End the notebook's kernel, and keep the page."""
        self.browser.evaluate(f"{PANEL}.sessionContext.shutdown().then(() => true)")


@contextlib.contextmanager
def lab(environment: Mapping[str, str] | None = None, *, theme: str = "JupyterLab Light") -> Iterator[Lab]:
    """Start JupyterLab and a browser, and end both. environment: further variables; of ours, none with HW_ goes in."""
    with tempfile.TemporaryDirectory(prefix="hw-lab-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch)
        folder = home / "notebooks"
        folder.mkdir()
        _settings(home / "settings", SETTINGS | {"apputils-extension/themes": {"theme": theme}})
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("HW_", "JPY_"))}
        places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
        variables |= {f"JUPYTER_{name}": str(home / place) for name, place in places.items()}
        variables |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "IPYTHONDIR": str(home / "ipython")}
        variables |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
        search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        variables |= {"PYTHONPATH": search, **(environment or {})}
        with _server(folder, home, variables) as (address, token), browsing() as browser:
            yield Lab(folder, address, token, browser)


def _settings(folder: Path, settings: Mapping[str, Mapping]) -> None:
    for name, values in settings.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


@contextlib.contextmanager
def _server(folder: Path, home: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Start the server on a free port; yields its address and token, which it writes into its runtime folder."""
    command: Sequence[str] = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": 0, "LabApp.expose_app_in_browser": True}
    command = [*command, *(f"--{name}={value}" for name, value in options.items()), str(folder)]
    log = home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=dict(variables), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        written = home / "runtime" / f"jpserver-{process.pid}.json"
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError, ValueError):
                told = json.loads(written.read_text())
                break
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield told["url"], told["token"]
    finally:
        process.terminate()  # the server ends its kernels
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
