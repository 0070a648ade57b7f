"""Typed, frozen, validated settings of the autoencoder of two halves; it computes nothing."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from grvae.params import Count, NonNegative, Rate, Section

Digit = Annotated[int, Field(ge=0, le=9)]


class HalvesRecipe(Section):
    """How one autoencoder of two halves and its certificates are built and trained.

    Attributes:
        top_digits: the digits whose gradient goes to the top half of the encoding; all others go
            to the bottom half.
        hidden_sizes: units of the encoder's hidden layers; the decoders mirror them.
        latents: size of the encoding, even.
        routing: `both_halves`, each digit to its half; `top_half`, the top half for its digits
            alone and the bottom half for all; `none`, all latents for all digits.
        decoders: `shared`, one for all digits; `separate`, one for each half's digits.
        trained_digits: whose reconstruction is in the loss, `all` or those of the `bottom` half.
            The penalties are of all digits' encodings, as published.
        top_l1_weight: of the L1 norm of the top half.
        bottom_l1_weight: of the L1 norm of the bottom half.
        correlation_weight: of the mean absolute correlation between the halves.
        learning_rate: the highest of the one-cycle schedule.
        adam_beta2: decay of Adam's second moments.
        weight_decay: Adam's, an L2 penalty.
        batch_size: images a step, of the autoencoder and of the certificates.
        epochs: of the autoencoder.
        certificate_loss: what a certificate asks of its reconstruction; the autoencoder always
            asks for the absolute error.
        certificate_learning_rate: the highest of the one-cycle schedule.
        certificate_epochs: of each certificate, after the autoencoder.
    """

    top_digits: Annotated[list[Digit], Field(min_length=1, max_length=9)]
    hidden_sizes: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(min_length=1)]
    latents: Annotated[int, Field(ge=2, le=4096, multiple_of=2)]
    routing: Literal["both_halves", "top_half", "none"]
    decoders: Literal["shared", "separate"]
    trained_digits: Literal["all", "bottom"]

    top_l1_weight: NonNegative
    bottom_l1_weight: NonNegative
    correlation_weight: NonNegative

    learning_rate: Rate
    adam_beta2: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    batch_size: Count
    epochs: Annotated[int, Field(ge=1, le=10_000)]

    certificate_loss: Literal["absolute_error", "squared_error"]
    certificate_learning_rate: Rate
    certificate_epochs: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _check_digits(self) -> Self:
        if len(set(self.top_digits)) < len(self.top_digits):
            raise ValueError(f"top_digits: got {self.top_digits}, each digit may stand once")
        return self
