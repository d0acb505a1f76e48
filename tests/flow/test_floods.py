"""Peers that give nothing, too slowly, or take nothing."""
import os
import socket
import time

from client import DEADLINE, SCALE
from flow import alone
from server import PASSWORD

CONNECTIONS = int(os.environ.get("PC_FLOOD_CONNECTIONS", "200"))
HEADER = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='localhost' version='1.0' " \
         b"xmlns:stream='http://etherx.jabber.org/streams'>"


def raw(server):
    s = socket.create_connection(("127.0.0.1", server.port))
    s.settimeout(DEADLINE)
    return s


def until_end(s):
    got = b""
    while data := s.recv(65536):
        got += data
    return got


def resident_kb(server):
    """0 under a sanitizer, which keeps what was freed."""
    with open(f"/proc/{server.process.pid}/maps", encoding="ascii", errors="replace") as f:
        maps = f.read()
    if any(name in maps for name in ("libasan", "libtsan", "valgrind")):
        return 0
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


@alone(accounts=1, config={"c2s_timeout": str(0.5 * SCALE)})
def test_one_byte_after_the_other(server):
    """What trickles in does not extend the time to log in."""
    s, began = raw(server), time.monotonic()
    s.settimeout(0.02 * SCALE)
    got = b""
    for byte in HEADER * 20:
        try:
            s.send(bytes([byte]))
            got += s.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            break
        if b"</stream:stream>" in got:
            break
    assert b"<connection-timeout" in got, got
    assert time.monotonic() - began < 5 * SCALE
    server.login().nothing()


@alone(accounts=1, config={"c2s_timeout": str(1 * SCALE)})
def test_connections_that_say_nothing(server):
    silent, began = [raw(server) for _ in range(CONNECTIONS)], time.monotonic()
    user = server.login()
    user.nothing()
    for s in silent:
        assert b"<connection-timeout" in until_end(s)
    user.nothing()
    print(f"{CONNECTIONS} silent connections ended after {time.monotonic() - began:.2f} s of {SCALE:g}; "
          f"a log-in and a ping were served meanwhile")


@alone(accounts=2, config={"max_send_buffer_size": "100000"})
def test_recipient_that_does_not_read(server):
    """It is dropped when too much waits for it; whoever writes to it goes on, and memory is bounded."""
    victim, sender = server.online(), server.login()
    victim.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before, body = resident_kb(server), "x" * 4000
    for _ in range(60):
        for _ in range(40):
            sender.message(victim.jid, body)
        sender.sync()
    assert resident_kb(server) - before < 60000, "the backlog grew"
    assert "too much unsent" in server.log(), server.log_tail()
    sender.sync()  # more than are kept for the victim come back as errors


@alone(accounts=3)
def test_log_ins_leave_nothing(server):
    """In five rounds; from the second one on no more memory is needed."""
    each, resident = int(os.environ.get("PC_FLOOD_LOGINS", "60")) // 5, []
    for _ in range(5):
        for n in range(each):
            c = server.client()
            c.login(server.names[n % 3], PASSWORD, "r", mechanism="PLAIN" if n % 2 else "SCRAM-SHA-256").close()
            server.clients.clear()
        resident.append(resident_kb(server))
    print(f"5 x {each} log-ins: resident KB {resident}")
    assert "sessions: 0" in server.ctl("status")
    assert resident[4] - resident[1] < 1000, "it grows"
