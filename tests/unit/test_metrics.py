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
    confusion_matrix,
    dead_latents,
    mean_activation,
    recall,
)
from grvae.params import load_params
from tests.conftest import PROJECT

REPEATABLE = settings(deadline=None, database=None, derandomize=True, max_examples=10)
# Rows are labels; latent 0 holds label 1, latent 1 holds label 2, latent 2 holds label 0.
SHUFFLED = np.array([[1, 0, 9], [6, 2, 0], [0, 4, 0]])
# Twenty images, two a digit; each is read right but for the first, which is read as a 1.
LABELS = np.arange(20) % 10
SCORES = np.eye(10)[np.where(np.arange(20) == 0, 1, LABELS)]
OUTCOME = Outcome(
    labels=LABELS,
    means=SCORES,
    activations=SCORES,
    scores=SCORES,
    sampled_scores=np.roll(SCORES, 1, axis=0),
    squared_error=torch.tensor([1.0, 3.0] * 10),
    binary_cross_entropy=torch.full((20,), 5.0),
    kl=torch.full((20,), 7.0),
    train_labels=LABELS,
    train_means=SCORES,
    train_scores=np.roll(SCORES, 1, axis=1),
    evaluation=load_params(PROJECT / "params.yaml").evaluation,
    spec=MNIST,
)


def test_confusion_counts_pairs():
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert counts.tolist() == [[0, 2], [1, 0]]
    assert counts.dtype == np.int64


def test_accuracy_and_recall_read_the_diagonal():
    assert accuracy(SHUFFLED) == (1 + 2 + 0) / 22
    assert recall(SHUFFLED).tolist() == [1 / 10, 2 / 8, 0]


def test_recall_of_an_absent_label_is_zero():
    assert recall(np.array([[0, 0], [1, 1]])).tolist() == [0, 0.5]


def test_best_assignment_finds_the_shuffled_digits():
    assert best_assignment(SHUFFLED).tolist() == [1, 2, 0]


def test_assigned_accuracy_counts_the_assigned_cells():
    assigned = assigned_confusion(SHUFFLED, best_assignment(SHUFFLED))
    assert accuracy(assigned) == (9 + 6 + 4) / 22


def test_assignment_is_one_to_one_even_where_one_latent_takes_all():
    confusion = np.array([[5, 0, 0], [5, 0, 0], [5, 0, 0]])
    assert sorted(best_assignment(confusion)) == [0, 1, 2]


def test_constant_latent_is_dead_whatever_its_value():
    activations = np.array([[0.0, 3.0, 1.0], [0.0, 3.0, 2.0]])
    assert dead_latents(replace(OUTCOME, activations=activations)) == 2


def test_mean_activation_is_taken_over_each_label():
    activations, labels = np.array([[1.0], [3.0], [10.0]]), np.array([0, 0, 1])
    assert mean_activation(activations, labels, 2).tolist() == [[2], [10]]


def test_shares_are_in_unit_range_and_other_metrics_are_not_called_shares():
    shares = {name for name, metric in METRICS.items() if metric.is_share}
    assert shares == {name for name in METRICS if name.endswith(("accuracy", "recall"))}
    assert all(0 <= METRICS[name].measure(OUTCOME) <= 1 for name in shares)


def test_metrics_of_a_known_outcome():
    expected = {
        "argmax_accuracy": 19 / 20,
        "sampled_accuracy": 1 / 20,
        "lowest_recall": 1 / 2,
        "squared_error_per_image": 2,
        "mse_per_pixel": 2 / 784,
        "bce_per_image": 5,
        "kl_per_image": 7,
        "dead_latents": 0,
    }
    measured = {name: METRICS[name].measure(OUTCOME) for name in expected}
    assert measured == pytest.approx(expected)


def test_assignment_is_chosen_on_the_train_split_alone():
    assert OUTCOME.assignment.tolist() == [9, *range(9)]
    assert METRICS["assigned_accuracy"].measure(OUTCOME) < 0.1


def test_divergence_that_is_not_finite_is_none():
    endless = replace(OUTCOME, kl=torch.tensor([1.0, torch.inf]))
    assert METRICS["kl_per_image"].measure(endless) is None


@pytest.mark.parametrize(("spread", "dead"), [(0.9e-3, 1), (1e-3, 0), (1.1e-3, 0)])
def test_latent_that_moves_by_a_thousandth_is_alive(spread, dead):
    activations = np.array([[0.0], [2 * spread]])
    assert dead_latents(replace(OUTCOME, activations=activations)) == dead


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
    return replace(
        OUTCOME,
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
    )


def measured(outcome):
    return {name: metric.measure(outcome) for name, metric in METRICS.items()}


@given(st.permutations(range(10)))
@REPEATABLE
def test_digits_and_latents_renamed_together_change_no_metric(names):
    plain, renamed = random_outcome(), random_outcome(names)
    assert 0 < plain.recalls.min() < plain.recalls.max() < 1
    # The probe's fit starts from rounded sums, whose order is another.
    assert measured(renamed) == pytest.approx(measured(plain), abs=0.021)
    assert measured(renamed)["argmax_accuracy"] == measured(plain)["argmax_accuracy"]
    assert measured(renamed)["assigned_accuracy"] == measured(plain)["assigned_accuracy"]
    assert renamed.recalls[list(names)].tolist() == plain.recalls.tolist()


@given(st.permutations(range(50)))
@REPEATABLE
def test_order_of_the_test_images_changes_no_metric(order):
    assert measured(random_outcome(test_order=order)) == pytest.approx(measured(random_outcome()))


def test_digit_with_a_single_image_is_recognised_wholly_or_not():
    assert recall(np.array([[1, 0], [0, 0]])).tolist() == [1, 0]
