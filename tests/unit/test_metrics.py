from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grvae.base.image_spec import MNIST
from grvae.measure.metrics import (
    METRICS,
    Outcome,
    accuracy,
    assigned_confusion,
    best_assignment,
    dead_latents,
    recall,
)
from grvae.params import load_params
from tests.conftest import PROJECT

EVALUATION = load_params(PROJECT / "params.yaml").evaluation
REPEATABLE = settings(deadline=None, database=None, derandomize=True, max_examples=10)
# Rows are labels; latent 0 holds label 1, latent 1 holds label 2, latent 2 holds label 0.
SHUFFLED = np.array([[1, 0, 9], [6, 2, 0], [0, 4, 0]])


def random_outcome(names=range(10), test_order=None):
    """Fifty images of random scores, digits and latents renamed, the test images reordered."""
    generator, names = np.random.default_rng(0), np.array(names)
    order = np.arange(50) if test_order is None else np.array(test_order)
    labels, scores = np.arange(50) % 10, generator.random((50, 10))
    scores[np.arange(50), labels] += 0.4
    train_scores = generator.random((50, 10))
    train_scores[np.arange(50), (labels + 1) % 10] += 1
    back = np.argsort(names)
    error, entropy, kl = torch.from_numpy(generator.random((3, 50)))
    return Outcome(
        labels=names[labels][order],
        means=scores[:, back][order],
        scores=scores[:, back][order],
        sampled_scores=scores[:, back][order],
        activations=scores[:, back][order],
        squared_error=error[order],
        binary_cross_entropy=entropy[order],
        kl=kl[order],
        train_labels=names[labels],
        train_means=train_scores[:, back],
        train_scores=train_scores[:, back],
        evaluation=EVALUATION,
        spec=MNIST,
    )


OUTCOME = random_outcome()


def test_recall_of_an_absent_label_is_zero_and_of_a_single_image_whole():
    assert recall(np.array([[0, 0], [0, 1]])).tolist() == [0, 1]


def test_best_assignment_finds_the_shuffled_digits():
    assert best_assignment(SHUFFLED).tolist() == [1, 2, 0]


def test_assigned_accuracy_counts_the_assigned_cells():
    assigned = assigned_confusion(SHUFFLED, best_assignment(SHUFFLED))
    assert accuracy(assigned) == (9 + 6 + 4) / 22


def test_assignment_is_one_to_one_even_where_one_latent_takes_all():
    confusion = np.array([[5, 0, 0], [5, 0, 0], [5, 0, 0]])
    assert sorted(best_assignment(confusion)) == [0, 1, 2]


def test_shares_are_in_unit_range_and_other_metrics_are_not_called_shares():
    shares = {name for name, metric in METRICS.items() if metric.is_share}
    assert shares == {name for name in METRICS if name.endswith(("accuracy", "recall"))}
    assert all(0 <= METRICS[name].measure(OUTCOME) <= 1 for name in shares)


def test_latent_that_moves_by_a_thousandth_is_alive_whatever_its_value():
    activations = np.array([[0.0, 3.0, 0.0, 0.0, 0.0], [0.0, 3.0, 1.8e-3, 2e-3, 2.2e-3]])
    assert dead_latents(replace(OUTCOME, activations=activations)) == 3


def measured(outcome):
    return {name: metric.measure(outcome) for name, metric in METRICS.items()}


@given(st.permutations(range(10)))
@REPEATABLE
def test_digits_and_latents_renamed_together_change_no_metric(names):
    renamed = random_outcome(names)
    assert 0 < OUTCOME.recalls.min() < OUTCOME.recalls.max() < 1
    found, expected = measured(renamed), measured(OUTCOME)
    # The probe's fit starts from rounded sums, whose order is another.
    assert found == pytest.approx(expected, abs=0.021)
    for name in ("argmax_accuracy", "assigned_accuracy"):
        assert found[name] == expected[name]
    assert renamed.recalls[list(names)].tolist() == OUTCOME.recalls.tolist()


@given(st.permutations(range(50)))
@REPEATABLE
def test_order_of_the_test_images_changes_no_metric(order):
    assert measured(random_outcome(test_order=order)) == pytest.approx(measured(OUTCOME))
