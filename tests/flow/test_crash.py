"""What of a server that was killed the next one knows (core/turns.c): whom it tells that others have gone, what it
makes good, and what it does where the journal is of no use."""
import contextlib
import os
import re
import struct

from client import Ended
from flow import HOST, Skip, alone, equal, rows
from server import BUILD, settle
from smacks import CONFIG, lost, managed, messages, refused, taken_up, waiting, with_options
from test_component import DOMAIN, options, shake

SIZE = {"offline_max_messages": "10000"}


def killed(server):
    server.kill()
    server.release()
    server.start()


def armed(server):
    if b"PC_KILL_AT" not in (BUILD / "prosody-c").read_bytes():
        raise Skip("not a debug build")


def journal(server):
    return server.dir / "data" / "sessions.journal"


def befriend(*clients):
    one, other = clients
    for a, b in ((one, other), (other, one)):
        a.presence(to=b.bare, type="subscribe")
        b.find("presence", type="subscribe")
        b.presence(to=a.bare, type="subscribed")
        a.find("presence", type="subscribed")
    settle(*clients)


def unavailable(c):
    """Which sessions have gone; that an account has none is also said in answer to a probe."""
    return sorted(e.get("from") for e in c.sync()
                  if e.name == "presence" and e.get("type") == "unavailable" and "/" in e.get("from"))


# ---- who has gone

@alone(**with_options())
def test_contacts_are_told(server):
    """Sessions without stream management have ended: by subscription and by directed presence, each once."""
    watcher, friend, stranger = managed(server), server.online(), server.login()
    server.login()
    befriend(watcher, friend)
    stranger.presence(to=watcher.jid)
    watcher.find("presence", from_=stranger.jid)
    killed(server)
    equal(waiting(server), 1)
    again = taken_up(server, watcher)
    equal(unavailable(again), sorted([friend.jid, stranger.jid]))


@alone(**with_options())
def test_who_took_it_back_is_not_told_of(server):
    """Unavailable before the kill: nobody is told a second time."""
    watcher, friend, stranger = managed(server), server.online(), server.login()
    befriend(watcher, friend)
    friend.presence(type="unavailable")
    stranger.presence(to=watcher.jid)
    stranger.presence(to=watcher.jid, type="unavailable")
    for c in (friend, stranger):
        watcher.find("presence", from_=c.jid, type="unavailable")
    killed(server)
    again = taken_up(server, watcher)
    equal(unavailable(again), [])


SERVED = options(**CONFIG)


@alone(accounts=2, **SERVED)
def test_contacts_are_probed(server):
    """Who comes back behind a restart asks anew whom it sees: nobody has told it what happened meanwhile."""
    gateway, c = shake(server), managed(server)
    c.presence(to=DOMAIN, type="subscribe")
    gateway.find("presence", "jabber:component:accept", type="subscribe")
    gateway.send(f"<presence from='{DOMAIN}' to='{c.bare}' type='subscribed'/>")
    settle(c)
    killed(server)
    gateway = shake(server)
    taken_up(server, c)
    gateway.find("presence", "jabber:component:accept", type="probe", from_=c.jid)


@alone(**with_options())
def test_session_is_as_it_was(server):
    """Priority, interest in the roster, presence: what is decided by them goes on."""
    c = managed(server, presence=False)
    c.roster()
    c.presence("<priority>5</priority><status>busy</status>")
    c.sync()
    killed(server)
    other = server.online(c.user, presence=False)
    other.presence("<priority>1</priority>")
    seen = other.find("presence", from_=c.jid)
    equal((seen.child_text("status"), seen.child_text("priority")), ("busy", "5"))
    other.roster_set("somebody@example.com")
    sender = server.online()
    sender.message(c.bare, "to the highest")
    sender.sync()
    again = taken_up(server, c)
    came = again.sync()
    assert any(e.matches("iq", type="set", has="query") for e in came), came
    assert any(e.child_text("body") == "to the highest" for e in came if e.name == "message"), came


# ---- whose session may not come back

