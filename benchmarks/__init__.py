"""What the experiment costs, measured side by side in one process on the machine at hand."""

import grvae  # noqa: F401 - pins the maths libraries before anything loads them
