"""The live view in a real JupyterLab: its picture appears while the cell runs, and its button stops the training."""

from driving import needs_browser
from driving.lab import lab
from test_live_kernel import TRAINING

pytestmark = needs_browser

BUTTON = ".jp-OutputArea button.jupyter-button"
SHOWN = "[...document.querySelectorAll('.jp-OutputArea img')].filter(e => e.getClientRects().length && e.naturalWidth)"


def test_a_training_is_watched_and_stopped_by_its_button(tmp_path):
    with lab() as jupyter:
        page = jupyter.browser
        jupyter.open(jupyter.write("watched.ipynb", TRAINING.format(folder=str(tmp_path), steps=10**6)))
        run = "jupyterapp.commands.execute('notebook:run-all-cells')"
        page.evaluate(f"window.ran = undefined; {run}.then(good => {{ window.ran = [good]; }}); 0")
        page.until(f"{SHOWN}.length === 1", 120)
        assert page.evaluate("window.ran") is None  # it trains
        page.focus(BUTTON)
        page.press("Enter")
        page.until("window.ran")
        still, error = jupyter.outputs()[0]
        assert set(still["data"]) == {"text/html", "text/plain"}
        assert (error["output_type"], error["ename"]) == ("error", "Stopped")
        assert "a checkpoint is kept" in error["evalue"]
        assert page.until(f"{SHOWN}.map(image => image.alt)")[0].startswith("學習曲線 Learning curves.")
        assert page.evaluate("document.querySelectorAll('.jp-OutputArea .jupyter-widgets').length") == 0
        assert list(tmp_path.glob("*.ckpt"))
        assert page.faults == []
