import numpy as np

from grvae.measure.probe import linear_probe_accuracy
from grvae.params import Evaluation

EVALUATION = Evaluation(
    slider_percentiles=[5.0, 95.0], probe_images=None, probe_iterations=200, probe_tolerance=0.001
)


def probe_accuracy(*data, **changes):
    return linear_probe_accuracy(*data, EVALUATION.model_copy(update=changes))


def test_probe_reads_what_is_linearly_there():
    features = np.eye(3)[[0, 1, 2] * 20]
    labels = np.array([0, 1, 2] * 20)
    assert probe_accuracy(features, labels, features, labels) == 1


def test_probe_is_scored_on_the_test_split_only():
    features, labels = np.array([[0.0], [1.0]] * 20), np.array([0, 1] * 20)
    assert probe_accuracy(features, labels, features, 1 - labels) == 0


def test_probe_does_not_depend_on_the_scale_of_a_feature():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 3))
    labels = (features @ [1, -1, 0.5] > 0).astype(np.int64)
    scaled = features * [1e-3, 1, 1e3]
    assert probe_accuracy(features, labels, features, labels) == probe_accuracy(
        scaled, labels, scaled, labels
    )


def test_probe_is_fitted_on_as_many_images_as_it_is_told():
    features, labels = np.array([[0.0], [1.0]] * 20), np.array([0, 1] * 20)
    reversed_later = np.concatenate([labels, 1 - labels, 1 - labels])
    three = np.concatenate([features] * 3)
    assert probe_accuracy(three, reversed_later, features, labels) == 0
    assert probe_accuracy(three, reversed_later, features, labels, probe_images=40) == 1
