import math

import pytest
import torch
import torch.nn.functional as F

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.model.augmentation import shift_at_random
from grvae.model.images import ImageSet
from grvae.model.run import Run, batch_plan
from grvae.model.training import joint_epoch, train_vae, validate
from grvae.model.vae import build_model
from tests.conftest import trained, weights_of
from tests.handmade import images_of, pixel_reader

# Steps that move no weight: what an epoch returns is then the loss of the first weights.
FROZEN = {"learning_rate": 1e-30, "decoder_learning_rate": 1e-30, "weight_decay": 0.0}
SILENT = FROZEN | {"noise": 0.0, "max_shift": 0}
ALL = torch.arange(200)


def test_history_has_a_row_per_epoch_of_both_phases(images, recipe):
    _, rows = trained(images, recipe.model_copy(update={"epochs": 2}))
    assert [(row.epoch, row.phase) for row in rows] == [(1, "joint"), (2, "joint"), (3, "decoder")]
    assert rows[-1].kl is None


def test_decoder_phase_leaves_the_encoder_alone(images, recipe):
    longer, rows = trained(images, recipe.model_copy(update={"decoder_epochs": 5}))
    shorter, _ = trained(images, recipe.model_copy(update={"decoder_epochs": 0}))
    assert torch.equal(weights_of(longer.encoder), weights_of(shorter.encoder))
    assert torch.equal(weights_of(longer.mean_head), weights_of(shorter.mean_head))
    assert rows[-1].loss < 0.9 * rows[1].loss


def test_no_validation_split_leaves_its_columns_empty(images, recipe):
    _, rows = trained(images, recipe.model_copy(update={"validation_fraction": 0.0}))
    assert rows[0].validation_accuracy is None
    assert rows[0].validation_squared_error is None


