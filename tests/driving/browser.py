"""A headless Chromium, spoken to over its debugging protocol: what a page requests and shows, keys, clicks, shots."""

import base64
import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import websocket

from hwlib.report.pdf import find_chromium, missing

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
)
CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9, " ": 32, "End": 35}
"""Key codes of the keys that `press` knows; Chromium moves no slider by a key without one."""


class Browser:
    """One tab. `requests` holds the address of everything it asked for, `faults` what went wrong in its scripts."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tab = next(entry for entry in json.load(answer) if entry["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], suppress_origin=True, timeout=180)
        self.count = 0
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.loaded = False
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)  # a page acts as the window that has the keyboard

    def send(self, method: str, **params) -> dict:
        """Call a method of the protocol and return its result; events on the way are kept."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while (message := self._next()).get("id") != self.count:
            pass
        assert "error" not in message, message
        return message["result"]

    def _next(self) -> dict:
        message = json.loads(self.socket.recv())
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            case "Runtime.exceptionThrown" | "Log.entryAdded":
                self.faults.append(json.dumps(message["params"]))
            case "Page.loadEventFired":
                self.loaded = True
            case "Page.javascriptDialogOpening":  # a page with unsaved work asks before it goes
                self.count += 1
                answer = {"id": self.count, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                self.socket.send(json.dumps(answer))
        return message

    def open(self, page: Path | str, width: int, height: int = 800) -> None:
        """Show a file or an address in a window of `width` CSS pixels, a phone's below 500; wait until it is loaded."""
        phone = width < 500
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.loaded = False
        self.send("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        while not self.loaded:
            self._next()

    def evaluate(self, expression: str):
        """The value of a JavaScript expression in the page; a promise is waited for."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression: str, patience: float = 120):
        """Wait until a JavaScript expression is truthy, and return its value; it fails after `patience` seconds."""
        end = time.monotonic() + patience
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"after {patience:.0f} s still not: {expression}"
            time.sleep(0.02)
        return value

    def focus(self, selector: str) -> None:
        """Put the keyboard on an element."""
        self.evaluate(f"{self._found(selector)}.focus()")

    def press(self, key: str) -> None:
        """Press a key of `CODES` and let go, on the element that has the keyboard."""
        named = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": CODES[key]}
        text = {"Enter": "\r", " ": " "}.get(key)  # without its letter, a key presses no button
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.send("Input.dispatchKeyEvent", **named, **down)
        self.send("Input.dispatchKeyEvent", type="keyUp", **named)

    def place(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        """Scroll to an element, and return the point of the window at the fractions x and y of it."""
        box = f"""(element => {{
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return [box.left + {x} * box.width, box.top + {y} * box.height];
        }})({self._found(selector)})"""
        return tuple(self.evaluate(box))

    def click(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        """Click with the mouse, at the fractions x and y of an element."""
        self.drag(selector, (x, y))

    def drag(self, selector: str, *points: tuple[float, float]) -> None:
        """Press the mouse at the first of the points, fractions of an element, move it along them, and let go."""
        for i, point in enumerate(points):
            left, top = self.place(selector, *point)
            self._mouse("mouseMoved", left, top, int(i > 0))
            if i == 0:
                self._mouse("mousePressed", left, top, 1)
        self._mouse("mouseReleased", left, top, 0)

    def attach(self, selector: str, path: Path) -> None:
        """Choose a file for an input, as its dialog does."""
        found = self.send("Runtime.evaluate", expression=self._found(selector))["result"]
        self.send("DOM.setFileInputFiles", files=[str(path)], objectId=found["objectId"])

    def _mouse(self, kind: str, x: float, y: float, buttons: int) -> None:
        button = "left" if kind != "mouseMoved" or buttons else "none"
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1)

    def screenshot(self, path: Path, selector: str = "") -> None:
        """Write what the window shows to a PNG, or what it shows of an element."""
        clip = {}
        if selector:
            box = self.evaluate(f"{self._found(selector)}.getBoundingClientRect().toJSON()")
            clip = {"clip": {name: box[name] for name in ("x", "y", "width", "height")} | {"scale": 1}}
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png", **clip)["data"]))

    def _found(self, selector: str) -> str:
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        return f"document.querySelector({json.dumps(selector)})"


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser with a fresh profile, and end it."""
    program = find_chromium()
    assert program, missing()
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, *root, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Browser(_port(Path(profile) / "DevToolsActivePort", process))
        finally:
            process.terminate()
            process.wait(30)


def _port(path: Path, process: subprocess.Popen, patience: float = 120) -> int:
    end = time.monotonic() + patience
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(path.read_text().splitlines()[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
