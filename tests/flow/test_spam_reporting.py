"""Reports along with blocking: XEP-0377."""
import time

from client import DEADLINE
from flow import HOST, alone, equal, rows

NS = "urn:xmpp:reporting:1"
BLOCKING = "urn:xmpp:blocking"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "blocklist", "spam_reporting" }'
CONFIG = {"modules_enabled": MODULES, "admins": '{ "user0@localhost" }'}
SERVER = dict(accounts=20, config=CONFIG)


def block(client, jid, report):
    return client.iq("set", f"<block xmlns='{BLOCKING}'><item jid='{jid}'>{report}</item></block>")


def report(reason="spam", inner="", attrs=None):
    attrs = f" reason='urn:xmpp:reporting:{reason}'" if attrs is None else attrs
    return f"<report xmlns='{NS}'{attrs}>{inner}</report>"


def reported(server):
    return [line.split("  ")[1] for line in server.ctl("report", "list", HOST).splitlines()]


def blocked(client):
    reply = client.iq("get", f"<blocklist xmlns='{BLOCKING}'/>")
    return [item.get("jid") for item in reply.child("blocklist", BLOCKING).children]


@alone(accounts=3, config=CONFIG)
def test_reported(server):
    admin, c = server.online("user0"), server.online("user1")
    reply = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=HOST)
    assert NS in [f.get("var") for f in reply.child("query").all("feature")], str(reply)
    equal(block(c, "spammer@example.org", report("spam", "<text>Buy &lt;this&gt;</text>")).get("type"), "result")
    told = admin.find("message")
    equal((told.get("from"), told.child_text("body")), (HOST, "user1@localhost reports spammer@example.org for spam: Buy <this>"))
    equal(block(c, "bully@example.org", report("abuse")).get("type"), "result")
    admin.find("message")
    equal(blocked(c), ["bully@example.org", "spammer@example.org"])
    lines = [line.split("  ") for line in server.ctl("report", "list", HOST).splitlines()]
    equal([line[1:] for line in lines], [["bully@example.org", "abuse", "user1@localhost", ""],
                                         ["spammer@example.org", "spam", "user1@localhost", "Buy <this>"]])
    server.stop()
    server.start()
    assert "spammer@example.org" in server.ctl("report", "list", HOST)
    server.ctl("report", "clear", HOST)
    equal(server.ctl("report", "list", HOST).strip(), "")


@rows(("no_reason", report(attrs="")), ("unknown_reason", report("urn:example")),
      ("long_text", report("spam", f"<text>{'x' * 2001}</text>")))
def test_malformed(server, element):
    c = server.login()
    equal(block(c, "spammer@example.org", element).error()[1], "bad-request")
    equal(blocked(c), [])


def test_address_is_none(server):
    c = server.login()
    equal(block(c, "@", report()).error()[1], "jid-malformed")
    assert "@ for spam" not in server.log()


@alone(accounts=3, config={**CONFIG, "spam_reports_told_per_hour": "2", "spam_reports_kept": "3"})
def test_flood(server):
    admin, c = server.online("user0"), server.login("user1")
    for n in range(5):
        block(c, f"s{n}@example.org", report())
    equal(len([e for e in admin.sync() if e.name == "message"]), 2)
    deadline = time.monotonic() + DEADLINE
    while (kept := reported(server)) != ["s4@example.org", "s3@example.org", "s2@example.org"]:  # later ones are not lost
        assert time.monotonic() < deadline, kept


@alone(accounts=3, config={**CONFIG, "spam_reports_kept": "0"})
def test_none_is_kept(server):
    c = server.login("user1")
    block(c, "spammer@example.org", report())
    server.log_has("reports spammer@example.org")
    deadline = time.monotonic() + DEADLINE
    while reported(server):
        assert time.monotonic() < deadline
