"""pytest plugin (`-p coursework.testing`): every test, worker and kernel runs at `tiny`, offline, on one thread.

It must act before numpy is imported and before workers and kernels start, hence module level, not fixtures.
"""

import os

from coursework.offline import guarded
from coursework.offline import sitecustomize as guard  # noqa: F401  importing it closes this process's network
from coursework.weeks import ROOT

for name in ("COURSEWORK_SET", "COURSEWORK_DATA", "COURSEWORK_ADDRESS"):
    os.environ.pop(name, None)
os.environ |= {
    "COURSEWORK_PROFILE": "tiny",
    "COURSEWORK_BUILD": str(ROOT / "build" / "tests"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
os.environ |= guarded(dict(os.environ))
