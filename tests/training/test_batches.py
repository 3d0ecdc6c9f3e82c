"""Order of the data, and the way from bytes to numbers and back."""

import torch

from hwlib.training.batches import Stream, normalise, to_uint8

CPU = torch.device("cpu")


def test_stream_leaves_no_item_out_and_fills_every_batch():
    stream = Stream(n=10, batch_size=4, seed=0, device=CPU)
    drawn = torch.cat([stream.next() for _ in range(5)])
    assert len(drawn) == 20
    for part in drawn.split(10):
        assert sorted(part.tolist()) == list(range(10))


def test_stream_serves_batches_larger_than_the_set():
    assert len(Stream(n=3, batch_size=8, seed=0, device=CPU).next()) == 8


def test_stream_depends_on_its_seed_alone():
    first = Stream(n=50, batch_size=8, seed=1, device=CPU).next()
    torch.randn(100)
    assert torch.equal(Stream(n=50, batch_size=8, seed=1, device=CPU).next(), first)
    assert not torch.equal(Stream(n=50, batch_size=8, seed=2, device=CPU).next(), first)


def test_normalise_maps_bytes_to_minus_one_and_one_and_grey_to_colour():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    assert normalise(images).tolist() == [[[[-1.0, 1.0]]] * 3]


def test_bytes_survive_the_way_there_and_back():
    images = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 3, 16, 16)
    assert torch.equal(to_uint8(normalise(images)), images)
