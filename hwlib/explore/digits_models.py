"""The networks and images of a scenario: which runs belong to it, what they keep, and what is missing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwlib.config import SCENARIOS
from hwlib.data import ImageSet
from hwlib.errors import WorkbookError
from hwlib.evaluation.embedding import subset
from hwlib.evaluation.networks import config_of, load_model
from hwlib.explore.answers import Answers, answers, ask
from hwlib.explore.found import missing, none_left, other_images, read_runs, sets_of
from hwlib.explore.shown import Say
from hwlib.record import Record

Pair = tuple[str, str]

IMPROVED = "improved"
ORDER = ("source_only", "dann", IMPROVED, "target_only")
"""The networks side by side: from the source alone to the target's own labels."""
TITLES = {
    "source_only": ("只用來源域訓練", "source only"),
    "dann": ("DANN", "DANN"),
    "target_only": ("用目標域標籤訓練", "target only"),
    "adamatch": ("AdaMatch", "AdaMatch"),
    "dann_resnet34": ("ResNet-34 DANN", "ResNet-34 DANN"),
}
SOURCE, TARGET = 0, 1
"""Domains, as the maps of records number them."""


@dataclass(frozen=True)
class Scenario:
    """A pair of domains with its finished runs, the newest first; runs without a part of their method do not count."""

    pair: Pair
    p3: tuple[Record, ...]
    p4: tuple[Record, ...]

    def runs(self, problem: str) -> tuple[Record, ...]:
        """Its runs of `p3` or `p4`."""
        return self.p3 if problem == "p3" else self.p4


def scenarios(say: Say, runs: Path) -> tuple[dict[Pair, Scenario], list[str]]:
    """Return the pairs that have runs, that of the newest run first, and what is wrong with the records that were
    passed over, a line each. Raises WorkbookError where there is no pair at all."""
    records, unread = read_runs(runs, "p3", "p4")
    found: dict[Pair, dict[str, list[Record]]] = {}
    unfit: list[str] = []
    for record in records:
        try:
            config = config_of(record)
        except WorkbookError as error:
            unfit.append(str(error))
            continue
        if getattr(config, "without", "nothing") == "nothing":
            found.setdefault((config.src, config.tgt), {"p3": [], "p4": []})[record.problem].append(record)
    if not found:
        raise WorkbookError(none_left(say, [*(unfit or [missing(say, runs, "p3")]), *unread]))
    return {pair: Scenario(pair, tuple(of["p3"]), tuple(of["p4"])) for pair, of in found.items()}, unread + unfit


def in_order(pairs: Mapping[Pair, Scenario]) -> list[Pair]:
    """The pairs as a chooser lists them: the assignment's first, in its order."""
    return sorted(pairs, key=lambda pair: (SCENARIOS.index(pair) if pair in SCENARIOS else len(SCENARIOS), pair))


@dataclass(frozen=True)
class Map:
    """Points of a t-SNE that a record keeps, each with its image.

    points: float32 (N, 2); labels, domains: (N,); indices: int64 (N,), of each point's image in its domain's test set.
    right: bool (N,), whether the network names them right; model: the network whose features they are, by its name.
    """

    points: np.ndarray
    labels: np.ndarray
    domains: np.ndarray
    indices: np.ndarray
    right: np.ndarray
    model: str


