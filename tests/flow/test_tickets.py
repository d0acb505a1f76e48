"""Session tickets of TLS: the next connection needs no certificate."""
import socket
import ssl

from client import DEADLINE, tls_context
from flow import HOST, equal, rows

HEADER = (f"<stream:stream to='{HOST}' version='1.0' xmlns='jabber:client'"
          " xmlns:stream='http://etherx.jabber.org/streams'>").encode()


def visit(server, context, session=None):
    """Opens a stream over direct TLS; was it resumed, and the session for the next time."""
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=DEADLINE) as plain:
        with context.wrap_socket(plain, server_hostname=HOST, session=session) as tls:
            tls.sendall(HEADER)
            seen = b""
            while b"</stream:features>" not in seen:
                more = tls.recv(4096)
                assert more, f"the connection ended: {seen!r}"
                seen += more
            return tls.session_reused, tls.session, tls.version()


@rows(("tls13", None, "TLSv1.3"), ("tls12", ssl.TLSVersion.TLSv1_2, "TLSv1.2"))
def test_resumed(server, maximum, version):
    context = tls_context(maximum)
    first, session, got = visit(server, context)
    equal((first, got), (False, version))
    for _ in range(3):
        reused, session, got = visit(server, context, session)
        equal((reused, got), (True, version))
