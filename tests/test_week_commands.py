"""The weeks' commands without a notebook: what the READMEs say can be typed, works at `tiny`."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from coursework.weeks import ROOT, all_weeks

LINE = re.compile(r"^COURSEWORK_PROFILE=sample python -m (.+)$", re.MULTILINE)
QUICK = "simpsons train"  # the others in make test-all
DOCUMENTED = [
    command for week in all_weeks() for command in LINE.findall((week.folder / "README.md").read_text(encoding="utf-8"))
]
COMMANDS = [command for command in DOCUMENTED if "FILE" not in command]


@pytest.mark.parametrize(
    "command", [pytest.param(command, marks=[pytest.mark.slow] * (command != QUICK)) for command in COMMANDS]
)
def test_a_documented_command_works(tmp_path, command):
    env = os.environ | {"COURSEWORK_BUILD": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", *shlex.split(command)], env=env, cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout.strip()


def test_the_commands_are_those_of_the_readmes():
    assert QUICK in COMMANDS
    assert len(COMMANDS) >= 12
