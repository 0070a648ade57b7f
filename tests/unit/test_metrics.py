import numpy as np

from grvae.measure.metrics import (
    accuracy,
    assigned_confusion,
    best_assignment,
    confusion_matrix,
    dead_latents,
    mean_activation,
    recall,
)

# Rows are labels; latent 0 holds label 1, latent 1 holds label 2, latent 2 holds label 0.
SHUFFLED = np.array([[1, 0, 9], [6, 2, 0], [0, 4, 0]])


def test_confusion_counts_pairs():
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert counts.tolist() == [[0, 2], [1, 0]]


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
    assert dead_latents(activations) == 2


def test_mean_activation_is_taken_over_each_label():
    activations, labels = np.array([[1.0], [3.0], [10.0]]), np.array([0, 0, 1])
    assert mean_activation(activations, labels, 2).tolist() == [[2], [10]]
