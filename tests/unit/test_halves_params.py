import pytest
from pydantic import ValidationError

from studies.claims.halves_params import HalvesRecipe
from tests.unit.test_halves import RECIPE


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("top_digits", [0, 0, 1]),
        ("top_digits", []),
        ("top_digits", list(range(10))),
        ("top_digits", [10]),
        ("latents", 7),
        ("routing", "halves"),
        ("decoders", True),
        ("trained_digits", "top"),
        ("bottom_l1_weight", -0.1),
        ("correlation_weight", "0.1"),
        ("epochs", 0),
        ("certificate_loss", "mse"),
        ("noise", 0.1),
    ],
)
def test_value_that_is_not_allowed_is_rejected_by_its_key(key, value):
    with pytest.raises(ValidationError, match=key):
        HalvesRecipe.model_validate(RECIPE | {key: value})


@pytest.mark.parametrize("key", RECIPE)
def test_missing_key_is_rejected_for_there_are_no_defaults(key):
    rest = {other: value for other, value in RECIPE.items() if other != key}
    with pytest.raises(ValidationError, match=key):
        HalvesRecipe.model_validate(rest)
