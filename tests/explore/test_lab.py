"""A real JupyterLab in a real browser: keys, clicks and strokes reach the kernel, and its pictures come back.

One server and one tab for all; a test opens a notebook of its own. `make test-browser` runs these, and fails where
there is no browser.
"""

import json
import re
import shutil

import nbformat
import numpy as np
import pytest
from driving import needs_browser
from driving.lab import lab
from made_faces import write_faces
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from PIL import Image

from hwlib.paths import NOTEBOOKS
from hwlib.report import build

pytestmark = needs_browser

PICTURES = """(async () => {
    const shown = [...document.querySelectorAll(".jp-OutputArea .jupyter-widgets img")]
        .filter(image => image.getClientRects().length && image.complete && image.naturalWidth);
    const read = image => fetch(image.src).then(answer => answer.arrayBuffer());
    const told = bytes => crypto.subtle.digest("SHA-1", bytes).then(digest => [...new Uint8Array(digest)].join());
    return Promise.all(shown.map(image => read(image).then(told)));
})()"""
STILL = """[...document.querySelectorAll("[class^=hw-still] img")]
    .map(image => [image.getClientRects().length > 0, image.naturalWidth > 0, image.src, image.alt])"""
ELEMENTS = """
import numpy as np
from hwlib.explore.elements import Scatter, Sketch, Tiles, Upload
from hwlib.explore.picture import png
labels = [*"abcd", "", *"fgh"]
tiles = Tiles(png=png(np.zeros((80, 160, 3), np.uint8)), rows=2, columns=4, width=320, labels=labels)
clicked = []
tiles.on_click(clicked.append)
tiles
"""
SCATTER = """
scatter = Scatter(palette=["#0072b2", "#d55e00"], names=["one", "two"], groups=bytes([0, 1, 0]), width=440)
scatter.place(np.array([[0, 0], [1, 1], [0, 1.0]]), [0, 1, 0])
scatter
"""
UPLOAD = """
import io
from PIL import Image
taken = []
def take(name, content):
    size = Image.open(io.BytesIO(content)).size if content else None
    taken.append((name, size))
upload = Upload(label="Upload")
upload.on_upload(take)
upload
"""
BUSY = """
import time

import ipywidgets
import numpy as np
from hwlib.explore.picture import png

def draw(change):
    time.sleep(0.05)
    image.value = png(np.zeros((8, 8 + slider.value, 3), np.uint8))

slider, image = ipywidgets.IntSlider(), ipywidgets.Image()
slider.observe(draw, "value")
ipywidgets.VBox([slider, image])
"""


@pytest.fixture(scope="module")
def jupyter():
    with lab({"HW_PROFILE": "smoke"}) as running:
        yield running


@pytest.fixture
def page(jupyter):
    """The tab; whatever it asks for must come from the server or from itself, and none of its scripts may fail."""
    browser = jupyter.browser
    browser.requests.clear()
    browser.faults.clear()
    yield browser
    own = (jupyter.address, jupyter.address.replace("http", "ws"), "data:", "blob:")
    assert [address for address in browser.requests if not address.startswith(own)] == []
    assert [fault for fault in browser.faults if "exceptionDetails" in fault] == []


def intact(page):
    """Whether every widget could be shown; one that could not leaves a message in its place and no fault."""
    broken = "[...document.querySelectorAll('.jupyter-widgets-error-widget')].map(widget => widget.innerText)"
    return page.evaluate(broken) == []


