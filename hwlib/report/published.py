"""Numbers that others reported on the course's real images; shown beside ours, never mixed with them."""

from hwlib.config import SCENARIOS

Scenario = tuple[str, str]


def _row(*values: float) -> dict[Scenario, float]:
    return dict(zip(SCENARIOS, values, strict=True))


STUDENT = {
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

BEST = {
    "source_only": dict(
        zip(
            SCENARIOS,
            [(43.6, "wubinary/DLCV2020-FALL"), (43.67, "EdwardLeeMacau"), (71.99, "s4816577/DLCV_hw3")],
            strict=True,
        )
    ),
    "dann": dict(
        zip(
            SCENARIOS,
            [(61.0, "Allen0307/dlcv"), (54.43, "LiuJoffrey"), (73.5, "wubinary/DLCV2020-FALL")],
            strict=True,
        )
    ),
    "uda": dict(
        zip(
            SCENARIOS,
            [
                (68.0, "DSN, Allen0307/dlcv"),
                (66.51, "GTA, shannon112/DLCVizsla"),
                (85.1, "SymNets, wubinary/DLCV2020-FALL"),
            ],
            strict=True,
        )
    ),
    "target_only": dict(
        zip(
            SCENARIOS,
            [(98.45, "kkeen699/DLCV-spring2019"), (94.3, "wubinary/DLCV2020-FALL"), (97.65, "s4816577/DLCV_hw3")],
            strict=True,
        )
    ),
}
"""Best target test accuracy in public reports of the same homework (2019 and 2020), and where it stands."""
