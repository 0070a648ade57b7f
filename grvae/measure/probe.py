"""The linear probe: how much of the digit a linear classifier reads from the features.

It has labels for every training image, so it bounds from above what the argmax over the latents,
which was never fitted to anything, could read.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def probe_accuracy(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Test accuracy of a logistic regression fitted on the train split.

    Args:
        train_features: (image, feature) float.
        train_labels: (image,) int64.
        test_features: (image, feature) float.
        test_labels: (image,) int64.

    Returns:
        Share of the test images that are classified correctly, in [0, 1].
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, tol=1e-3))
    probe.fit(train_features, train_labels)
    return float(probe.score(test_features, test_labels))
