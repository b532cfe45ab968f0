"""Ports for servers that the tests start: nobody else gets one of them while a test may need it.

A port is held by a socket that is bound and never listens. With SO_REUSEADDR on both sides, as every server here has it,
another socket may listen there all the same; the system itself gives such a port to nobody, neither to a listener that
takes any port nor to a client. So two test runs on one machine never meet, and a server that was killed finds its port.
"""

import socket

HELD = {}


def lease():
    """A port of this process's own, until it is given back or the process ends."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    HELD[port] = holder
    return port


def give_back(*ports):
    """Lets others have these ports; those that they can have already are no mistake."""
    for port in ports:
        if port in HELD:
            HELD.pop(port).close()
