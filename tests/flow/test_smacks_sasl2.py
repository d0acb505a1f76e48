"""Stream management along with a log-in: resumption in SASL2 (XEP-0388), enabling in Bind 2 (XEP-0386), XEP-0198."""
import sasl2
from flow import HOST, alone, equal, rows
from sasl2 import AGENT, BIND, agent, opened, scram
from server import SCALE
from smacks import CONFIG, NS3, Managed, bodies, lost, lost_for_long, managed, messages, waiting, with_options

SERVER = dict(accounts=40, config=CONFIG)
ENABLE = f"<enable xmlns='{NS3}' resume='true'/>"


def resume(token, h):
    return f"<resume xmlns='{NS3}' previd='{token}' h='{h}'/>"


def bind(inner=""):
    return f"<bind xmlns='{BIND}'><tag>T</tag>{inner}</bind>"


def log_in(server, user, extra):
    """A client and the <success/> that it got."""
    c = Managed(server.tls_port, HOST)
    server.clients.append(c)
    c.start_tls_layer()
    c.open()
    success = scram(c, user, extra=agent() + extra)
    assert success.matches("success", sasl2.NS), str(success)
    c.user, c.ns, c.jid = user, NS3, success.child_text("authorization-identifier")
    c.bare = c.jid.partition("/")[0]
    return c, success


def enabled(server, user, attrs=""):
    """Bound, with stream management, in one round trip."""
    c, success = log_in(server, user, bind(ENABLE))
    answer = success.child("bound", BIND).child("enabled", NS3)
    assert answer, str(success)
    c.token, c.counting, c.h = answer.get("id"), True, 0
    c.expect("features", "stream")
    return c


def taken_up(server, c, extra="", h=None):
    h = c.h if h is None else h
    again, success = log_in(server, c.user, resume(c.token, h) + extra)
    resumed = success.child("resumed", NS3)
    assert resumed and resumed.get("previd") == c.token, str(success)
    again.counting, again.h, again.token, again.resumed = True, h, c.token, resumed
    return again, success


def test_offered(server):
    _, features = opened(server)
    inline = features.child("authentication", sasl2.NS).child("inline", sasl2.NS)
    assert inline.child("sm", NS3), str(inline)
    found = [f.get("var") for f in inline.child("bind", BIND).child("inline", BIND).all("feature")]
    assert NS3 in found, str(inline)


def test_enabled_with_the_resource(server):
    c, friend = enabled(server, server.account()), server.login()
    friend.message(c.jid, "hello")
    equal(messages(c, 1), ["hello"])
    equal(c.acked(), 1)


@rows(("bad", f"<enable xmlns='{NS3}' resume='maybe'/>"), ("bad time", f"<enable xmlns='{NS3}' max='0'/>"))
def test_not_enabled(server, element):
    c, success = log_in(server, server.account(), bind(element))
    assert success.child("bound", BIND).child("failed", NS3).child("bad-request", "stanzas"), str(success)
    c.expect("features", "stream")
    c.enable()


@rows(("alone", ""), ("a resource is ignored", bind(ENABLE)))
def test_resumed_with_the_log_in(server, extra):
    c, friend = enabled(server, server.account()), server.login()
    c.sync()
    lost(server, c)
    for n in range(3):
        friend.message(c.jid, f"{n}")
    friend.sync()
    again, success = taken_up(server, c, extra)
    equal((again.jid, again.resumed.get("h")), (c.jid, "1"))
    assert success.child("bound", BIND) is None, str(success)
    came = again.sync()  # no features: the stream goes on
    equal([e.name for e in came], ["message"] * 3)
    equal(bodies(came), ["0", "1", "2"])
    equal(again.acked(), 2)


def test_resumed_while_connected(server):
    c = enabled(server, server.account())
    again, _ = taken_up(server, c)
    c.expect_stream_error("conflict")
    again.nothing()


def test_resumed_after_a_bound_classic_one(server):
    c = managed(server)
    lost(server, c)
    again, _ = taken_up(server, c)
    equal(again.jid, c.jid)
    again.nothing()


@alone(**with_options(smacks_hibernation_time=2 * SCALE))
def test_too_late(server):
    """<failed/> tells how far it had come, and the resource is bound as if nothing had been asked."""
    c = enabled(server, server.account())
    c.sync()
    lost_for_long(server, c)
    again, success = log_in(server, c.user, resume(c.token, 0) + bind(ENABLE))
    failed = success.child("failed", NS3)
    equal(failed.get("h"), "1")
    assert failed.child("item-not-found", "stanzas"), str(success)
    answer = success.child("bound", BIND).child("enabled", NS3)
    again.token, again.counting = answer.get("id"), True
    again.expect("features", "stream")
    again.nothing()
    lost(server, again)
    taken_up(server, again)[0].nothing()


@rows(("bad h", f"<resume xmlns='{NS3}' previd='x' h='-1'/>", "bad-request"),
      ("no id", f"<resume xmlns='{NS3}' h='0'/>", "bad-request"),
      ("unknown", resume("x" * 22, 0), "item-not-found"))
def test_refused(server, element, condition):
    c, success = log_in(server, server.account(), element)
    assert success.child("failed", NS3).child(condition, "stanzas"), str(success)
    c.expect("features", "stream")
    c.bind("r")
    c.enable()


def test_a_strangers_session(server):
    c = enabled(server, server.account())
    lost(server, c)
    _, success = log_in(server, server.account(), resume(c.token, 0))
    assert success.child("failed", NS3).child("item-not-found", "stanzas"), str(success)
    equal(waiting(server, c), 1)


def test_too_high(server):
    c = enabled(server, server.account())
    lost(server, c)
    again = Managed(server.tls_port, HOST)
    server.clients.append(again)
    again.start_tls_layer()
    again.open()
    end = scram(again, c.user, extra=agent() + resume(c.token, 9))
    assert end.child("handled-count-too-high", NS3), str(end)
    taken_up(server, c)


@alone(accounts=4, config={**CONFIG, "modules_enabled": CONFIG["modules_enabled"].replace("}", ', "sasl2_fast" }')})
def test_with_a_new_token(server):
    """A token that is asked for along with the resumption comes, too."""
    c = enabled(server, server.account())
    c.sync()
    lost(server, c)
    wanted = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>"
    again, success = taken_up(server, c, wanted)
    assert success.child("token", "urn:xmpp:fast:0"), str(success)
    equal(again.jid, c.jid)
    again.nothing()
    equal(AGENT in server.log(), False)