def test_same_seed_gives_the_same_model_and_another_seed_another(images, recipe):
    first, again, other = (weights_of(trained(images, recipe, seed)[0]) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_variants_share_initial_weights(recipe):
    baseline = recipe.model_copy(update={"routing": "none"})
    routed_start, baseline_start = (build_model(r, "relu", 3) for r in (recipe, baseline))
    assert torch.equal(weights_of(routed_start), weights_of(baseline_start))


def test_loss_that_is_not_finite_stops_the_run_and_names_the_step(images, recipe):
    images.pixels[7, 0] = math.nan
    with pytest.raises(GrvaeError, match=r"the loss became nan in epoch 1 of its phase, step \d"):
        trained(images, recipe)


def rates(recipe, images, epochs):
    model = torch.nn.Linear(1, 1)
    run = Run(recipe, "relu", 0, ImageSet(torch.zeros(images, 784), torch.zeros(images).long()))
    phase_optimizer = run.start_phase(model, epochs, 0.01)
    seen = []
    for _ in range(epochs * phase_optimizer.steps_per_epoch):
        seen.append(phase_optimizer.optimizer.param_groups[0]["lr"])
        phase_optimizer.step(model(torch.ones(1)).sum())
    return seen


@pytest.mark.parametrize(
    ("images", "batch", "passes"),
    [
        (54_000, 256, 1),
        (80_000, 256, 1),
        (7_400, 37, 1),
        (1_293, 32, 5),  # 41 batches a pass
        (160, 32, 40),
        (10, 32, 200),
    ],
)
def test_few_images_have_smaller_batches_and_several_passes_an_epoch(params, images, batch, passes):
    assert params.recipe.epoch_steps == 200
    assert batch_plan(images, params.recipe) == (batch, passes)


def test_epoch_of_several_passes_takes_every_image_as_often(recipe, images):
    run = Run(recipe.model_copy(update={"epoch_steps": 14}), "relu", 0, images)
    batches = list(run.shuffled_batches())
    assert run.passes == 2
    assert len(batches) == run.steps_per_epoch == 14
    assert torch.cat(batches).bincount().tolist() == [2] * 200


def test_published_rate_shrinks_by_a_twentieth_after_every_epoch(params):
    few = {"batch_size": 10, "epoch_steps": 1}
    recipe = params.variant("published").recipe.model_copy(update=few)
    assert rates(recipe, 20, 3) == pytest.approx([0.01, 0.01, 0.0095, 0.0095, 0.009025, 0.009025])


def test_one_cycle_rises_to_the_given_rate_and_falls_to_nearly_zero(recipe):
    seen = rates(recipe.model_copy(update={"batch_size": 1}), 100, 1)
    assert max(seen) == pytest.approx(0.01, rel=1e-3)
    assert 0 < seen[-1] < 1e-4 < seen[0] < 0.001


def frozen_run(recipe, images, **changes):
    return Run(recipe.model_copy(update=SILENT | changes), "relu", 0, images)


def encoded(run, pixels):
    """Mean and scale (image, latent), and the pixel logits of latents."""
    with torch.no_grad():
        return run.model.encode(pixels)


def decoded(run, latents):
    with torch.no_grad():
        return run.model.decode(latents)


def cross_entropy(run, latents, pixels):
    """Mean over images of what latents decode to, by PyTorch's own formula."""
    logits = decoded(run, latents)
    return F.binary_cross_entropy_with_logits(logits, pixels, reduction="sum").item() / len(pixels)


def closed_form(mean, log_variance):
    """KL divergence (image,) to N(0, I), by PyTorch's own formula."""
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(posterior, prior).sum(dim=1)


def test_prior_and_weight_of_the_kl_term_move_from_step_to_step(recipe, images):
    schedule = {"epochs": 5, "batch_size": 200, "prior_ramp": [0.25, 0.75], "prior_mean": 2.0}
    weights = {"kl_weight": 0.5, "final_kl_weight": 3.0, "prior_dead_zone": 0.0}
    run = frozen_run(recipe, images, **schedule, **weights)
    mean, scale = encoded(run, images.pixels)
    for moved in (0.0, 0.0, 0.3, 0.7, 1.0):
        loss, reconstruction, kl = joint_epoch(run, images, [ALL])
        assert kl == pytest.approx(closed_form(mean - 2 * moved, scale).mean().item(), rel=1e-5)
        weight = 0.5 + 2.5 * moved
        assert loss == pytest.approx(reconstruction + weight * kl, rel=1e-5)


def test_digit_s_own_latent_has_the_digit_s_prior_and_the_others_the_common_one(recipe, images):
    priors = {"class_prior_mean": 5.0, "prior_mean": 2.0, "prior_dead_zone": 0.0}
    run = frozen_run(recipe, images, **priors, prior_ramp=[0.0, 0.5], epochs=2, batch_size=200)
    mean, scale = encoded(run, images.pixels)
    own = torch.eye(10)[images.labels]
    for common in (0.0, 2.0):
        _, _, kl = joint_epoch(run, images, [ALL])
        distance = mean - torch.where(own == 1, 5.0, common)
        assert kl == pytest.approx(closed_form(distance, scale).mean().item(), rel=1e-5)


@pytest.mark.parametrize("term", ["squared_error", "binary_cross_entropy"])
def test_reconstruction_is_the_recipe_s_term_with_the_recipe_s_weight(recipe, images, term):
    asked = {"reconstruction": term, "reconstruction_weight": 0.3}
    run = frozen_run(recipe, images, **asked, kl_weight=0.0, final_kl_weight=0.0)
    latents = encoded(run, images.pixels)[0].relu()
    squared_error = (decoded(run, latents).sigmoid() - images.pixels).square().sum().item() / 200
    expected = {
        "squared_error": squared_error,
        "binary_cross_entropy": cross_entropy(run, latents, images.pixels),
    }
    loss, reconstruction, _ = joint_epoch(run, images, [ALL])
    assert reconstruction == pytest.approx(expected[term], rel=1e-5)
    assert loss == pytest.approx(0.3 * reconstruction, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "of_each"),
    [
        ({"wrong_labels": 1.0}, 1.0),
        ({"routed_images": 1e-9}, 0.0),
        ({"wrong_labels": 1.0, "relabel_margin": 1.0}, 0.0),
        ({"wrong_labels": 1.0, "relabel_margin": 1.0, "relabel_from": 0.5}, 1.0),
    ],
)
def test_classification_loss_is_given_the_labels_that_routing_is_given(
    recipe, images, given, of_each
):
    asked = {"routing": "none", "hinge_weight": 7.0, "floor": 5.0, "ceiling": 0.0}
    run = frozen_run(recipe, images, **asked, **given, kl_weight=0.0, final_kl_weight=0.0)
    run.model.encode = lambda pixels: (5 * torch.eye(10)[images.labels], torch.zeros(200, 10))
    loss, reconstruction, _ = joint_epoch(run, images, [ALL])
    # A wrong label's latent is five below the floor, and the right one's five above the ceiling.
    assert loss - reconstruction == pytest.approx(7 * 10 * of_each, abs=1e-3)


