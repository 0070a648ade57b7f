import numpy as np

from grvae.measure.probe import probe_accuracy


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
