import numpy as np
import pytest

from grvae.base.statistics import estimate_median, paired_difference


def test_pairing_removes_what_the_seeds_share():
    shared = np.array([0.0, 10.0, 20.0])
    shared = np.concatenate([shared, shared + 5])
    value = paired_difference(shared + 1, shared)
    assert (value.low, value.median, value.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1, 2, 5, 4], (3, None, None)),
        ([3.0, 1, 2, 6, 5, 4], (3.5, 1, 6)),
        # The second and the ninth: 1 - 2 * (1 + 10) / 2**10 is 97.9 %.
        ([9.0, 1, 2, 3, 4, 5, 6, 7, 8, 100], (5.5, 2, 9)),
    ],
)
def test_interval_of_a_median_lies_between_two_of_six_values_or_more(values, expected):
    value = estimate_median(np.array(values))
    assert (value.median, value.low, value.high) == expected


def test_unequal_numbers_of_seeds_cannot_be_paired():
    with pytest.raises(ValueError, match=r"^got 3 and 2 values, should be equal$"):
        paired_difference(np.zeros(3), np.zeros(2))
