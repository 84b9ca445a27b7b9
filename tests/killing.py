"""kill -9 in the middle of an epoch, and the same command again: what the tests of several weeks' loops do."""

import os
import signal
import subprocess
import sys
import time

import torch

JOB = """
import sys, time, torch
sys.path.insert(0, {folder!r})
from pathlib import Path
from {test} import *
from {package} import train
from {module} import {loop} as real
def slow(*arguments):
    if sys.argv[1] == "slow":
        time.sleep(0.3)
    return real(*arguments)
sys.modules["{module}"].{loop} = slow
for place in sys.argv[2:]:
    {call}
    torch.save(model.state_dict(), place + ".done")
"""

FIT = 'model = make_model(); train.fit(model, {parts}, TRAIN, Path(place), "k")'


def kill_and_go_on(folder, test, package, parts="", loop="coursework.training.train_epoch", call=FIT):
    """Weights of a training that was killed after an epoch and started again, and of one that was never killed.

    The training is `call`, made with what the module `test` holds; `loop` is the function that it calls once an
    epoch, with its module.
    """
    checkpoint = folder / "c"
    module, _, function = loop.rpartition(".")
    names = {"folder": os.path.dirname(__file__), "test": test, "package": package, "module": module, "loop": function}
    job = JOB.format(**names, call=call.format(parts=parts))
    command = [sys.executable, "-c", job]
    with subprocess.Popen([*command, "slow", str(checkpoint)]) as victim:
        limit = time.monotonic() + 120
        while not checkpoint.exists() and time.monotonic() < limit:
            time.sleep(0.02)
        os.kill(victim.pid, signal.SIGKILL)
    assert checkpoint.exists()
    assert not (folder / "c.done").exists()
    subprocess.run([*command, "fast", str(checkpoint), str(folder / "whole")], check=True, timeout=120)
    assert not checkpoint.exists()
    return [torch.load(folder / name, weights_only=True) for name in ("c.done", "whole.done")]
