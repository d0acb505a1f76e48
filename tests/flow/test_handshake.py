"""Handshakes of TLS whose messages come in other pieces than most peers make (RFC 8446 section 5.1)."""
import socket
import ssl
import struct

from client import DEADLINE, tls_context
from flow import equal, rows

SERVER = dict(accounts=0)


def in_pieces(record, size):
    """The same message in records of so many bytes."""
    kind, version, body = record[:1], record[1:3], record[5:]
    return b"".join(kind + version + struct.pack(">H", len(body[at:at + size])) + body[at:at + size]
                    for at in range(0, len(body), size))


@rows(("two_records", 300), ("twenty", 20))
def test_hello_in_records(server, size):
    """All of them in one packet: nothing more comes until they are answered."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=DEADLINE) as sock:
        first = True
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                said = outgoing.read()
                sock.sendall(in_pieces(said, size) if first else said)
                first = False
                incoming.write(sock.recv(65536))
    equal(tls.version(), "TLSv1.3")
