"""A trained model as two ONNX files, for use without PyTorch, and the proof that they agree.

Beside what they compute they hold the model's architecture, and so can be read back.

The files are single, hold no path of the machine that wrote them, and are equal byte for byte for
equal weights. What the exporter notes about itself beyond its version is removed for that.
"""

import json
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from pydantic import TypeAdapter
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.model.vae import VAE, Architecture

# Far above float32 rounding in sums of a thousand terms, far below anything one can see.
PARITY_LIMIT = 1e-5


class Encoder(nn.Module):
    """From images (batch, 784) in [0, 1] to mean, scale and latents, each (batch, latent)."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Posterior parameters, and the activated mean that the decoder takes."""
        mean, scale = self.model.encode(images)
        return mean, scale, self.model.activate(mean)


class Decoder(nn.Module):
    """From activated latents (batch, latent) to pixels (batch, 784) in [0, 1]."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, latents: Tensor) -> Tensor:
        """Pixels of the decoded images."""
        return torch.sigmoid(self.model.decode(latents))


def encoder_to_onnx(model: VAE) -> bytes:
    """ONNX file of the encoder: `images` to `mean`, `scale` and `latents`."""
    example = torch.zeros(2, model.architecture.images.pixels)
    outputs = ["mean", "scale", "latents"]
    return _to_onnx(Encoder(model), example, "images", outputs)


def decoder_to_onnx(model: VAE) -> bytes:
    """ONNX file of the decoder: `latents`, activated, to `pixels`."""
    example = torch.zeros(2, model.architecture.latents)
    return _to_onnx(Decoder(model), example, "latents", ["pixels"])


def model_from_onnx(encoder: bytes, decoder: bytes) -> VAE:
    """The model, to the bit, that both files were written from."""
    files = [onnx.load_from_string(content) for content in (encoder, decoder)]
    about = {each.key: each.value for each in files[0].metadata_props}
    model = VAE(TypeAdapter(Architecture).validate_json(about["architecture"]))
    weights = {
        each.name.removeprefix("model."): torch.from_numpy(numpy_helper.to_array(each).copy())
        for file in files
        for each in file.graph.initializer
    }
    # The exporter leaves out a bias of zeros, and adds numbers of its own.
    model.load_state_dict(
        {name: weights.get(name, torch.zeros_like(old)) for name, old in model.state_dict().items()}
    )
    return model.eval()


def _to_onnx(
    module: Encoder | Decoder, example: Tensor, input_name: str, output_names: list[str]
) -> bytes:
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        # PyTorch's own exporter still uses things that PyTorch has deprecated.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            (example,),
            input_names=[input_name],
            output_names=output_names,
            dynamic_shapes=({0: batch},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "the exporter returns a program unless it is given a file"
    file = program.model_proto
    _remove_traces(file)
    architecture = module.model.architecture
    spec = architecture.images
    about = {"classes": json.dumps(spec.classes), "side": str(spec.side)}
    about |= {"colours": str(spec.colours)}
    about |= {"architecture": TypeAdapter(Architecture).dump_json(architecture).decode()}
    onnx.helper.set_model_props(file, about)
    onnx.checker.check_model(file, full_check=True)
    content: bytes = file.SerializeToString(deterministic=True)
    return content


def _remove_traces(file: onnx.ModelProto) -> None:
    """Remove what depends on the machine: stack traces with paths, and the build of PyTorch."""
    file.producer_version = file.producer_version.split("+")[0]
    graph = file.graph
    values = [*graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for part in [file, graph, *graph.node, *values, *file.functions]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@torch.no_grad()
def check_parity(model: VAE, encoder: bytes, decoder: bytes, images: Tensor) -> float:
    """The largest difference between both ONNX files and PyTorch on images (image, 784) in [0, 1].

    Of all outputs of the encoder, and of the pixels that the decoder draws of the activated means.
    It is absolute, and relative where a value exceeds 1 in size: large latents are rounded in
    proportion. Its digits are the machine's: they belong to no committed file.

    Raises:
        GrvaeError: it exceeds `PARITY_LIMIT`.
    """
    mean, scale = model.encode(images)
    latents = model.activate(mean)
    pixels = torch.sigmoid(model.decode(latents))
    onnx_mean, onnx_scale, onnx_latents = _run(encoder, {"images": images.numpy()})
    (onnx_pixels,) = _run(decoder, {"latents": latents.numpy()})
    pairs = (onnx_mean, mean), (onnx_scale, scale), (onnx_latents, latents), (onnx_pixels, pixels)
    largest = float(np.max([_largest_difference(*pair) for pair in pairs]))
    if not largest <= PARITY_LIMIT:  # nor one that is not a number
        raise GrvaeError(
            f"ONNX and PyTorch differ by {largest:.1e}, should be at most {PARITY_LIMIT:.0e}"
        )
    return largest


def _run(file: bytes, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    outputs: list[np.ndarray] = session.run(None, inputs)
    return outputs


def _largest_difference(actual: np.ndarray, expected: Tensor) -> float:
    size = np.maximum(1, np.abs(expected.numpy()))
    return float((np.abs(actual - expected.numpy()) / size).max())
