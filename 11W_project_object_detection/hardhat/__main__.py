"""python -m hardhat: the commands of `hardhat.commands`."""

import sys

from coursework.terminal import call, load


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit status. Raises ValueError if packages of this week are not installed."""
    return load("hardhat.commands", "11W").main(arguments)


if __name__ == "__main__":
    sys.exit(call(main))
