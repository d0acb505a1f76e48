"""Sessions with stream management that end, wait, or cost too much; and what becomes of their queues."""
import socket
import time

from client import Ended
from flow import HOST, NS, alone, equal, rows
from server import SCALE
from smacks import (CONFIG, NS3, Managed, bodies, connect, lost, lost_for_long, managed, messages, refused, taken_up,
                    until_waiting, waiting, with_options)

SERVER = dict(accounts=60, config=CONFIG)

SHORT = with_options(smacks_hibernation_time=0.5 * SCALE)


@alone(**SHORT)
def test_told_how_far_it_had_come(server):
    c, friend = managed(server), server.online()
    c.presence(to=friend.jid)
    friend.find("presence", from_=c.jid)
    for _ in range(3):
        c.sync()
    c.abort()
    friend.find("presence", from_=c.jid, type="unavailable")
    equal(refused(server, c).resumed.get("h"), "4")
    equal(refused(server, c).resumed.get("h"), None)  # once


def test_a_shorter_time(server):
    c = connect(server, server.account())
    c.bind()
    equal(c.enable(extra=" max='1'").get("max"), "1")
    lost_for_long(server, c)


def ended(server, c):
    """It ends, and the server has done what follows from that."""
    other = server.login(c.user, c.jid.partition("/")[2])
    other.sync()
    return other


def test_messages_are_kept(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "seen")
    c.find("message")
    c.ack()
    for n in range(3):
        friend.message(c.jid, f"{n}")
    friend.sync()
    lost(server, c)
    friend.message(c.bare, "3")
    friend.sync()
    other = ended(server, c)
    other.presence()
    came = [other.find("message") for _ in range(4)]
    equal(bodies(came), ["0", "1", "2", "3"])
    assert all(m.child("delay", "delay") for m in came), came
    other.nothing()
    friend.nothing()


def test_messages_go_to_another_session(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "to that one")
    friend.sync()
    lost(server, c)
    other = server.online(c.user)
    friend.message(c.bare, "to all")
    friend.sync()
    equal(bodies(other.sync()), ["to all"])
    ended(server, c)
    equal(bodies(other.sync()), ["to that one"])


def test_never_twice(server):
    """To the account went it to both; the other one does not get it again."""
    c, friend = managed(server, answers=False), server.login()
    other = server.online(c.user)
    c.sync()
    friend.message(c.bare, "to all")
    friend.sync()
    equal(bodies(other.sync()), ["to all"])
    lost(server, c)
    ended(server, c)
    equal(bodies(other.sync()), [])


def test_not_to_who_had_a_copy(server):
    c, friend = managed(server, answers=False), server.login()
    other = server.online(c.user)
    other.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    friend.message(c.jid, "to that one")
    friend.sync()
    assert [m for m in other.sync() if m.child("received")]
    lost(server, c)
    ended(server, c)
    equal([m for m in other.sync() if m.name == "message"], [])


def test_requests_and_rooms_get_errors(server):
    c, friend = managed(server, answers=False), server.login()
    ident = friend.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=c.jid, wait=False)
    friend.message(c.jid, "room", type="groupchat")
    friend.message(c.jid, "news", type="headline")
    friend.presence(to=c.jid)
    c.find("presence", from_=friend.jid)
    lost(server, c)
    ended(server, c)
    equal(friend.find("iq", id=ident).error(), ("wait", "recipient-unavailable"))
    equal(friend.find("message", type="error").error(), ("wait", "recipient-unavailable"))
    friend.nothing()


@alone(accounts=3, config={**CONFIG, "modules_disabled": '{ "offline" }'})
def test_nobody_keeps_them(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "lost?")
    c.find("message")
    lost(server, c)
    ended(server, c)
    equal(friend.find("message", type="error").error(), ("wait", "recipient-unavailable"))


@rows(("account disabled", ("user", "disable")), ("account removed", ("deluser",)), ("closed", ("c2s", "close")))
def test_ended_by_an_administrator(server, words):
    c, friend = managed(server), server.login()
    lost(server, c)
    friend.message(c.jid, "unread")
    friend.sync()
    server.ctl(*words, c.bare)
    equal(waiting(server, c), 0)
    if words == ("deluser",):
        equal(friend.find("message", type="error").error(), ("wait", "recipient-unavailable"))


def test_password_changed(server):
    c = managed(server)
    lost(server, c)
    server.ctl("passwd", c.bare, input="another\n")
    c2 = server.client()
    c2.open()
    c2.authenticate(c.user, "another")
    c2.open()
    c2.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='{c.h}'/>")
    assert c2.expect("failed", NS3).child("item-not-found", "stanzas")


def test_kicked_by_the_same_resource(server):
    c = managed(server, resource="one")
    other = server.login(c.user, "one")
    c.expect_stream_error("conflict")
    c.token and refused(server, c)
    other.nothing()


@alone(**with_options(smacks_max_hibernated_sessions=2))
def test_so_many_of_an_account(server):
    user = server.account()
    all_of_them = [managed(server, user, f"r{n}") for n in range(3)]
    for n, c in enumerate(all_of_them):
        c.abort()
        until_waiting(server, n=min(n + 1, 2))
    refused(server, all_of_them[0])
    taken_up(server, all_of_them[1])
    taken_up(server, all_of_them[2])


@alone(**with_options(max_resources=2))
def test_who_waits_gives_way(server):
    user = server.account()
    gone = managed(server, user, "gone")
    lost(server, gone)
    here = server.online(user, "here")
    third = server.online(user, "third")
    equal(waiting(server), 0)
    for c in (here, third):
        c.sync()


