"""Stream management (XEP-0198): acknowledgements in both directions, and resumption."""
import json

from flow import HOST, NS, alone, equal, rows
from smacks import (CONFIG, NS2, NS3, bodies, connect, lost, managed, messages, refused, taken_up, waiting, with_options)

SERVER = dict(accounts=120, config=CONFIG)


# ---- enabling

def test_offered_when_it_can_be_used(server):
    c = server.client()
    assert not c.open().all("sm"), "offered before the log-in"
    c.authenticate(server.account(), "secret")
    equal([e.ns for e in c.open().all("sm")], [NS2, NS3])


@rows((NS2, NS2), (NS3, NS3))
def test_enabled(server, ns):
    c = managed(server, resume=False, ns=ns)
    equal(c.token, None)
    c = connect(server, server.account())
    c.bind()
    enabled = c.enable(ns=ns)
    equal((enabled.get("resume"), enabled.get("max"), len(enabled.get("id"))), ("true", "600", 22))
    equal(enabled.get("location"), None)


@rows(("1", " resume='1'", True), ("true", " resume='true'", True), ("0", " resume='0'", False),
      ("false", " resume='false'", False), ("less time", " resume='1' max='60'", True))
def test_what_is_asked_for(server, attrs, resumable):
    c = connect(server, server.account())
    c.bind()
    enabled = c.enable(resume=False, extra=attrs)
    equal(enabled.get("id") is not None, resumable)
    equal(enabled.get("max"), "60" if "max" in attrs else "600" if resumable else None)


@alone(**with_options(smacks_location='"[::1]:5222"', smacks_hibernation_time=90))
def test_location_and_time(server):
    c = connect(server, server.account())
    c.bind()
    enabled = c.enable()
    equal((enabled.get("location"), enabled.get("max")), ("[::1]:5222", "90"))


@rows(("twice", ""), ("twice, to be resumed", " resume='true'"))
def test_once_only(server, attrs):
    c = managed(server)
    c.send(f"<enable xmlns='{NS3}'{attrs}/>")
    assert c.expect("failed", NS3).child("unexpected-request", "stanzas")
    c.nothing()


@rows(("enable", "enable"), ("resume", "resume"))
def test_not_before_the_log_in(server, name):
    c = server.client()
    c.open()
    c.send(f"<{name} xmlns='{NS3}' previd='x' h='0'/>")
    assert c.expect("failed", NS3).child("unexpected-request", "stanzas")
    c.authenticate(server.account(), "secret")


def test_not_before_a_resource(server):
    c = connect(server, server.account())
    c.send(f"<enable xmlns='{NS3}'/>")
    assert c.expect("failed", NS3).child("unexpected-request", "stanzas")
    c.bind()
    c.enable()


def test_resuming_a_bound_session(server):
    c = managed(server)
    c.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='0'/>")
    assert c.expect("failed", NS3).child("unexpected-request", "stanzas")
    c.nothing()


# ---- acknowledgements of what comes in

def test_counting_what_comes(server):
    c = managed(server)
    equal(c.acked(), 0)
    c.message(c.jid)
    c.expect("message")
    equal(c.acked(), 1)
    c.sync()
    equal(c.acked(), 2)
    c.presence()
    c.send(" ")  # neither white space nor what is no stanza counts
    c.ack()
    equal(c.acked(), 3)


