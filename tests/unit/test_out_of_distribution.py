import pytest

from grvae.measure.out_of_distribution import (
    Limits,
    limits_of,
    reason_out_of_distribution,
)
from grvae.model.vae import build_model
from grvae.use.classification import classify_images
from tests.out_of_distribution_cases import CASES, LIMITS


@pytest.mark.parametrize(("numbers", "answer"), CASES)
def test_rule_has_an_answer_for_every_case(numbers, answer):
    assert reason_out_of_distribution(*numbers, Limits(**LIMITS)) == answer


def test_limits_are_what_few_training_images_exceed_and_one_without_ink_does(recipe, images):
    model = build_model(recipe, "relu", seed=0)
    limits = limits_of(model, images)
    ink = images.pixels.sum(dim=1)
    assert ink.min() <= limits.low_ink < limits.high_ink <= ink.max()
    readings = classify_images(model, images.pixels, limits)
    strange = sum(reading.out_of_distribution is not None for reading in readings)
    assert strange <= 0.05 * len(images.pixels)
    (blank,) = classify_images(model, 0 * images.pixels[:1], limits)
    assert "out of distribution: less ink" in blank.warnings
