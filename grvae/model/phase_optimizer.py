"""The optimizer of one phase of training, its learning rate, and steps that check the loss."""

import math

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from grvae.base.errors import GrvaeError


class PhaseOptimizer:
    """Steps down a loss.

    Args:
        optimizer: holds the parameters that learn.
        schedule: of the optimizer's learning rate; it advances at every step.
        steps_per_epoch: only to say where a step was.
    """

    def __init__(self, optimizer: Optimizer, schedule: LRScheduler, steps_per_epoch: int) -> None:
        self.optimizer, self.schedule = optimizer, schedule
        self.steps_per_epoch = steps_per_epoch
        self.steps = 0

    def step(self, loss: Tensor) -> None:
        """One step.

        Raises:
            GrvaeError: the loss is not finite.
        """
        if not math.isfinite(loss.item()):
            epoch, step = divmod(self.steps, self.steps_per_epoch)
            raise GrvaeError(
                f"the loss became {loss.item()} in epoch {epoch + 1} of its phase, step {step + 1}"
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.steps += 1


def one_cycle(optimizer: Optimizer, highest_rate: float, steps: int) -> OneCycleLR:
    """A learning rate that rises to the given one and falls to nearly zero.

    Adam's first decay falls from 0.95 to 0.85 and rises again, whatever the optimizer was given.

    Source: Smith & Topin 2017, "Super-Convergence" (arXiv 1708.07120).
    """
    # One more than there are: the scheduler is also advanced after the last step.
    return OneCycleLR(optimizer, highest_rate, steps + 1)
