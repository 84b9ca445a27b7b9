"""A notebook client that shuts down its kernel on SIGINT or SIGTERM and reports the signal."""

import asyncio
import atexit
import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import IO

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Exceptions that end an execution: cancelled, error in a cell, kernel died; the last three: no kernel could be started.
ENDS = (asyncio.CancelledError, CellExecutionError, DeadKernelError, NoSuchKernel, OSError, RuntimeError)


class StoppableClient(NotebookClient):
    """nbclient's client that ends its kernel on SIGINT or SIGTERM and stores the signal in `stopped`."""

    stopped: signal.Signals | None = None

    async def async_start_new_kernel(self, env: dict[str, str], stderr: IO[bytes]) -> None:
        """Start the kernel, with our signal handlers: with nbclient's own, a signal would look like a dead kernel."""
        task = asyncio.current_task()
        with contextlib.suppress(RuntimeError):  # not in the main thread, to which signals go
            for number in SIGNALS:
                asyncio.get_running_loop().add_signal_handler(number, self.stop, number, task)
        await super().async_start_new_kernel(env=env, stderr=stderr)

    def stop(self, number: signal.Signals, task: asyncio.Task) -> None:
        """Cancel the task that executes; only once, or a second signal would keep the kernel from being ended."""
        if self.stopped is None:
            self.stopped = number
            task.cancel()


@contextlib.contextmanager
def same_handlers() -> Iterator[None]:
    """Restore the signal handlers on exit; asyncio would leave the system's default handlers."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def end_kernel(client: NotebookClient) -> None:
    """Clean up after nbclient: a kernel that was still starting, and an exit handler that expects a kernel."""
    atexit.unregister(client._cleanup_kernel)
    if client.km is not None and client.km.has_kernel:
        run_sync(client.km.shutdown_kernel)(now=True)
