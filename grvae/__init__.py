"""Gradient-routed variational autoencoders: the library behind the experiment.

Importing the package pins the instruction set of the maths libraries, so that the same code gives
the same bits at any thread count and on any x86 machine with AVX2. They read these variables when
they are first loaded, so this must run before torch, numpy or scipy are imported.

Source: Intel oneMKL, "Conditional Numerical Reproducibility"; PyTorch,
`aten/src/ATen/native/DispatchStub.cpp`; OpenBLAS, "Runtime variables".
"""

import os
import platform

if platform.machine() in {"x86_64", "AMD64"}:
    os.environ["MKL_CBWR"] = "AVX2,STRICT"
    os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
# A thread that waits by spinning starves the others where cores are shared: measured with one of
# two cores taken, an epoch took 43 s spinning and 6 s not.
os.environ["OMP_WAIT_POLICY"] = "passive"
# OpenBLAS splits its sums by thread and has no reproducible mode; it only fits small probes here.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
