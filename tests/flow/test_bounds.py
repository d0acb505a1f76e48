"""What a peer can make grow has an end, the end has an option, and whoever comes to it is counted."""
import re
import socket

import sasl
from client import Ended
from flow import HOST, NS, PASSWORD, alone, equal, rows
from server import SCALE

CORE = ("stanza", "unsent", "login_time", "resources", "contacts", "requests", "queries", "waiting_time")
SERVER = dict(accounts=40, config={
    "c2s_stanza_size_limit": "20000", "xml_depth_limit": "20", "xml_attributes_limit": "70", "xml_elements_limit": "100",
    "roster_max_items": "3", "max_resources": "2", "presence_max_directed": "3", "offline_max_messages": "2",
    "max_send_buffer_size": '"64 KiB"'})


def metric(server, name, host=False):
    """0 where the server counts it; an error where it does not know it."""
    said = server.ctl("stats", f"prosody_{name}")
    found = re.search(rf"^prosody_{name}{' ' + HOST if host else ''}  (\S+)$", said, re.M)
    assert found, f"no metric {name}: {said!r}"
    return float(found.group(1))


def test_all_are_counted(server):
    for name in CORE:
        metric(server, f"limits_{name}")
    metric(server, "c2s_connections_refused")
    for name in ("mod_saslauth_throttled", "mod_offline_refused", "mod_presence_directed_refused"):
        metric(server, name, True)


@rows(
    ("bytes", "<message><body>" + "x" * 20000 + "</body></message>"),
    ("depth", "<message>" + "<a>" * 20 + "</a>" * 20 + "</message>"),
    ("attributes", "<message><a " + " ".join(f"a{i}='1'" for i in range(71)) + "/></message>"),
    ("elements", "<message>" + "<a/>" * 100 + "</message>"),
)
def test_stanza(server, text):
    before = metric(server, "limits_stanza")
    c = server.login()
    c.send(text)
    c.expect_stream_error("policy-violation")
    equal(metric(server, "limits_stanza"), before + 1)


@rows(
    ("bytes", "<message><body>" + "x" * 15000 + "</body></message>"),
    ("depth", "<message>" + "<a>" * 18 + "</a>" * 18 + "</message>"),
    ("attributes", "<message><a " + " ".join(f"a{i}='1'" for i in range(69)) + "/></message>"),
    ("elements", "<message>" + "<a/>" * 98 + "</message>"),
)
def test_what_is_within_goes_through(server, text):
    c = server.login()
    c.send(text.replace("<message", f"<message to='{c.jid}'", 1))
    c.expect("message")


def test_contacts(server):
    before, c = metric(server, "limits_contacts"), server.login()
    for i in range(3):
        equal(c.roster_set(f"friend{i}@{HOST}").get("type"), "result")
    equal(c.roster_set(f"friend3@{HOST}").get("type"), "error")
    equal(metric(server, "limits_contacts"), before + 1)


def test_requests(server):
    """Strangers' requests take no place of the contacts, and end by the same number."""
    before, c = metric(server, "limits_requests"), server.online()
    strangers = [server.online() for _ in range(4)]
    for s in strangers[:3]:
        s.presence(to=c.bare, type="subscribe")
        c.find("presence", type="subscribe")
    strangers[3].presence(to=c.bare, type="subscribe")
    strangers[3].sync()
    equal(metric(server, "limits_requests"), before + 1)
    equal(c.roster_set(f"friend@{HOST}").get("type"), "result")


def test_resources(server):
    before, user = metric(server, "limits_resources"), server.account()
    for _ in range(2):
        server.login(user)
    c = server.client()
    c.open()
    c.authenticate(user, PASSWORD)
    c.open()
    equal(c.iq("set", f"<bind xmlns='{NS['bind']}'/>").error(), ("wait", "resource-constraint"))
    equal(metric(server, "limits_resources"), before + 1)


def test_directed_presence(server):
    before, c = metric(server, "mod_presence_directed_refused", True), server.online()
    for i in range(3):
        c.presence(to=f"somebody@{HOST}/{i}", reflected=False)
    c.sync()
    c.send(f"<presence to='somebody@{HOST}/3'/>")
    equal(c.find("presence", type="error").error(), ("wait", "resource-constraint"))
    equal(metric(server, "mod_presence_directed_refused", True), before + 1)


def test_offline_messages(server):
    before, c, away = metric(server, "mod_offline_refused", True), server.login(), server.account()
    for i in range(3):
        c.message(f"{away}@{HOST}", str(i))
    equal(c.find("message", type="error").error(), ("cancel", "service-unavailable"))
    equal(metric(server, "mod_offline_refused", True), before + 1)


def test_unsent_bytes(server):
    before, reader, writer = metric(server, "limits_unsent"), server.client(), server.login()
    reader.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.login(server.account(), PASSWORD)
    try:
        while metric(server, "limits_unsent") == before:
            for _ in range(100):
                writer.message(reader.jid, "x" * 15000)
            writer.sync()
    except Ended:
        raise AssertionError("it was the writer who was dropped") from None
    equal(metric(server, "limits_unsent"), before + 1)


@alone(accounts=1, config={"c2s_timeout": str(0.4 * SCALE)})
def test_time_to_log_in(server):
    c = server.client()
    c.open()
    c.expect_stream_error("connection-timeout")
    equal(metric(server, "limits_login_time"), 1.0)


@alone(accounts=1, config={"sasl_failures_per_address": "2", "sasl_failures_period": "3600"})
def test_guesses(server):
    for _ in range(3):
        c = server.client()
        c.open()
        c.auth("PLAIN", sasl.plain(server.names[0], "wrong"))
        c.expect("failure", "sasl")
    equal(metric(server, "mod_saslauth_throttled", True), 1.0)