@alone(accounts=8, config=CONFIG, hosts={HOST: {}, "other.localhost": {}})
def test_host_that_is_gone(server):
    server.stop()
    server.add_accounts([("guest", "other.localhost", "secret")])
    server.start()
    here = managed(server)
    there = server.client(host="other.localhost").login("guest", "secret", "r", roster=True, presence=True)
    server.kill()
    server.release()
    server.config_file.write_text(server.config_file.read_text().replace('VirtualHost "other.localhost"\n', ""))
    server.start()
    equal(waiting(server), 1)
    taken_up(server, here)
    assert there.jid not in server.ctl("c2s", "list")


@alone(**with_options())
@rows(("removed", "deluser"), ("disabled", "user", "disable"))
def test_account_that_is_gone(server, *command):
    """While the server was down. Others come back."""
    c, other = managed(server), managed(server)
    server.kill()
    server.release()
    server.ctl(*command, c.bare)
    server.start()
    equal(waiting(server), 1)
    taken_up(server, other)


@alone(**with_options())
def test_without_the_module(server):
    """What keeps sessions is not loaded any more: they end as others do."""
    c = managed(server)
    server.kill()
    server.release()
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace('"smacks", ', ""))
    server.start()
    assert c.jid not in server.ctl("c2s", "list")
    server.stop()
    server.config_file.write_text(text)
    server.start()
    refused(server, c)


@alone(**with_options())
def test_module_replaced_and_unloaded(server):
    """A reload keeps what it keeps; what is unloaded knows nothing any more, also behind a restart."""
    c, friend = managed(server), server.online()
    server.ctl("module", "reload", HOST, "smacks")
    friend.message(c.jid, "behind the reload")
    friend.sync()
    killed(server)
    again = taken_up(server, c)
    equal(messages(again, 1), ["behind the reload"])
    server.ctl("module", "unload", HOST, "smacks")
    server.ctl("module", "load", HOST, "smacks")
    killed(server)
    equal(waiting(server), 0)
    refused(server, c)


# ---- a journal that is of no use: the server serves as ever

def spoil(server, how):
    path = journal(server)
    if how == "mode":
        path.chmod(0o644)
    elif how == "link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
    elif how == "cut":
        os.truncate(path, 5000)
    elif how == "garbage":
        with open(path, "r+b") as f:
            f.seek(4096 + 16)
            f.write(b"\xff" * 200)
    elif how == "boot":
        with open(path, "r+b") as f:
            f.seek(16)
            f.write(b"another boot".ljust(40, b"\0"))
    elif how == "version":
        with open(path, "r+b") as f:
            f.seek(8)
            f.write(struct.pack("<I", 99))


@alone(accounts=30, config=CONFIG)
@rows(("mode", "mode", "not a file of ours alone"), ("link", "link", "not a file of ours alone"),
      ("cut", "cut", "damaged"), ("garbage", "garbage", "damaged"),
      ("boot", "boot", "before the machine was started"), ("version", "version", "another release"))
def test_journal_of_no_use(server, how, told):
    c = managed(server)
    server.kill()
    server.release()
    since = len(server.log())
    spoil(server, how)
    server.start()
    server.log_has(told, since)
    refused(server, c)
    again = managed(server)
    again.message(server.online().jid, "served")
    equal(again.acked(), 1)
    if how in ("mode", "link"):
        server.stop()
        journal(server).unlink()
        server.start()
    else:
        killed(server)  # a journal was begun anew
        taken_up(server, again)


@alone(**with_options(journal="false"))
def test_without_a_journal(server):
    c = managed(server)
    assert not journal(server).exists()
    killed(server)
    refused(server, c)


@alone(accounts=4, config={**CONFIG, "journal_max_size": '"4 MiB"', "smacks_max_queue_size": "100000",
                           "smacks_max_unacked_stanzas": "1000000", "max_send_buffer_size": '"64 MiB"'})
def test_journal_that_is_full(server):
    """Who needs too much ends with the process, is said so, and goes on until then; others outlive it."""
    greedy, modest, sender = managed(server, answers=False), managed(server), server.online()
    bodies = [f"{n} ".ljust(20000, "x") for n in range(80)]
    for body in bodies:
        sender.message(greedy.jid, body)
    sender.sync()
    server.log_has("the journal is full")
    assert re.search(r"prosody_limits_journal\w* +1\b", server.ctl("stats", "prosody_limits_journal*"))
    equal(messages(greedy, len(bodies)), bodies)
    killed(server)
    refused(server, greedy)
    taken_up(server, modest)


