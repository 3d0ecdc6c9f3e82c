"""Which Python runs a notebook, whose hwlib it finds there, and what a command says when that Python dies."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from hwlib import runner
from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.paths import NOTEBOOKS, ROOT

GONE = ["/opt/gone/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
BARE = "import sys; sys.modules['hwlib'] = None; from ipykernel.kernelapp import launch_new_instance as go; go()"
"""A Python that has Jupyter's kernel and no hwlib, as another environment's."""


def foreign(tmp_path, monkeypatch, argv, **env):
    """Put a kernel named python3 first on Jupyter's path."""
    folder = tmp_path / "X/kernels/python3"
    folder.mkdir(parents=True)
    spec = {"argv": argv, "display_name": "Python 3", "language": "python", "env": env}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "X"))


def small(tmp_path, monkeypatch, code):
    """Let `hw run` execute a notebook of one parameters cell and this code; return the configuration."""
    cells = [nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell(code)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, tmp_path / "small.ipynb")
    monkeypatch.setattr(runner, "notebook_path", lambda problem: tmp_path / "small.ipynb")
    return read("p1", {"profile": "smoke", "runs": str(tmp_path / "runs")})


@pytest.mark.parametrize("argv", [GONE, [sys.executable, "-c", BARE, "-f", "{connection_file}"]])
def test_hw_run_takes_its_own_python_whatever_jupyter_finds(argv, tmp_path, monkeypatch):
    foreign(tmp_path, monkeypatch, argv)
    config = small(tmp_path, monkeypatch, "import sys, hwlib\nprint(sys.executable, hwlib.__file__)")
    runner._papermill(config, tmp_path / "out.ipynb")
    shown = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs[0]["text"]
    assert shown.split() == [sys.executable, str(ROOT / "hwlib/__init__.py")]


GOES_ON = "; running the same again goes on from the last checkpoint"
DEATHS = {
    "import os; os.kill(os.getpid(), 9)": f"the kernel was killed, {runner._MEMORY}{GOES_ON}",
    "import os; os.kill(os.getpid(), 11)": f"the kernel died of SIGSEGV{GOES_ON}",
    "import os; os._exit(3)": f"Kernel died{GOES_ON}",
    "raise MemoryError('Unable to allocate 9 TiB')": f"Unable to allocate 9 TiB; {runner._MEMORY} (see ",
    "import torch; torch.empty(2**50)": "DefaultCPUAllocator: can't allocate memory",
    "import torch; raise torch.OutOfMemoryError('CUDA out of memory.')": f"CUDA out of memory.; {runner._MEMORY} (see ",
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to die of")
@pytest.mark.parametrize("code", DEATHS)
def test_what_a_kernel_died_of_is_one_line(code, tmp_path, monkeypatch):
    with pytest.raises(WorkbookError) as error:
        runner.execute(small(tmp_path, monkeypatch, code))
    assert DEATHS[code] in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert ("smaller batch_size" in str(error.value)) == (
        "SEGV" not in code and "11" not in code and "exit" not in code
    )


def alone(name="p1_vae"):
    """A committed notebook's first code cell, as a notebook."""
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    return nbformat.v4.new_notebook(cells=[cell for cell in cells if "versions" in cell.metadata.get("tags", ())])


def first_cell(folder):
    """Run the first code cell as Lab does, with the notebook's folder as working directory; the error's text, or ""."""
    notebook = alone()
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    try:
        client.execute()
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    return ""


def other_checkout(tmp_path):
    """A clone beside this one, as far as its layout tells; return its notebooks' folder."""
    (tmp_path / "clone/hwlib").mkdir(parents=True)
    (tmp_path / "clone/hwlib/notebook.py").touch()
    (tmp_path / "clone/notebooks").mkdir()
    return tmp_path / "clone/notebooks"


def test_the_first_cell_is_one_in_all_notebooks():
    assert len({alone(path.stem).cells[0].source for path in NOTEBOOKS.glob("*.ipynb")}) == 1


def test_the_first_cell_says_that_the_kernel_has_no_hwlib(tmp_path, monkeypatch):
    foreign(tmp_path, monkeypatch, [sys.executable, "-c", BARE, "-f", "{connection_file}"])
    said = first_cell(NOTEBOOKS)
    assert said.startswith("ImportError: ")
    assert len(said.splitlines()) == 1
    assert f"{sys.executable}, this kernel's Python, is not the workbook's" in said


def test_the_first_cell_says_that_the_hwlib_is_another_checkouts(tmp_path):
    folder = other_checkout(tmp_path)
    said = first_cell(folder)
    assert said.startswith(
        f"WorkbookError: kernel: {sys.executable} has the hwlib of {ROOT}, and this notebook is that"
    )
    assert f" that of {folder.parent};" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("place", ["notebooks", "elsewhere"])
def test_the_first_cell_is_content_with_its_own_checkout_and_with_none(place, tmp_path):
    assert first_cell(NOTEBOOKS if place == "notebooks" else tmp_path) == ""


@pytest.mark.parametrize("given", ["clone/notebooks/p1_vae.ipynb", "own"])
def test_papermill_is_asked_which_notebook_it_runs(given, tmp_path):
    """Its kernel works where the shell does, here in the folder above the other clone, or in that clone itself."""
    folder = other_checkout(tmp_path)
    nbformat.write(alone(), folder / "p1_vae.ipynb")
    own = given == "own"
    command = [sys.executable, "-m", "papermill", NOTEBOOKS / "p1_vae.ipynb" if own else given, tmp_path / "out.ipynb"]
    command += ["-k", "python3", "-p", "seed", "none"] if own else ["-k", "python3"]
    ended = subprocess.run(
        list(map(str, command)), cwd=folder if own else tmp_path, capture_output=True, text=True, timeout=300
    )
    last = [line for line in ended.stderr.splitlines() if line.strip()][-1]
    wanted = "WorkbookError: seed: " if own else f"WorkbookError: kernel: {sys.executable} has the hwlib of {ROOT}, and"
    assert last.startswith(wanted)
