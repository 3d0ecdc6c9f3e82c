"""Numbers that others reported on the course's real images; shown beside ours, never mixed with them."""

from dataclasses import dataclass

from hwlib.config import SCENARIOS

Scenario = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """A public repository with a report of this homework; `term` says when it was handed in, `method` what it used for
    problem 4."""

    repository: str
    term: str
    method: str = ""

    @property
    def key(self) -> str:
        """The id of its entry among the references."""
        return "report-" + self.repository.partition("/")[0].lower()

    @property
    def owner(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def url(self) -> str:
        return f"https://github.com/{self.repository}"


STUDENT_SOURCE = Source("jingur/DANN", "2020 fall", "ResNet-34 DANN")
ALLEN = Source("Allen0307/dlcv", "2020 fall", "DSN")
WU = Source("wubinary/DLCV2020-FALL", "2020 fall", "SymNets")
SHANNON = Source("shannon112/DLCVizsla", "2019 spring", "GTA")
LIU = Source("LiuJoffrey/GAN-Human-Face-Domain-Adaptation", "2019 spring", "ADDA")
EDWARD = Source("EdwardLeeMacau/ntu_dlcv_spring_2019_hw3", "2019 spring")
KKEEN = Source("kkeen699/DLCV-spring2019", "2019 spring", "ADDA")
S4816577 = Source("s4816577/DLCV_hw3_GANandDAN", "2019 spring", "DAN")
SOURCES = (STUDENT_SOURCE, ALLEN, WU, SHANNON, LIU, EDWARD, KKEEN, S4816577)


def _row(*values):
    return dict(zip(SCENARIOS, values, strict=True))


STUDENT: dict[str, dict[Scenario, float]] = {
    "source_only": _row(34.41, 35.27, 36.95),
    "dann": _row(48.68, 51.64, 54.01),
    "target_only": _row(90.43, 88.56, 91.52),
    "uda": _row(46.21, 55.79, 69.26),
}
"""Accuracy in percent on the target test set in the report that this workbook rebuilds; one run each."""

STUDENT_METHOD = "dann_resnet34"
"""The method of ours that is the student's "uda": a ResNet-34 trunk in front of the DANN."""

STUDENT_MSE = 0.0099
"""Mean of the ten MSEs of the student's table 1-3, [0, 1] scale."""
STUDENT_KL = 50.6
"""KL of the student's VAE, nats an image."""

BEST: dict[str, dict[Scenario, tuple[float, Source]]] = {
    "source_only": _row((43.6, WU), (43.67, EDWARD), (71.99, S4816577)),
    "dann": _row((61.0, ALLEN), (54.43, LIU), (73.5, WU)),
    "uda": _row((68.0, ALLEN), (66.51, SHANNON), (85.1, WU)),
    "target_only": _row((98.45, KKEEN), (94.3, WU), (97.65, S4816577)),
}
"""Best target test accuracy in public reports of the same homework, and whose. Several chose the epoch by the labelled
target test set, as the reports or their code say; ours never do."""

ADAMATCH: dict[Scenario, float] = _row(98.9, 96.9, 90.4)
"""Target test accuracy in the paper of AdaMatch (Berthelot et al. 2021, arXiv 2106.04732, table 127): a WideResNet-28-2
trained on eight million labelled images."""
ADAMATCH_CITE = "Berthelot et al. 2021"

COURSE_COUNTS: dict[tuple[str, str], int] = {
    ("usps", "train"): 7291,
    ("usps", "test"): 2007,
    ("mnistm", "train"): 60000,
    ("mnistm", "test"): 10000,
    ("svhn", "train"): 73257,
    ("svhn", "test"): 26032,
}
"""Images of each digit set and split as the course hands them out."""
