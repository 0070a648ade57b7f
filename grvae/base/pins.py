"""Pin the instruction set of the maths libraries, by being imported.

So the same code gives the same bits at any thread count and on any x86 machine with AVX2. The
libraries read these variables when they are first loaded: before torch, numpy or scipy are
imported, this must be. `grvae` itself imports it.

Source: Intel oneMKL, "Conditional Numerical Reproducibility"; PyTorch,
`aten/src/ATen/native/DispatchStub.cpp`; OpenBLAS, "Runtime variables"; oneDNN, "CPU Dispatcher
Control".
"""

import os
import platform

if platform.machine() in {"x86_64", "AMD64"}:
    os.environ["MKL_CBWR"] = "AVX2,STRICT"
    os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"  # convolutions
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # matrix products of a GPU, if one is used
# How long a thread spins before it sleeps. With none, waking up costs more than the work between;
# with the usual 300,000 turns, threads that share cores with others starve them.
os.environ["GOMP_SPINCOUNT"] = "5000"
# OpenBLAS splits its sums by thread and has no reproducible mode; it only fits small probes here.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
