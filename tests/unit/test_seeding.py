import torch

from grvae.base.seeding import random_stream


def draw(seed, stream):
    return torch.rand(4, generator=random_stream(seed, stream)).tolist()


def test_same_seed_and_stream_repeat():
    assert draw(0, "noise") == draw(0, "noise")


def test_another_seed_differs():
    assert draw(0, "noise") != draw(1, "noise")


def test_streams_of_one_seed_differ():
    assert draw(0, "noise") != draw(0, "shuffle")


def test_large_seed_is_accepted():
    assert draw(2**31 - 1, "noise") != draw(2**31 - 2, "noise")