def test_p1_runs_in_lab_and_a_key_on_a_slider_changes_the_picture(jupyter, page, tmp_path):
    runs = tmp_path / "runs"
    # Enough training for the decoder to listen to its latents, on few faces.
    given = {"data": str(write_faces(tmp_path / "data")), "runs": str(runs), "steps": 40, "lr": 1e-3}
    book = parameterize_notebook(load_notebook_node(str(NOTEBOOKS / "p1_vae.ipynb")), given)
    nbformat.write(book, jupyter.folder / "p1_vae.ipynb")
    jupyter.open("p1_vae.ipynb")
    jupyter.run_all()

    page.until(f"{PICTURES}.then(pictures => pictures.length > 0)")
    assert intact(page)
    before = page.evaluate(PICTURES)
    page.focus(".jp-OutputArea .jupyter-widgets .noUi-handle")
    for _ in range(3):
        page.press("ArrowRight")
    page.until(
        f"{PICTURES}.then(pictures => pictures.length > 0 && pictures.join() !== {json.dumps(','.join(before))})"
    )
    ((shown, _, still, alt),) = page.evaluate(STILL)
    assert not shown  # it is there for a page without a kernel; beside the view it would be shown twice
    assert alt

    # The picture that is saved is kept in the notebook, and a page without the kernel shows it.
    page.click(".jp-OutputArea .jupyter-widgets button:has(.fa-save)")
    page.until(f"{STILL}[0][2] !== {json.dumps(still)}")
    jupyter.save()
    jupyter.shut_down_kernel()
    kept = page.evaluate(STILL)[0][2]
    jupyter.open("p1_vae.ipynb")
    page.until(f"{STILL}[0]?.[1]")
    assert page.evaluate(STILL)[0][:3] == [True, True, kept]
    area = "document.querySelector('[class^=hw-still]').closest('.jp-OutputArea')"
    page.until(f"{area}.children[1].textContent.trim()")  # what Lab says of a widget that is gone …
    assert page.evaluate(f"{area}.innerText.trim()") == page.evaluate(STILL)[0][3]  # … is not shown

    # The report leaves out what is there to play with, also where the notebook beside the record was saved in Lab.
    (record,) = (path.parent for path in runs.glob("*/run.json"))
    shutil.copy(jupyter.folder / "p1_vae.ipynb", record / "notebook.ipynb")
    assert "application/vnd.jupyter.widget-view+json" in (record / "notebook.ipynb").read_text("utf-8")
    text = build.build_report(runs, tmp_path / "out", pdf=False).read_text("utf-8")
    assert "1-6" in text
    assert not re.search(r"jupyter.widget|explore\.vae|hw-still|<script[^>]*\ssrc|//cdn|//unpkg", text)


def test_clicks_keys_strokes_and_files_come_back_to_the_kernel(jupyter, page, tmp_path):
    jupyter.open(jupyter.write("elements.ipynb", ELEMENTS, SCATTER, "sketch = Sketch(clear='Clear')\nsketch", UPLOAD))
    jupyter.run_all()
    page.until("document.querySelectorAll('.hw-tiles img[src], .hw-scatter canvas, .hw-sketch canvas').length === 3")

    page.click(".hw-tiles-cells button:nth-child(3)")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter"):
        page.press(key)
    page.click(".hw-tiles-cells button:nth-child(5)")  # a cell without a label cannot be chosen
    jupyter.until("print(clicked)", "[2, 3]\n")
    jupyter.printed("tiles.marked = [6, 1]")
    marks = "[...document.querySelectorAll('.hw-tiles-cells button')].map(cell => cell.dataset.mark).join()"
    page.until(f"{marks} === ',2,,,,,1,'")

    page.click(".hw-scatter canvas", 430 / 442, 12 / 442)
    jupyter.until("print(scatter.chosen)", "1\n")
    page.press("ArrowLeft")
    jupyter.until("print(scatter.chosen)", "0\n")

    page.drag(".hw-sketch canvas", (0.25, 0.5), (0.5, 0.5), (0.75, 0.5))
    rows = "i = sketch.image(); print(bool(i[56, 28:84].all()), bool(i[:40].any()), bool(i[70:].any()))"
    jupyter.until(rows, "True False False\n")
    page.click(".hw-sketch button")
    jupyter.until("print(sketch.image())", "None\n")

    page.drag(".hw-sketch canvas", (0.25, 0.5), (0.75, 0.5))
    jupyter.until("print(sketch.image() is None)", "False\n")
    jupyter.printed("sketch.wipe()")
    black = "document.querySelector('.hw-sketch canvas').getContext('2d').getImageData(112, 112, 1, 1).data[0] === 0"
    page.until(black)

    # A photograph of more bytes than the server lets through in one message, what is no image, and the same once more.
    photograph, words = tmp_path / "photograph.png", tmp_path / "words.png"
    noise = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), np.uint8)
    Image.fromarray(noise).save(photograph, compress_level=0)
    assert photograph.stat().st_size > 10 * 2**20
    words.write_text("no image")
    big, none = ("photograph.png", (512, 256)), ("words.png", None)
    for i, path in enumerate((photograph, words, photograph)):
        page.attach(".hw-upload input", path)
        jupyter.until("print(taken)", f"{[big, none, big][: i + 1]}\n")
    asking = "addEventListener('click', event => { event.preventDefault(); window.asked = true; })"  # without a dialog
    page.evaluate(f"document.querySelector('.hw-upload input').{asking}")
    page.focus(".hw-upload button")
    page.press("Enter")
    page.until("window.asked")


def test_a_slider_on_a_busy_kernel_ends_where_the_keys_did(jupyter, page):
    """Moves that come faster than pictures are dropped on the way, but never the last one."""
    jupyter.open(jupyter.write("busy.ipynb", BUSY))
    jupyter.run_all()
    page.focus(".jupyter-widgets .noUi-handle")
    for _ in range(20):
        page.press("ArrowRight")
    page.until("document.querySelector('img.widget-image')?.naturalWidth === 28")
