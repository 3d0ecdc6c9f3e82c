"""What is measured: four problems with the budgets of the report. Needs no torch, so the command line stays small."""

from dataclasses import dataclass

from hwlib.config import SCENARIOS, Config, read

SOURCE, TARGET = SCENARIOS[0]


@dataclass(frozen=True)
class Problem:
    """`problem` is the workbook's name for it; `sets` are the image sets that a step takes a batch of each."""

    problem: str
    sets: tuple[str, ...]


PROBLEMS = {
    "vae": Problem("p1", ("face",)),
    "gan": Problem("p2", ("face",)),
    "dann": Problem("p3", (SOURCE, TARGET)),
    "dann_resnet34": Problem("p4", (SOURCE, TARGET)),
}


def report_config(problem: str, source: str = SOURCE, target: str = TARGET) -> Config:
    """Return the configuration with the report's epochs, batch size and learning rate; `problem` is p1 to p4."""
    pair = {"src": source, "tgt": target} if problem in ("p3", "p4") else {}
    method = {"method": "dann_resnet34"} if problem == "p4" else {}
    return read(problem, {"profile": "full"} | pair | method)
