"""Connections that one address may have: options max_connections_per_ip and
max_unauthenticated_per_ip, for all services and for one, unlimited_ips."""
import time

from client import DEADLINE, Ended
from flow import HOST, PASSWORD, alone, equal

LIMITS = {"unlimited_ips": "{ }", "c2s_max_connections_per_ip": "3", "max_connections_per_ip": "1",
          "max_unauthenticated_per_ip": "2"}
SERVER = dict(config=LIMITS)


def refused(server, source, **args):
    """The server closes it without a word."""
    server.client(source=source, **args).expect_end(closing=False)


def comes_in(server, source):
    """When the server has seen the ends of others there is room."""
    deadline = time.monotonic() + DEADLINE
    while True:
        c = server.client(source=source)
        try:
            c.open()
            return c
        except (AssertionError, Ended, OSError):
            assert time.monotonic() < deadline, f"nothing of {source} is let in any more"


def login(server, source):
    return server.client(source=source).login(server.account(), PASSWORD)


def metric(server, name):
    return float(server.ctl("stats", name).split()[-1])


def test_who_has_not_logged_in(server):
    waiting = [server.client(source="127.0.0.11") for _ in range(2)]
    for c in waiting:
        c.open()
    refused(server, "127.0.0.11")
    server.client(source="127.0.0.12").open()  # somebody else
    waiting[0].authenticate(server.account(), PASSWORD)
    server.client(source="127.0.0.11").open()
    refused(server, "127.0.0.11")
    waiting[1].abort()
    comes_in(server, "127.0.0.11")


def test_in_all(server):
    clients = [login(server, "127.0.0.21") for _ in range(3)]
    refused(server, "127.0.0.21")
    clients[0].abort()
    comes_in(server, "127.0.0.21").authenticate(server.account(), PASSWORD)
    refused(server, "127.0.0.21")


def test_both_ports_of_a_service_count(server):
    clients = [login(server, "127.0.0.31") for _ in range(2)]
    clients.append(server.client(tls=True, source="127.0.0.31").login(server.account(), PASSWORD))
    refused(server, "127.0.0.31")
    equal(len(clients), 3)


@alone(accounts=2, config=LIMITS)
def test_what_is_told(server):
    """Every refusal is counted; a burst is one line."""
    for _ in range(3):
        server.client(source="127.0.0.41").login("user0", PASSWORD)
    for _ in range(20):
        refused(server, "127.0.0.41")
    equal(metric(server, "prosody_c2s_connections_refused"), 20.0)
    lines = [line for line in server.log().splitlines() if "a connection from" in line]
    equal(len(lines), 1)
    assert "127.0.0.41" in lines[0] and "max_connections_per_ip 3" in lines[0], lines[0]


@alone(accounts=1, config={**LIMITS, "unlimited_ips": '{ "127.0.0.51", "127.0.1.0/24", "no address" }'})
def test_unlimited_and_reload(server):
    for source in ["127.0.0.51"] * 6 + ["127.0.1.77"] * 6:
        server.client(source=source).open()
    assert 'unlimited_ips: "no address"' in server.log()
    held = [server.client(source="127.0.0.52") for _ in range(2)]
    for c in held:
        c.open()
    refused(server, "127.0.0.52")
    server.write_config({**LIMITS, "max_unauthenticated_per_ip": "0", "c2s_max_connections_per_ip": "0"}, {HOST: {}})
    server.ctl("reload")
    for _ in range(5):
        server.client(source="127.0.0.52").open()


@alone(accounts=0)
def test_loopback_is_unlimited_by_default(server):
    for _ in range(300):
        server.client()
    server.client().open()