# ---- time

@alone(**with_options(smacks_max_ack_delay=0.2 * SCALE, smacks_ack_timeout=0.5 * SCALE))
def test_no_answer(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "are you there?")
    until_waiting(server)
    assert "no acknowledgement came" in server.log()
    again = taken_up(server, c)
    equal(bodies(again.sync()), ["are you there?"])


@alone(**with_options(smacks_max_unacked_stanzas=5, smacks_ack_request_delay=0.3 * SCALE))
def test_asked_later(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "1")
    c.find("message")
    while not (element := super(Managed, c).next()).matches("r", NS3):
        pass
    c.ack()
    for n in range(6):
        friend.message(c.jid, f"{n}")
    friend.sync()
    while not (element := super(Managed, c).next()).matches("r", NS3):
        assert element.name == "message"


def until_asked(c):
    """Bodies of what comes before it is asked for."""
    came = []
    while not (element := super(Managed, c).next()).matches("r", NS3):
        came.append(element.child_text("body"))
    return came


@alone(**with_options(smacks_ack_request_interval=SCALE))
def test_asked_once_an_interval(server):
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid, "first")
    equal(until_asked(c), ["first"])  # right behind it
    begun = time.monotonic()
    c.ack()
    some = ["second", "third", "fourth"]
    for body in some:
        friend.message(c.jid, body)
    equal(until_asked(c), some)
    assert time.monotonic() - begun > 0.9 * SCALE
    c.ack()
    many = [f"{n}" for n in range(60)]
    for body in many:
        friend.message(c.jid, body)
    assert len(until_asked(c)) < len(many)  # that is too much to wait for


@alone(**with_options(c2s_read_timeout=0.3 * SCALE))
def test_silence(server):
    """Instead of white space it is asked, and so it lives."""
    c = managed(server, answers=False)
    for _ in range(3):
        assert super(Managed, c).next().matches("r", NS3)
        c.ack()
    c.nothing()


# ---- what it may cost

@alone(**with_options(smacks_max_queue_size=10))
def test_too_many_unacknowledged(server):
    c, friend = managed(server, answers=False), server.login()
    for n in range(11):
        friend.message(c.jid, f"{n}")
    friend.sync()
    try:
        while True:
            c.next()
    except Ended:
        pass
    equal(messages(server.online(c.user), 11), [f"{n}" for n in range(11)])


@alone(**with_options(smacks_max_queue_bytes=20000))
def test_too_much_while_away(server):
    c, friend = managed(server), server.login()
    lost(server, c)
    for n in range(5):
        friend.message(c.jid, f"{n}" + "x" * 5000)
    friend.sync()
    equal(waiting(server), 0)
    equal([b[0] for b in messages(server.online(c.user), 5)], ["0", "1", "2", "3", "4"])
    refused(server, c)


@alone(**with_options(max_send_buffer_size=100000))
def test_who_does_not_read_hibernates(server):
    """What piles up ends the connection; the session lives on with all that it has not read."""
    c, friend = managed(server, answers=False), server.login()
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    n = 0
    while waiting(server) == 0:
        assert n < 1000, "it is never full"
        for _ in range(20):
            friend.message(c.jid, f"{n} " + "x" * 4000)
            n += 1
        friend.sync()
    c.abort()
    again = taken_up(server, c, h=0)
    equal([b.split()[0] for b in bodies(again.sync())], [f"{k}" for k in range(n)])


# ---- reload

def test_reload(server):
    """Enabled, hibernated, with queues: all go on."""
    here, away, friend = managed(server, answers=False), managed(server), server.login()
    friend.message(here.jid, "before")
    here.find("message")
    lost(server, away)
    friend.message(away.jid, "before")
    friend.sync()
    server.ctl("module", "reload", HOST, "smacks")
    friend.message(here.jid, "after")
    friend.message(away.jid, "after")
    friend.sync()
    here.sync()
    equal(here.acked(), 1)
    here.ack(2)
    here.nothing()
    again = taken_up(server, away)
    equal(bodies(again.sync()), ["before", "after"])
    equal(again.acked(), 1)


@alone(**SHORT)
def test_reload_keeps_the_time(server):
    c = managed(server)
    c.abort()
    server.log_has(f"{c.jid} waits for its client")
    server.ctl("module", "reload", HOST, "smacks")
    until_waiting(server, n=0)
    equal(refused(server, c).resumed.get("h"), "0")


@alone(accounts=4, config=CONFIG)
def test_unloaded(server):
    here, away, friend = managed(server), managed(server), server.login()
    lost(server, away)
    friend.message(away.jid, "kept")
    friend.sync()
    server.ctl("module", "unload", HOST, "smacks")
    here.counting = False
    here.sync()
    equal(messages(server.online(away.user), 1), ["kept"])
    server.ctl("module", "load", HOST, "smacks")
    here.enable()
    here.sync()
    equal(here.acked(), 1)


@alone(**with_options(journal="false"))
def test_orderly_stop(server):
    """What waits for clients is kept, and they learn how far they had come."""
    c, friend = managed(server), server.login()
    c.sync()
    lost(server, c)
    friend.message(c.jid, "kept")
    friend.sync()
    server.stop()
    server.start()
    equal(refused(server, c).resumed.get("h"), "1")
    equal(messages(server.online(c.user), 1), ["kept"])
