"""The guard bites: nothing leaves the machine, in this process, in a child, or in a kernel; loopback works."""

import os
import socket
import subprocess
import sys
import urllib.request

import nbformat
import pytest

from coursework.notebooks import execute, kernel_environment

REMOTE = "192.0.2.1"  # reserved for documentation (RFC 5737): no machine has it
TRY_REMOTE = f"import socket; socket.create_connection(('{REMOTE}', 80), timeout=2)"
TRY_LOOPBACK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), timeout=5)
server.accept()[0].sendall(b"hello")
print(client.recv(5).decode())
"""


@pytest.mark.parametrize("host", [REMOTE, "2001:db8::1", "example.org"])
def test_this_process_is_offline(host):
    with pytest.raises(OSError, match="offline: refused"):
        socket.create_connection((host, 80), timeout=2)


def test_requests_and_datagrams_are_refused():
    with pytest.raises(OSError, match="offline: refused"):
        urllib.request.urlopen("http://example.org", timeout=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, pytest.raises(OSError, match="offline: refused"):
        datagram.sendto(b"x", (REMOTE, 53))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, pytest.raises(OSError, match="offline: refused"):
        datagram.sendmsg([b"x"], [], 0, (REMOTE, 53))
    for look_up in (socket.gethostbyname, socket.gethostbyname_ex, socket.gethostbyaddr):
        with pytest.raises(OSError, match="offline: refused"):
            look_up("example.org")
    with socket.socket() as stream, pytest.raises(OSError, match="offline: refused"):
        stream.connect_ex((REMOTE, 80))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_is_open(host):
    try:
        server = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server, socket.create_connection(server.getsockname()[:2], timeout=5):
        pass


def test_a_child_process_is_offline():
    child = subprocess.run([sys.executable, "-c", TRY_REMOTE], capture_output=True, text=True)
    assert "OfflineError: offline: refused" in child.stderr


@pytest.mark.fault("no network at tiny", "no request is made, network access is blocked, and every notebook runs")
@pytest.mark.parametrize(("code", "error"), [(TRY_REMOTE, "OfflineError: offline: refused"), (TRY_LOOPBACK, None)])
def test_a_kernel_at_tiny_is_offline_but_has_loopback(tmp_path, monkeypatch, code, error):
    monkeypatch.setenv("PYTHONPATH", "")  # so that the guard comes from the runner, not from this test session
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    report = execute(notebook, tmp_path, kernel_environment("tiny", ""))
    assert error is None or error in report
    assert error or notebook.cells[0].outputs[0].text == "hello\n"


def test_kernels_of_other_profiles_are_not_guarded(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    assert kernel_environment("full", "")["PYTHONPATH"] == ""
    assert "offline" in kernel_environment("tiny", "")["PYTHONPATH"].split(os.pathsep)[0]