def test_latents_are_the_mean_and_the_deviation_times_the_noise_of_its_stream(recipe, images):
    run = frozen_run(recipe, images, noise=2.0)
    with torch.no_grad():
        run.model.scale_head.bias.fill_(3.0)
    mean, scale = encoded(run, images.pixels)
    noise = torch.randn(200, 10, generator=random_stream(0, "noise"))
    latents = (mean + (scale / 2).exp() * 2 * noise).relu()
    expected = cross_entropy(run, latents, images.pixels)
    _, reconstruction, _ = joint_epoch(run, images, [ALL])
    assert reconstruction == pytest.approx(expected, rel=1e-5)


def test_encoder_sees_the_moved_image_and_the_target_is_the_image_as_it_was(recipe, images):
    run = frozen_run(recipe, images, max_shift=2)
    run.model = pixel_reader()  # draws what it has seen, which fresh weights hardly do
    seen = shift_at_random(images.pixels, images.spec, 2, random_stream(0, "augmentation"))
    expected = cross_entropy(run, encoded(run, seen)[0].relu(), images.pixels)
    _, reconstruction, _ = joint_epoch(run, images, [ALL])
    assert reconstruction == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batches", [[ALL], ALL.split(77), ALL.flip(0).split(64)])
def test_losses_are_means_over_images_whatever_the_batches(recipe, images, batches):
    same_prior = {"prior_ramp": [0.9, 1.0], "epochs": 10, "cross_entropy_weight": 3.0}
    run = frozen_run(recipe, images, **same_prior)
    mean, scale = encoded(run, images.pixels)
    error = cross_entropy(run, mean.relu(), images.pixels)
    slack = run.recipe.prior_dead_zone
    kl = closed_form(mean - mean.clamp(-slack, slack), scale).mean().item()
    entropy = F.cross_entropy(mean, images.labels).item()
    expected = (error + run.recipe.kl_weight * kl + 3 * entropy, error, kl)
    assert joint_epoch(run, images, batches) == pytest.approx(expected, rel=1e-5)


def test_decoder_phase_of_a_training_decodes_activated_means(recipe, images):
    asked = recipe.model_copy(update=SILENT | {"batch_size": 77})
    model, rows = train_vae(images, images[:0], asked, "abs", 0)
    with torch.no_grad():
        shown = model.decode(model.encode(images.pixels)[0].abs()).sigmoid()
    expected = (shown - images.pixels).square().sum(dim=1).mean().item()
    assert rows[1].loss == rows[1].reconstruction == pytest.approx(expected, rel=1e-5)