@alone(accounts=4, config=CONFIG)
def test_much_goes_through_it(server):
    """Its size follows what counts, not what was written; what lies there for long is not lost by that."""
    still, c, sender = managed(server, extra=" max='1000'"), managed(server), server.online()
    still.presence("<status>since long</status>")
    lost(server, still)
    for n in range(3):
        sender.message(still.jid, f"{n}")
    for n in range(40):
        for m in range(50):
            sender.message(c.jid, f"{n} {m} ".ljust(10000, "x"))
        for m in range(50):
            c.find("message")
        c.ack()
        c.sync()
    assert journal(server).stat().st_blocks * 512 < 14 << 20, journal(server).stat()
    sender.message(c.jid, "the last one")
    sender.sync()
    killed(server)
    equal(messages(taken_up(server, c), 1), ["the last one"])
    back = taken_up(server, still)
    equal([back.find("message").child_text("body") for _ in range(3)], ["0", "1", "2"])
    seen = server.online(still.user).find("presence", from_=still.jid)
    equal(seen.child_text("status"), "since long")


@alone(**with_options())
def test_commands_in_between(server):
    """Those that work on the store alone, while the server is down, take nothing away."""
    c = managed(server)
    server.kill()
    server.release()
    for n in range(5):
        server.ctl("adduser", f"new{n}@{HOST}", input="secret\nsecret\n")
    server.start()
    taken_up(server, c)


@alone(**with_options())
def test_journal_that_kills(server):
    """Three starts that break down in the middle of it; then one goes without."""
    armed(server)
    c = managed(server)
    server.kill()
    server.release()
    since = len(server.log())
    for _ in range(3):
        server.environment["PC_KILL_AT"] = "before-revival"
        with contextlib.suppress(AssertionError):
            server.start()
        server.died()
    del server.environment["PC_KILL_AT"]
    server.start()
    server.log_has("the last 3 starts have failed", since)
    refused(server, c)


# ---- at named points: nothing that was counted is lost, nothing comes twice

def arm(server, point, count):
    armed(server)
    server.stop()
    server.environment["PC_KILL_AT"] = f"{point}:{count}"
    server.start()
    del server.environment["PC_KILL_AT"]


POINTS = ("before-end", "after-end", "before-commit", "after-commit", "before-write", "after-write")


@alone(accounts=3 * 3 * len(POINTS), config={**CONFIG, **SIZE})
@rows(*((f"{point}_{count}", point, count + (20 if "write" in point else 0)) for point in POINTS for count in (12, 13, 20)))
def test_killed_at(server, point, count):
    """A client writes to one who is there and to one who is not; behind the kill it sends what was not counted."""
    arm(server, point, count)
    here, away = None, server.account()
    sent = []
    try:
        here, sender = managed(server), managed(server)
        for n in range(60):
            sent.append(f"{n}")
            sender.message(here.jid, f"{n}")
            sender.message(f"{away}@{HOST}", f"{n}")
        while True:
            sender.next()
    except (Ended, OSError, AssertionError):
        pass
    server.died()
    if here is None or not sent:
        server.start()
        raise Skip("it died before there was anything to lose")
    got = []
    with contextlib.suppress(Ended, OSError, AssertionError):
        while True:
            e = here.next()
            got += [e.child_text("body")] if e.name == "message" else []
    server.release()
    server.start()
    again = taken_up(server, sender)
    print(f"{again.resumed.get('h')} of {2 * len(sent)} were counted")
    for n in range(int(again.resumed.get("h")), 2 * len(sent)):
        again.message(here.jid if n % 2 == 0 else f"{away}@{HOST}", f"{n // 2}")
    again.acked(2 * len(sent))
    back = taken_up(server, here)
    got += messages(back, len(sent) - len(got))
    equal(got, sent)
    equal(messages(server.online(away), len(sent)), sent)
