"""Three published scores of disentanglement: MIG, SAP and DCI.

A factor is "is it digit d?", one for each digit that occurs. The papers' factors vary
independently of each other; of these exactly one is true of an image, so even a latent of another
digit knows a little of each. A one-hot code therefore scores below 1 in MIG and SAP (the values
stand below, for ten equally frequent digits), and the scores are for comparing models with each
other, not with numbers from elsewhere. A digit that several latents share is scored low by MIG,
SAP and completeness, however well they do it.

The estimators are those of Locatello et al. 2019 ("Challenging Common Assumptions in the
Unsupervised Learning of Disentangled Representations", arXiv 1811.12359) unless said otherwise.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, mutual_info_score, roc_curve
from sklearn.model_selection import train_test_split

MAX_IMAGES = 10_000
BINS = 20
TREES, IMAGES_PER_LEAF = 10, 10
# What no tree uses still needs a distribution over the others; it is the uniform one.
NO_IMPORTANCE = 1e-12


@dataclass(frozen=True)
class Disentanglement:
    """Scores of one model's latents; more is better.

    Attributes:
        mutual_information_gap: in [0, 1]; 0.97 for a one-hot code.
        separated_predictability: SAP, in [0, 0.5]; 0.44 for a one-hot code.
        dci_disentanglement: whether each latent serves one digit, in [0, 1].
        dci_completeness: whether each digit is served by one latent, in [0, 1].
        dci_informativeness: how well the digits are told from all latents, in [0, 1]; chance is
            0.5.
    """

    mutual_information_gap: float
    separated_predictability: float
    dci_disentanglement: float
    dci_completeness: float
    dci_informativeness: float


def disentanglement(latents: np.ndarray, labels: np.ndarray) -> Disentanglement:
    """Score latents by how they split the digits among them.

    Args:
        latents: (image, latent) float, at least two latents; the first `MAX_IMAGES` are used.
        labels: (image,) int64.
    """
    latents, labels = latents[:MAX_IMAGES], labels[:MAX_IMAGES]
    factors = labels[:, None] == np.unique(labels)
    return Disentanglement(
        mutual_information_gap(latents, factors),
        separated_predictability(latents, factors),
        *dci(latents, factors),
    )


def mutual_information_gap(latents: np.ndarray, factors: np.ndarray) -> float:
    """How much more the best latent knows of a factor than the second best does; mean over factors.

    Mutual information is that of the histogram with `BINS` bins of equal width over a latent's
    range, as a share of the factor's entropy.

    Args:
        latents: (image, latent) float.
        factors: (image, factor) bool.

    Source: Chen et al. 2018, "Isolating Sources of Disentanglement in Variational Autoencoders"
    (arXiv 1802.04942), equation 6.
    """
    bins = [np.digitize(row, np.histogram_bin_edges(row, BINS)[1:-1]) for row in latents.T]
    information = [[mutual_info_score(factor, row) for factor in factors.T] for row in bins]
    share = factors.mean(axis=0)
    return _mean_lead(np.array(information) / entropy([share, 1 - share]))


def separated_predictability(latents: np.ndarray, factors: np.ndarray) -> float:
    """How much better the best latent predicts a factor than the second best; mean over factors.

    A latent predicts a binary factor by one threshold, which is set where the balanced accuracy on
    these images is highest: that is (1 + |TPR - FPR|) / 2. As in the paper; Locatello et al. fit a
    support vector machine.

    Args:
        latents: (image, latent) float.
        factors: (image, factor) bool.

    Source: Kumar et al. 2018, "Variational Inference of Disentangled Latent Concepts from Unlabeled
    Observations" (arXiv 1711.00848), section 3.
    """
    scores = [[_threshold_accuracy(row, factor) for factor in factors.T] for row in latents.T]
    return _mean_lead(np.array(scores))


def _threshold_accuracy(latent: np.ndarray, factor: np.ndarray) -> float:
    false_positives, true_positives, _ = roc_curve(factor, latent)
    return float(1 + np.abs(true_positives - false_positives).max()) / 2


def _mean_lead(table: np.ndarray) -> float:
    """Mean over factors of what the best latent is ahead, from a table (latent, factor)."""
    second, first = np.sort(table, axis=0)[-2:]
    return float(np.mean(first - second))


def dci(latents: np.ndarray, factors: np.ndarray) -> tuple[float, float, float]:
    """The three DCI scores, from how a forest uses the latents to predict each factor.

    Importance is the decrease of impurity in a random forest of `TREES` trees that see all latents
    at every split; it is fitted on half of the images, and informativeness is its balanced accuracy
    on the others. Disentanglement is averaged with the latents' shares of all importance as
    weights, completeness and informativeness over factors. Random forests as in the paper;
    Locatello et al. boost trees.

    Args:
        latents: (image, latent) float.
        factors: (image, factor) bool.

    Source: Eastwood & Williams 2018, "A Framework for the Quantitative Evaluation of Disentangled
    Representations" (ICLR), section 2.
    """
    columns, accuracies = [], []
    for factor in factors.T:
        fit, held_out, is_fit, is_held_out = train_test_split(
            latents, factor, test_size=0.5, stratify=factor, random_state=0
        )
        forest = RandomForestClassifier(
            TREES,
            min_samples_leaf=IMAGES_PER_LEAF,
            max_features=None,
            class_weight="balanced",
            random_state=0,
        )
        forest.fit(fit, is_fit)
        columns.append(forest.feature_importances_)
        accuracies.append(balanced_accuracy_score(is_held_out, forest.predict(held_out)))
    importance = np.array(columns).T + NO_IMPORTANCE
    latent_count, factor_count = importance.shape
    served = 1 - entropy(importance, axis=1, base=factor_count)
    servants = 1 - entropy(importance, axis=0, base=latent_count)
    return (
        float(np.average(served, weights=importance.sum(axis=1))),
        float(np.mean(servants)),
        float(np.mean(accuracies)),
    )