@rows(("no type", "<iq id='x'><ping xmlns='urn:xmpp:ping'/></iq>"),
      ("no id", "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
      ("bad address", "<message to='@@'><body>x</body></message>"),
      ("bad presence", "<presence type='nonsense'/>"),
      ("a bad answer", "<iq type='result'/>"))
def test_refused_ones_count_too(server, stanza):
    c = managed(server)
    c.send(stanza)
    c.message(c.jid)
    c.find("message", from_=c.jid, has="body")
    equal(c.acked(), 2)


def test_what_was_sent_before_does_not_count(server):
    c = connect(server, server.account())
    c.bind()
    c.send("<presence/><message to='nobody@localhost'><body>to be looked up</body></message>"
           f"<enable xmlns='{NS3}'/><r xmlns='{NS3}'/>")
    c.ns = NS3
    equal(c.find("a", NS3).get("h"), "0")


@alone(**with_options(journal="false"))
def test_written_before_it_is_acknowledged(server):
    """What is kept for somebody is in the database when its h is told: nothing else is there after a kill."""
    c, away = managed(server), server.account()
    for n in range(20):
        c.message(f"{away}@{HOST}", f"{n}")
        c.send(f"<r xmlns='{NS3}'/>")
    while c.find("a", NS3).get("h") != "20":
        pass
    server.kill()
    server.start()
    equal(messages(server.online(away), 20), [f"{n}" for n in range(20)])


def test_asked_and_unasked(server):
    """An acknowledgement that comes unasked is not the answer to a question that waits for what was sent before it."""
    c, bob = managed(server), server.account()
    c.send("".join(f"<message to='{bob}@{HOST}' type='chat'><body>{n}</body></message>" for n in range(75)) +
           f"<r xmlns='{NS3}'/>")
    c.find("a", NS3, h="75")


def test_unasked_after_some(server):
    c = managed(server)
    for _ in range(50):
        c.message(c.jid)
    equal(c.find("a", NS3).get("h"), "50")


# ---- acknowledgements of what goes out

def test_asked_for(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "1")
    c.find("message")
    line = next(x for x in server.ctl("smacks", "list", HOST).splitlines() if c.jid in x)
    assert ", asked" in line and "1 stanzas" in line, line
    c.answers = True
    c.ack()
    c.nothing()


def test_one_request_at_a_time(server):
    c, friend = managed(server, answers=False), server.login()
    for n in range(10):
        friend.message(c.jid, f"{n}")
    friend.sync()
    equal(len(bodies(c.sync())), 10)
    equal(server.log().count("handled-count-too-high"), 0)


@rows(("by one", 1, 0), ("by many", 2**31 - 1, 0), ("of what was not acknowledged", 3, 2))
def test_handled_count_too_high(server, more, sent):
    c, friend = managed(server, answers=False), server.login()
    for _ in range(sent):
        friend.message(c.jid)
        c.find("message")
    c.ack(sent + more)
    error = c.expect_stream_error("undefined-condition")
    detail = error.child("handled-count-too-high", NS3)
    equal((detail.get("h"), detail.get("send-count")), (str(sent + more), str(sent)))


@rows(("none", ""), ("negative", " h='-1'"), ("too large", " h='4294967296'"), ("text", " h='one'"), ("empty", " h=''"))
def test_bad_acknowledgement(server, attrs):
    c = managed(server)
    c.send(f"<a xmlns='{NS3}'{attrs}/>")
    c.expect_stream_error("invalid-xml")


def test_going_back_changes_nothing(server):
    c, friend = managed(server, answers=False), server.login()
    for _ in range(3):
        friend.message(c.jid)
        c.find("message")
    c.ack(3)
    c.ack(1)
    c.nothing()


def test_without_having_enabled(server):
    c = server.login()
    c.send(f"<r xmlns='{NS3}'/><a xmlns='{NS3}' h='5'/>")
    c.nothing()


# ---- resumption

def test_resumed(server):
    c, friend = managed(server), server.login()
    c.message(friend.jid, "one")
    friend.find("message")
    lost(server, c)
    friend.message(c.jid, "two")
    friend.message(c.jid, "three")
    friend.sync()
    again = taken_up(server, c)
    equal(again.resumed.get("h"), "1")
    came = again.sync()
    equal(bodies(came), ["two", "three"])
    assert all(e.child("delay", "delay").get("from") == HOST for e in came), came
    again.message(friend.jid, "four")
    equal(friend.find("message").child_text("body"), "four")
    equal(again.acked(), 3)
    equal(waiting(server, c), 0)


def test_only_what_is_missing_comes_again(server):
    c, friend = managed(server, answers=False), server.login()
    for n in range(5):
        friend.message(c.jid, f"{n}")
        c.find("message")
    lost(server, c)
    again = taken_up(server, c, h=3)
    equal(bodies(again.sync()), ["3", "4"])


def test_contacts_see_nothing_of_it(server):
    a, friend = managed(server), server.online()
    a.presence(to=friend.jid)
    friend.find("presence", from_=a.jid)
    lost(server, a)
    friend.nothing()
    again = taken_up(server, a)
    friend.nothing()
    again.presence(type="unavailable")
    friend.find("presence", from_=a.jid, type="unavailable")


def test_again_and_again(server):
    c, friend = managed(server), server.login()
    for n in range(5):
        lost(server, c)
        friend.message(c.jid, f"{n}")
        friend.sync()
        c = taken_up(server, c)
        equal(bodies(c.sync()), [f"{n}"])
    equal(c.acked(), 5)  # the iqs of sync


def test_the_old_connection_ends_by_conflict(server):
    c, friend = managed(server), server.login()
    again = taken_up(server, c)
    c.expect_stream_error("conflict")
    friend.message(c.jid, "here")
    equal(again.find("message").child_text("body"), "here")


def test_resuming_what_is_being_handled(server):
    """What the last connection brought is done with before the answer; none of it happens twice."""
    c, away = managed(server), server.account()
    c.send("".join(f"<message to='{away}@{HOST}'><body>{n}</body></message>" for n in range(20)))
    again = taken_up(server, c)
    done = int(again.resumed.get("h"))
    for n in range(done, 20):
        again.message(f"{away}@{HOST}", f"{n}", type=None)
    equal(again.acked(20), 20)
    equal(messages(server.online(away), 20), [f"{n}" for n in range(20)])


def test_two_at_once(server):
    """One after the other: the second one ends the first."""
    c = managed(server)
    both = [connect(server, c.user), connect(server, c.user)]
    for one in both:
        one.ns = NS3
        one.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='0'/>")
    for one in both:
        one.expect("resumed", NS3)
    ended = []
    for one in both:
        try:
            one.send(f"<r xmlns='{NS3}'/>")
            one.find("a", NS3)
        except AssertionError:
            ended.append(one)
    equal(len(ended), 1)


def test_requests_are_answered_once(server):
    c, friend = managed(server), server.login()
    ident = friend.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=c.jid, wait=False)
    request = c.find("iq", type="get")
    lost(server, c)
    again = taken_up(server, c)
    again.send(f"<iq type='result' id='{request.get('id')}' to='{friend.jid}'/>")
    equal(friend.find("iq", id=ident).get("type"), "result")
    friend.nothing()


