"""The live view's button in a kernel that is busy training: what Lab sends when it is pressed, without a browser."""

import time

import pytest
from jupyter_client import KernelManager

from hwlib.paths import ROOT

PATIENCE = 120
"""Seconds to wait for a message; on a busy machine a kernel takes many to import torch."""
TRAINING = """
from pathlib import Path

import torch
from hwlib.training.checkpoint import Keeper
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.precision import choose

class Rule(LearningRule):
    def __init__(self):
        self.weight = torch.nn.Linear(1, 1)
        self.modules, self.optimizers = {{"model": self.weight}}, []

    def step(self, x, *, progress):
        return {{"loss": self.weight(x).square().mean()}}

options = dict(batch_size=2, seed=0, compute=choose("cpu", "float32"), keeper=Keeper(Path({folder!r}), 3600))
fit(Rule(), [(torch.ones(4, 1),)], Plan({steps}, {steps}), label="model", **options)
"""


@pytest.fixture
def client(monkeypatch):
    """A client of a kernel as Lab starts one for a notebook."""
    monkeypatch.delenv("HW_PROGRESS")
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/p1_vae.ipynb")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(PATIENCE)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def published(client, kind, fits=lambda content: True):
    """Wait for a published message of a kind and return its content; an error of the cell meanwhile fails."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == kind and fits(message["content"]):
            return message["content"]
        assert message["msg_type"] != "error", message["content"]["evalue"]
    raise AssertionError(f"no {kind}")


def subshell(client):
    """Ask for a subshell as Lab does for its widgets, over the channel that is heard at any time."""
    request = client.session.msg("create_subshell_request")
    client.control_channel.send(request)
    while (reply := client.control_channel.get_msg(timeout=PATIENCE))["msg_type"] != "create_subshell_reply":
        pass
    return reply["content"]["subshell_id"]


def test_a_click_stops_a_busy_kernel_with_a_checkpoint(client, tmp_path):
    if "kernel subshells" not in client.kernel_info(reply=True)["content"].get("supported_features", ()):
        pytest.skip("this ipykernel has no subshells; the view has no button then")
    client.execute(TRAINING.format(folder=str(tmp_path), steps=10**8))
    button = published(client, "comm_open", lambda c: c["data"]["state"].get("_model_name") == "ButtonModel")
    published(client, "display_data")
    click = client.session.msg(
        "comm_msg", {"comm_id": button["comm_id"], "data": {"method": "custom", "content": {"event": "click"}}}
    )
    click["header"]["subshell_id"] = subshell(client)
    client.shell_channel.send(click)
    still = published(client, "update_display_data")
    assert set(still["data"]) <= {"text/html", "text/plain"}  # and no widget
    while (reply := client.get_shell_msg(timeout=PATIENCE))["msg_type"] != "execute_reply":
        pass
    error = reply["content"]
    assert error["ename"] == "Stopped"
    assert error["evalue"].startswith("model: stopped at step ")
    assert "a checkpoint is kept" in error["evalue"]
    assert list(tmp_path.glob("*.ckpt"))
