"""The same bits again: pins of the maths libraries, by being imported, and torch's own settings.

The pins make the same code give the same bits at any thread count and on any x86 machine with AVX2.
Each library reads its own when it is loaded or first used, so this module must come before all of
them; `grvae` itself imports it. Of a library that somebody has loaded before, nothing is changed,
and there is a warning where it was loaded otherwise.

Source: Intel oneMKL, "Conditional Numerical Reproducibility"; PyTorch,
`aten/src/ATen/native/DispatchStub.cpp`; OpenBLAS, "Runtime variables"; oneDNN, "CPU Dispatcher
Control".
"""

import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

IS_X86 = platform.machine() in {"x86_64", "AMD64"}
# By the library that reads them: OpenBLAS comes with numpy, and once more with scipy.
PINS = {
    "numpy": {
        # OpenBLAS splits its sums by thread and has no reproducible mode; it only fits small probes
        # here.
        "OPENBLAS_NUM_THREADS": "1",
        **({"OPENBLAS_CORETYPE": "Haswell"} if IS_X86 else {}),
    },
    "torch": {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # matrix products of a GPU, if one is used
        **(
            {
                "MKL_CBWR": "AVX2,STRICT",
                "ATEN_CPU_CAPABILITY": "avx2",
                "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions
            }
            if IS_X86
            else {}
        ),
    },
}

for library, pins in PINS.items():
    if library not in sys.modules:
        os.environ.update(pins)
    elif missing := [f"{name}={pin}" for name, pin in pins.items() if os.environ.get(name) != pin]:
        warnings.warn(
            f"grvae was imported after {library}, too late to set {' '.join(missing)}: numbers may "
            "differ in their last digits. Import grvae first, or set these before Python starts.",
            RuntimeWarning,
            stacklevel=3,
        )

# oneMKL splits the sums of small matrix products over many threads, even in its strict mode: the
# recipes' shapes give the same bits from 1 to 8 threads, and others beyond.
MAX_THREADS = 8


@contextmanager
def repeatable(has_convolutions: bool) -> Iterator[None]:
    """Let torch use only what gives the same bits at every run and number of threads.

    Whatever the caller has set of it counts again afterwards.

    Args:
        has_convolutions: whether one thread is used: a convolution's sums are split by threads, so
            that their number would show.
    """
    import torch  # after the pins, and never for those who only want these

    strictness = torch.get_deterministic_debug_mode()
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_deterministic_debug_mode("error")
    torch.set_num_threads(1 if has_convolutions else min(threads, MAX_THREADS))
    torch.set_default_dtype(torch.float32)
    try:
        with torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_deterministic_debug_mode(strictness)
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
