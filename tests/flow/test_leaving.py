"""Clients that leave in the middle of everything leave nothing behind: no descriptor, no session, no
memory. Each state in which one can leave, by each way to leave, PC_LEAVE times; where that is more
than CI has time for, in five rounds, of which the later ones may not need more memory."""
import os
import re
import socket
import ssl
import struct
import time

import sasl
from client import DEADLINE, tls_context
from flow import HOST, NS, PASSWORD, equal, rows
from server import settle
from test_floods import resident_kb

TIMES = int(os.environ.get("PC_LEAVE", "3"))
ROUNDS = 5 if TIMES > 20 else 1
SERVER = dict(accounts=3, config={"c2s_timeout": "20"})


# ---- states: each takes a client that has connected, and leaves it where it is to leave

def connected(_c):
    pass


def half_a_header(c):
    c.send("<?xml version='1.0'?><stream:stream xmlns='jabber:cl")


def features(c):
    c.open()


def half_a_starttls(c):
    c.open()
    c.send("<starttls xmlns='urn:ietf:params")


def proceed(c):
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    c.expect("proceed", "tls")


def hello():
    """What a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        tls_context().wrap_bio(incoming, outgoing, server_hostname=HOST).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def half_a_hello(c):
    proceed(c)
    c.send(hello()[:100])


def in_the_handshake(c):
    """The server has said everything, the client has not finished."""
    proceed(c)
    c.send(hello())
    assert c.sock.recv(1), "no answer"


def secured(c):
    c.open()
    c.starttls()


def secured_features(c):
    secured(c)
    c.open()


def in_scram(c):
    secured_features(c)
    c.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", "user0", PASSWORD).first())
    c.expect("challenge", "sasl")


def password_under_way(c):
    c.open()
    c.auth("PLAIN", sasl.plain("user0", PASSWORD))


def authenticated(c):
    secured_features(c)
    c.authenticate("user0", PASSWORD, "PLAIN")


def authenticated_features(c):
    authenticated(c)
    c.open()


def bind_under_way(c):
    c.open()
    c.authenticate("user0", PASSWORD, "PLAIN")
    c.open()
    c.send(f"<iq type='set' id='b'><bind xmlns='{NS['bind']}'/></iq>")


def bound(c):
    c.login("user0", PASSWORD, mechanism="PLAIN", tls=True)


def roster_under_way(c):
    c.login("user0", PASSWORD, mechanism="PLAIN")
    c.send(f"<iq type='get' id='r'><query xmlns='{NS['roster']}'/></iq><presence/>")


def roster_set_under_way(c):
    c.login("user0", PASSWORD, mechanism="PLAIN", roster=True)
    c.roster_set("a@example.com", "A")
    for n in range(3):
        c.send(f"<iq type='set' id='s{n}'><query xmlns='{NS['roster']}'><item jid='a@example.com' name='{n}'/></query></iq>")


def in_a_stanza(c):
    c.login("user0", PASSWORD, mechanism="PLAIN", tls=True, presence=True)
    c.send(f"<message to='user1@{HOST}'><body>half a mess")


def with_offline_messages(c):
    """They are being handed out. (What is not wanted more than once has no body.)"""
    c.login("user2", PASSWORD, mechanism="PLAIN", roster=True)
    c.send(f"<message to='user2@{HOST}' type='chat'><body>to myself</body></message>" * 5)
    c.send("<presence/>")


STATES = (connected, half_a_header, features, half_a_starttls, proceed, half_a_hello, in_the_handshake, secured,
          secured_features, in_scram, password_under_way, authenticated, authenticated_features, bind_under_way, bound,
          roster_under_way, roster_set_under_way, in_a_stanza, with_offline_messages)


# ---- ways to leave

def fin(c):
    c.sock.close()


def rst(c):
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.sock.close()


def half_close(c):
    """Ends its own side and waits for the server's."""
    socket.socket.shutdown(c.sock, socket.SHUT_WR)
    c.sock.settimeout(DEADLINE)
    try:
        while socket.socket.recv(c.sock, 65536):
            pass
    except ConnectionError:
        pass
    c.sock.close()


def end(c):
    try:
        c.send("</stream:stream>")
    except OSError:
        pass
    c.sock.close()


def end_and_wait(c):
    c.close()


WAYS = (fin, rst, half_close, end, end_and_wait)
WITHOUT_A_STREAM = (connected, half_a_header, half_a_starttls, proceed, half_a_hello, in_the_handshake, in_a_stanza)


def ways(state):
    """Where no end tag makes sense there is none."""
    return WAYS[:3] if state in WITHOUT_A_STREAM else WAYS


# ---- what is left

def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def until_gone(server, most):
    """One client and this command are connected, and no more descriptors than that are open."""
    deadline = time.monotonic() + 2 * DEADLINE
    while True:
        connections = int(re.search(r"connections: (\d+)", server.ctl("stats")).group(1))
        if connections == 2 and descriptors(server) <= most:
            break
        assert time.monotonic() < deadline, \
            f"{connections} connections, {descriptors(server)} descriptors (of {most})\n{server.ctl('c2s', 'list')}"
    equal(len(server.ctl("c2s", "list").splitlines()), 1)
    assert "sessions: 1\n" in server.ctl("status")


def one_round(server, state, times):
    for _ in range(times):
        for leave in ways(state):
            c = server.client()
            state(c)
            leave(c)
            server.clients.clear()


@rows(*((state.__name__, state) for state in STATES))
def test_left(server, state):
    stays, resident = server.online("user1"), []
    one_round(server, state, 1)
    until_gone(server, 1000)
    most = descriptors(server)
    for _ in range(ROUNDS):
        one_round(server, state, TIMES // ROUNDS)
        until_gone(server, most)
        resident.append(resident_kb(server))
    print(f"{state.__name__}: {TIMES // ROUNDS * ROUNDS * len(ways(state))} times; never more than {most} descriptors left; "
          f"resident KB {resident}")
    assert ROUNDS == 1 or resident[-1] - resident[1] < 1000, f"it grows: {resident}"
    settle(stays)
    stays.close()