@dataclass
class Scene:
    """All that is played with: networks by name, in `ORDER`, test sets of both domains, and the target's answers.

    titles: of each network, in Chinese and in English; notes: lines on what is missing, damaged or changed.
    """

    scenario: Scenario
    records: dict[str, Record]
    networks: dict[str, nn.Module]
    titles: dict[str, tuple[str, str]]
    tests: tuple[ImageSet, ImageSet]
    answers: Answers
    notes: list[str]
    maps: dict[str, Map]
    _source: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The network that is shown first: the improved one, else the DANN, else what there is."""
        return next(name for name in (IMPROVED, "dann", *ORDER) if name in self.networks)

    def title(self, name: str, say: Say) -> str:
        return say(*self.titles[name])

    def image(self, domain: int, index: int) -> torch.Tensor:
        """A test image of a domain, uint8 (C, 28, 28)."""
        return self.tests[domain].images[index]

    def label(self, domain: int, index: int) -> int:
        return int(self.tests[domain].labels[index])

    def asked(self, image: torch.Tensor) -> dict[str, np.ndarray]:
        """The probabilities (10,) that each network gives the digits in one image, uint8 (C, 28, 28)."""
        with _one_thread():
            return {name: ask(network, image[None])[0] for name, network in self.networks.items()}

    def told(self, domain: int, index: int) -> dict[str, np.ndarray]:
        """The probabilities (10,) of each network for a test image; those of the target are known already."""
        if domain == TARGET:
            return {name: of[index] for name, of in self.answers.probabilities.items()}
        if index not in self._source:  # picture and words ask after each other
            self._source = {index: self.asked(self.image(domain, index))}
        return self._source[index]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: for one small image more gain nothing, and wait for each other where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_scene(say: Say, runs: Path, scenario: Scenario, p3: Record | None, p4: Record | None) -> Scene:
    """Load what the runs `p3` and `p4` of a scenario keep, and ask the networks about the target's test set.

    A network that is missing or damaged becomes a note, as long as another one is there. Raises WorkbookError where
    there is none, and where the images cannot be read.
    """
    src, tgt = scenario.pair
    records = {problem: record for problem, record in (("p3", p3), ("p4", p4)) if record is not None}
    notes = [missing(say, runs, problem, src=src, tgt=tgt) for problem in ("p3", "p4") if problem not in records]
    networks, damaged = _networks(records)
    if not networks:
        raise WorkbookError(damaged[0])
    notes += damaged
    first = next(iter(records.values()))
    sets, same = sets_of(first)
    tests = (sets[1], sets[3])
    if not same:
        notes.append(other_images(say, sets, first))
    elif len(records) == 2 and _hashes(records["p3"]) != _hashes(records["p4"]):
        notes.append(
            say(
                "注意：兩個紀錄用的影像不同，這裡顯示的是 p3 的影像。",
                "Note: the two runs are of different images; shown are those of p3.",
            )
        )
    titles = {name: TITLES[records["p4"].adapted if name == IMPROVED else name] for name in networks}
    told = answers(networks, tests[TARGET].images, tests[TARGET].labels)
    maps = _maps(say, records, networks, tests, told, notes)
    return Scene(scenario, records, networks, titles, tests, told, notes, maps)


def _networks(records: Mapping[str, Record]) -> tuple[dict[str, nn.Module], list[str]]:
    """The networks that can be loaded, in `ORDER`, and a line for each that cannot."""
    networks, damaged = {}, []
    for name in ORDER:
        problem, file = ("p4", "model") if name == IMPROVED else ("p3", name)
        if problem in records:
            try:
                networks[name] = load_model(records[problem], file)
            except WorkbookError as error:
                damaged.append(str(error))
    return networks, damaged


def _hashes(record: Record) -> dict[str, str]:
    return {s["name"]: s["sha256"] for s in record.sets if s["split"] == "test"}


def _maps(
    say: Say,
    records: Mapping[str, Record],
    networks: Mapping[str, nn.Module],
    tests: tuple[ImageSet, ImageSet],
    told: Answers,
    notes: list[str],
) -> dict[str, Map]:
    """The maps of the runs by the name of their network, those whose images are still the same."""
    maps = {}
    kept = ((IMPROVED, "p4", "tsne"), ("dann", "p3", "tsne"), ("source_only", "p3", "tsne_before"))
    for name, problem, array in kept:
        if name not in networks:
            continue
        try:
            found = _points(records[problem], array, tests)
        except WorkbookError as error:
            if str(error) not in notes:
                notes.append(str(error))
            continue
        if found is not None:
            points, drawn = found
            chosen = torch.from_numpy(drawn[SOURCE])
            of_source = answers({name: networks[name]}, tests[SOURCE].images[chosen], tests[SOURCE].labels[chosen])
            right = np.concatenate((of_source.right(name), told.right(name)[drawn[TARGET]]))
            labels = np.concatenate((of_source.labels, told.labels[drawn[TARGET]]))
            domains = np.repeat([SOURCE, TARGET], [len(each) for each in drawn])
            maps[name] = Map(points, labels, domains, np.concatenate(drawn), right, name)
        elif (note := _no_map(say, records[problem])) not in notes:
            notes.append(note)
    return maps


def _no_map(say: Say, record: Record) -> str:
    return say(
        f"{record.folder.name}：t-SNE 的點與現在的影像對不上，因此不顯示。",
        f"{record.folder.name}: the points of its t-SNE are not of these images, and not shown.",
    )


def _points(
    record: Record, array: str, tests: tuple[ImageSet, ImageSet]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]] | None:
    """The points (N, 2) that a record keeps as `array`, and their images, found again as `domain_map` drew them:
    indices into the source's test set and into the target's. None where the test sets have changed since. Raises
    WorkbookError where the record's arrays are damaged."""
    config, arrays = config_of(record), record.arrays
    if lacking := [each for each in (array, "tsne_labels", "tsne_domain") if each not in arrays]:
        raise WorkbookError(f"{record.folder}/arrays.npz: there is no {lacking[0]} in it; run it again with --force")
    source, target = (subset(len(test), config.tsne_points // 2, config.seed) for test in tests)
    labels = np.concatenate((tests[SOURCE].labels.numpy()[source], tests[TARGET].labels.numpy()[target]))
    domains = np.repeat([SOURCE, TARGET], [len(source), len(target)])
    same = np.array_equal(labels, arrays["tsne_labels"]) and np.array_equal(domains, arrays["tsne_domain"])
    points = np.asarray(arrays[array], np.float32)
    return (points, (source, target)) if same and points.shape == (len(labels), 2) else None
