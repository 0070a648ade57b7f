"""The linear probe: how much of the digit a linear classifier reads from the features.

It has labels for every training image, so it bounds from above what the argmax over the latents,
which was never fitted to anything, could read.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from grvae.params import Evaluation


def linear_probe_accuracy(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    evaluation: Evaluation,
) -> float:
    """Test accuracy of a logistic regression fitted on the train split.

    Args:
        train_features: (image, feature) float; the first `probe_images` of them are used.
        train_labels: (image,) int64.
        test_features: (image, feature) float.
        test_labels: (image,) int64.
        evaluation: how long to fit, and on how many images.

    Returns:
        Share of the test images that are classified correctly, in [0, 1].
    """
    used = slice(evaluation.probe_images)
    regression = LogisticRegression(
        max_iter=evaluation.probe_iterations, tol=evaluation.probe_tolerance
    )
    probe = make_pipeline(StandardScaler(), regression)
    probe.fit(train_features[used], train_labels[used])
    return float(probe.score(test_features, test_labels))
