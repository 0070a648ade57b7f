import json

import pytest

from grvae.params import load_params
from tests.conftest import PROJECT
from tests.golden_steps import GOLDEN, processor, take_steps

WRITTEN = json.loads(GOLDEN.read_text())
EXPECTED = WRITTEN["steps"]
VARIANTS = list(load_params(PROJECT / "params.yaml").overrides)
SAME_BITS = processor() == WRITTEN["processor"]


def test_every_variant_has_golden_steps():
    assert list(EXPECTED) == VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
def test_first_steps_of_a_variant_are_what_they_were(params, name):
    steps = take_steps(params, name)
    assert len(steps) == len(EXPECTED[name])
    for step, expected in zip(steps, EXPECTED[name], strict=True):
        assert step["losses"] == pytest.approx(expected["losses"], rel=1e-4)
        norms = expected["gradient_norms"]
        assert step["gradient_norms"] == pytest.approx(norms, rel=1e-4, abs=1e-6)
        if SAME_BITS:
            assert step["weights_sha256"] == expected["weights_sha256"]
