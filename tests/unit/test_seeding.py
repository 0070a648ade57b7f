import pytest
import torch

from grvae.base.seeding import random_stream, weights_drawn_from


def draw(seed, stream):
    return torch.rand(3, generator=random_stream(seed, stream)).tolist()


def test_stream_is_what_the_seed_and_its_name_make_it():
    # Torch's generator, started from the first eight bytes of the SHA-256 of "0/noise".
    started = torch.Generator().manual_seed(2258784678044586894)
    assert draw(0, "noise") == torch.rand(3, generator=started).tolist()


def test_every_seed_and_name_has_a_stream_of_its_own():
    names = ("init", "shuffle", "augmentation", "noise", "routes", "split", "judge")
    seeds = (0, 1, 2**31 - 2, 2**31 - 1)
    draws = {tuple(draw(seed, name)) for seed in seeds for name in names}
    assert len(draws) == len(seeds) * len(names)


@pytest.mark.parametrize("elsewhere", [0, 1])
def test_weights_are_drawn_from_the_stream_and_leave_the_global_one_alone(elsewhere):
    torch.manual_seed(elsewhere)
    before = torch.get_rng_state()
    with weights_drawn_from(torch.Generator().manual_seed(7)):
        weight = torch.nn.Linear(1, 1).weight.item()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(7))))
    assert weight == torch.nn.Linear(1, 1).weight.item()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_stream_lives_where_torch_puts_new_tensors():
    with torch.device("cuda"):
        assert torch.rand(3, generator=random_stream(0, "noise")).device.type == "cuda"
