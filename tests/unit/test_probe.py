import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from grvae.measure.probe import linear_probe_accuracy
from grvae.params import Evaluation

EVALUATION = Evaluation(
    slider_percentiles=[5.0, 95.0], probe_images=None, probe_iterations=200, probe_tolerance=0.001
)


def probe_accuracy(*data, **changes):
    return linear_probe_accuracy(*data, EVALUATION.model_copy(update=changes))


def test_probe_is_fitted_on_as_many_images_as_it_is_told():
    features, labels = np.array([[0.0], [1.0]] * 20), np.array([0, 1] * 20)
    reversed_later = np.concatenate([labels, 1 - labels, 1 - labels])
    three = np.concatenate([features] * 3)
    assert probe_accuracy(three, reversed_later, features, labels) == 0
    assert probe_accuracy(three, reversed_later, features, labels, probe_images=40) == 1


def blobs(images, seed):
    """Three noisy classes that a linear classifier tells apart, but for a few images."""
    generator = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    return 2 * np.eye(3)[labels] + generator.normal(size=(images, 3)), labels


def test_probe_reads_each_test_image_alone():
    train, (features, labels) = blobs(300, 0), blobs(40, 1)
    whole = probe_accuracy(*train, features, labels)
    alone = [probe_accuracy(*train, features[[i]], labels[[i]]) for i in range(len(labels))]
    assert 0.5 < whole < 1
    assert whole == np.mean(alone)


def test_probe_is_the_logistic_regression_of_standardised_features():
    (features, labels), test = blobs(300, 0), blobs(1000, 1)
    features, far = features * [1, 10, 100] + 50, test[0] * [1, 10, 100] + 50
    exact = probe_accuracy(features, labels, far, test[1], probe_tolerance=1e-10)
    middle, spread = features.mean(axis=0), features.std(axis=0)
    by_hand = LogisticRegression(tol=1e-10, max_iter=1000).fit((features - middle) / spread, labels)
    assert exact == by_hand.score((far - middle) / spread, test[1])


def test_probe_stops_where_it_is_told_to():
    # One iteration from nothing reads less than many, and so does a tolerance that anything meets.
    train, test = blobs(300, 0), blobs(1000, 1)
    exact = probe_accuracy(*train, *test, probe_tolerance=1e-10)
    with pytest.warns(ConvergenceWarning):
        short = probe_accuracy(*train, *test, probe_iterations=1, probe_tolerance=1e-10)
    loose = probe_accuracy(*train, *test, probe_tolerance=1e6)
    assert loose < exact
    assert short != exact
