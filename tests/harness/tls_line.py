"""A line of TLS with one thread at each end of it, for clients that read and write in two.

Python's `ssl` is not made for two threads on one connection (python/cpython#151508): now and then one of them loses what
the other was doing, and a client that sends its request while another thread reads the server's first records waits for ever.
"""

import select
import socket
import ssl
import threading


def connect(address):
    """Opens a connection over TLS; returns a plain socket whose bytes pass through it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    line = context.wrap_socket(socket.create_connection(address, timeout=30))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    threading.Thread(target=_pass, args=(line, ours), daemon=True).start()
    return theirs


def _pass(line, ours):
    """Passes bytes both ways until one side ends."""
    try:
        while True:
            ready = [line] if line.pending() else select.select([line, ours], [], [])[0]
            for side, other in ((line, ours), (ours, line)):
                data = _read(side) if side in ready else None
                if data == b"":
                    return
                if data:
                    other.sendall(data)
    except OSError:
        pass
    finally:
        line.close()
        ours.close()


def _read(side):
    """What there is; `None`: nothing yet, for what came was a record of TLS itself."""
    side.setblocking(False)
    try:
        return side.recv(65536)
    except ssl.SSLWantReadError:
        return None
    finally:
        side.setblocking(True)