def test_kl_divergence_is_not_routed_and_reaches_the_heads_of_all_latents(recipe, images):
    # A squared error of weight zero leaves the gradient of the KL divergence.
    run = frozen_run(recipe, images, reconstruction_weight=0.0, prior_dead_zone=0.0)
    joint_epoch(run, images, [ALL[images.labels == 3]])
    for head in (run.model.mean_head, run.model.scale_head):
        assert head.bias.grad.nonzero().flatten().tolist() == list(range(10))


@pytest.mark.parametrize("routing", ["label", "parameters"])
def test_reconstruction_reaches_the_latent_of_the_label_and_later_the_others(
    recipe, images, routing
):
    released = {"unmask_schedule": [0.4, 0.5], "epochs": 2, "batch_size": 200, "routing": routing}
    run = frozen_run(recipe, images, **released, kl_weight=0.0, final_kl_weight=0.0)
    with torch.no_grad():
        run.model.mean_head.bias.fill_(5.0)  # all latents are on, so that each may learn
    for reached in ([3], list(range(10))):
        joint_epoch(run, images, [ALL[images.labels == 3]])
        assert run.model.mean_head.bias.grad.nonzero().flatten().tolist() == reached


def test_validation_reads_the_largest_mean_and_decodes_the_activated_one(
    recipe, images, monkeypatch
):
    monkeypatch.setattr("grvae.model.images.AT_ONCE", 3)
    run = frozen_run(recipe, images)
    run.model = pixel_reader()
    with torch.no_grad():
        run.model.mean_head.bias.fill_(-0.5)
    codes = torch.eye(10)[[3, 5, 5, 1]]
    codes[1] *= 0.4  # every mean of this one is below zero
    some = images_of(codes, torch.tensor([3, 5, 2, 1]))
    accuracy, error = validate(run, some)
    assert accuracy == 3 / 4
    shown = decoded(run, (codes - 0.5).relu()).sigmoid()
    expected = (shown - some.pixels).square().sum(dim=1).mean().item()
    assert error == pytest.approx(expected, rel=1e-5)


def test_optimizer_is_what_the_recipe_says(recipe, images):
    asked = {"learning_rate_schedule": "exponential", "adam_beta2": 0.75}
    changed = recipe.model_copy(update=asked | {"weight_decay": 0.25, "learning_rate": 0.125})
    run = Run(changed, "relu", 0, images)
    group = run.phase_optimizer.optimizer.param_groups[0]
    assert (group["betas"], group["weight_decay"], group["lr"]) == ((0.9, 0.75), 0.25, 0.125)
    assert len(group["params"]) == len(list(run.model.parameters()))


@pytest.mark.parametrize("phase", ["joint", "decoder"])
def test_weights_decay_in_both_phases(recipe, images, phase):
    asked = {"learning_rate_schedule": "exponential", "weight_decay": 0.25}
    asked |= {"learning_rate": 0.125, "decoder_learning_rate": 0.125}
    run = Run(recipe.model_copy(update=asked), "relu", 0, images)
    learning = run.model
    if phase == "decoder":
        run.enter_decoder_phase()
        learning = run.model.decoder
    before = weights_of(learning)
    run.phase_optimizer.step(0 * sum(weight.sum() for weight in learning.parameters()))
    torch.testing.assert_close(weights_of(learning), (1 - 0.125 * 0.25) * before)


@pytest.mark.parametrize(
    ("changes", "threads"),
    [({}, 2), ({"network": "conv_encoder", "hidden_sizes": [2, 4, 16]}, 1)],
)
def test_convolutions_are_trained_on_one_thread_and_the_rest_on_those_there_are(
    images, recipe, set_threads, changes, threads
):
    seen = []
    set_threads(2)
    asked = recipe.model_copy(update=changes | {"decoder_epochs": 0})
    train_vae(
        images, images[:0], asked, "relu", 0, lambda row: seen.append(torch.get_num_threads())
    )
    assert (seen, torch.get_num_threads()) == ([threads], 2)
