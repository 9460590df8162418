"""A network of our own, in which no connection is paced.

Where the system's congestion control is BBR, senders wait between packets, on loopback too, and the timers cost servers
as much as the sending. Martlet chooses otherwise inside a machine; other servers do not. To compare the servers and not
the setting, all of them are run where it is Reno.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
CONGESTION_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")


def enter_unpaced():
    """Moves this process, and all that it starts, to a network with nothing but an unpaced loopback. Says so."""
    choice = CONGESTION_CONTROL.read_text(encoding="ascii").strip()
    if not choice.startswith("bbr"):
        return f"congestion control: {choice}"
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        why = os.strerror(ctypes.get_errno())
        return f"congestion control: {choice}, which all servers but Martlet are slowed down by (no own network: {why})"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = fcntl.ioctl(handle, GET_FLAGS, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("16xH", request)
        fcntl.ioctl(handle, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    CONGESTION_CONTROL.write_text("reno", encoding="ascii")
    return f"congestion control: reno for all, in a network of their own (the system's is {choice})"
