"""Loaded by Python at start-up when this folder is on PYTHONPATH: no connection leaves the machine.

Kernels and worker processes inherit PYTHONPATH, so a notebook under test cannot reach the network either.
Loopback and Unix sockets stay open: Jupyter talks to its kernels through them.
"""

import ipaddress
import socket

METHODS = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto", "sendmsg")}
LOOK_UPS = {
    name: getattr(socket, name) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")
}


class OfflineError(OSError):
    """Raised in place of a connection that would leave the machine."""


def is_local(host) -> bool:
    """True for loopback addresses, "localhost", and names that stand for this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse_remote(family: int, address) -> None:
    """Raise OfflineError for an internet address outside this machine."""
    if family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
        raise OfflineError(f"offline: refused a connection to {address[0]}; this run must not use the network")


def connect(self, address):
    refuse_remote(self.family, address)
    return METHODS["connect"](self, address)


def connect_ex(self, address):
    refuse_remote(self.family, address)
    return METHODS["connect_ex"](self, address)


def sendto(self, data, *flags_and_address):
    refuse_remote(self.family, flags_and_address[-1])
    return METHODS["sendto"](self, data, *flags_and_address)


def sendmsg(self, buffers, ancdata=(), flags=0, address=None):
    if address is None:
        return METHODS["sendmsg"](self, buffers, ancdata, flags)
    refuse_remote(self.family, address)
    return METHODS["sendmsg"](self, buffers, ancdata, flags, address)


def guarded_look_up(name: str):
    """The socket module's function `name`, which answers for this machine only."""

    def look_up(host, *args, **kwargs):
        if not is_local(host):
            raise OfflineError(f"offline: refused to look up {host}; this run must not use the network")
        return LOOK_UPS[name](host, *args, **kwargs)

    return look_up


for replacement in (connect, connect_ex, sendto, sendmsg):
    setattr(socket.socket, replacement.__name__, replacement)
for name in LOOK_UPS:
    setattr(socket, name, guarded_look_up(name))