def test_counters_go_on(server):
    c = managed(server)
    for _ in range(3):
        c.sync()
    lost(server, c)
    again = taken_up(server, c)
    equal(again.resumed.get("h"), "3")
    again.sync()
    equal(again.acked(), 4)


# ---- refused

def test_unknown(server):
    c = managed(server)
    again = refused(server, c, token="x" * 22)
    equal(again.resumed.get("h"), None)
    again.bind()  # it may go on
    again.enable()
    c.nothing()


def test_a_strangers_session(server):
    c, stranger = managed(server), managed(server)
    lost(server, c)
    refused(server, stranger, token=c.token)
    taken_up(server, c)


@rows(("no h", "previd='%s'"), ("bad h", "previd='%s' h='x'"), ("no previd", "h='0' id='%s'"))
def test_bad_request(server, attrs):
    c = managed(server)
    again = connect(server, c.user)
    again.send(f"<resume xmlns='{NS3}' {attrs % c.token}/>")
    assert again.expect("failed", NS3).child("bad-request", "stanzas")
    again.bind()


def test_too_high(server):
    c = managed(server)
    lost(server, c)
    again = connect(server, c.user)
    again.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='7'/>")
    error = again.expect_stream_error("undefined-condition")
    assert error.child("handled-count-too-high", NS3)
    taken_up(server, c)


def test_what_was_acknowledged_is_gone(server):
    c, friend = managed(server, answers=False), server.login()
    for _ in range(3):
        friend.message(c.jid)
        c.find("message")
    c.ack(3)
    c.sync()
    lost(server, c)
    refused(server, c, h=1)


def test_not_resumable(server):
    c = managed(server, resume=False)
    c.token = "x" * 22
    c.abort()
    refused(server, c)


def test_an_orderly_end_is_the_end(server):
    c = managed(server)
    c.close()
    equal(waiting(server, c), 0)
    equal(refused(server, c).resumed.get("h"), None)


# ---- for operators

def test_listed(server):
    here, away = managed(server, answers=False), managed(server)
    lost(server, away)
    friend = server.login()
    friend.message(away.jid, "kept")
    friend.sync()
    said = server.ctl("--json", "smacks", "list", HOST)
    found = {row["jid"]: row for row in json.loads(said)["rows"] if row["jid"] in (here.jid, away.jid)}
    equal((found[here.jid]["waiting"], found[here.jid]["resumable"]), (False, True))
    row = found[away.jid]
    equal((row["waiting"], row["unacknowledged"], 0 < row["seconds"] <= 600, row["bytes"] > 0), (True, 1, True, True))
