import numpy as np
import pytest
import torch

from hwlib.evaluation.accuracy import predict
from hwlib.evaluation.networks import compute_on
from hwlib.explore.answers import Answers, answers, ask
from hwlib.models import DANN


def told(*said, labels, sure=0.9):
    """Answers of one network `a` that gives `sure` to each digit said."""
    probabilities = np.full((len(said), 10), 0.01, np.float32)
    probabilities[np.arange(len(said)), said] = sure
    return Answers(np.array(labels), {"a": probabilities})


def test_what_is_counted():
    answers = told(1, 7, 7, 3, labels=[1, 1, 1, 3])
    assert answers.said("a").tolist() == [1, 7, 7, 3]
    assert answers.right("a").tolist() == [True, False, False, True]
    assert answers.accuracy("a") == 50
    counts = answers.confusion("a")
    assert (counts[1, 7], counts[1, 1], counts[3, 3], counts.sum()) == (2, 1, 1, 4)
    assert answers.largest_error("a") == (1, 7)


def test_without_mistakes_the_largest_cell_is_of_right_answers():
    assert told(4, 4, 2, labels=[4, 4, 2]).largest_error("a") == (4, 4)


def test_images_behind_a_cell_come_surest_first_and_not_too_many():
    answers = told(*[7] * 5, 2, labels=[1] * 6, sure=np.array([0.5, 0.9, 0.7, 0.9, 0.6, 0.99]))
    assert answers.behind("a", 1, 7, 40).tolist() == [1, 3, 2, 4, 0]
    assert answers.behind("a", 1, 7, 2).tolist() == [1, 3]
    assert answers.behind("a", 1, 8, 40).tolist() == []


def test_asking_litters_neither_page_nor_terminal(monkeypatch, capsys):
    """A bar that shows nothing within its first second is none either: Lab keeps a broken widget of it."""
    monkeypatch.setenv("HW_PROGRESS", "bar")
    monkeypatch.setattr("tqdm.tqdm.__init__", lambda *given, **named: pytest.fail("a bar"))
    answers({"a": DANN().eval()}, torch.zeros(8, 1, 28, 28, dtype=torch.uint8), torch.zeros(8).long())
    assert capsys.readouterr() == ("", "")


def test_the_answers_are_those_of_the_evaluation():
    torch.manual_seed(0)
    networks = {name: DANN().eval() for name in ("a", "b")}
    images = torch.randint(0, 256, (700, 1, 28, 28), dtype=torch.uint8)
    found = answers(networks, images, torch.arange(700) % 10)
    for name, network in networks.items():
        assert found.probabilities[name].dtype == np.float32
        assert found.probabilities[name].sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert found.said(name).tolist() == predict(network, images, compute_on("cpu")).tolist()
        assert ask(network, images[650:651])[0] == pytest.approx(found.probabilities[name][650], abs=1e-5)
    assert (found.said("a") != found.said("b")).any()
