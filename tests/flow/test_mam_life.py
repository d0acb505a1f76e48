"""Archives over time: those who are away, kills, reloads, bounds, what operators ask for."""
import sqlite3
import time

from flow import HOST, alone, equal
from mam import payload, query, stanza_id
from test_mam import CONFIG, MODULES, say

SERVER = dict(config=CONFIG, accounts=20)


# ---- those who are away

def test_away_and_back(server):
    user = server.account()
    sender = server.online()
    for i in range(3):
        sender.message(f"{user}@{HOST}", f"m{i}")
    sender.sync()
    c = server.login(user)
    page = query(c)
    equal(page.bodies, ["m0", "m1", "m2"])
    c.presence()
    equal([e for e in c.sync() if e.name == "message"], [])  # it has had them
    c.close()
    other = server.online(user)  # who does not look gets them, with the ids of the archive
    for i in range(3):
        m = other.find("message", type="chat")
        equal((m.child_text("body"), stanza_id(m, f"{user}@{HOST}")), (f"m{i}", page.ids[i]))


@alone(accounts=3, config={**CONFIG, "offline_max_messages": "1"})
def test_offline_store_is_full(server):
    sender = server.online(server.names[0])
    for i in range(3):
        sender.message(f"{server.names[1]}@{HOST}", f"m{i}")
    sender.nothing()  # no error: the archive has them
    equal(query(server.login(server.names[1])).bodies, ["m0", "m1", "m2"])


@alone(accounts=3, config={**CONFIG, "modules_enabled": MODULES.replace('"offline",', '')})
def test_without_offline_store(server):
    sender = server.online(server.names[0])
    sender.message(f"{server.names[1]}@{HOST}", "kept")
    sender.nothing()
    sender.message(f"{server.names[1]}@{HOST}", None, inner="<other xmlns='urn:x:y'/>")
    equal(sender.find("message", type="error").error(), ("cancel", "service-unavailable"))
    equal(query(server.login(server.names[1])).bodies, ["kept"])


# ---- the server's life

@alone(accounts=2, config=CONFIG)
def test_outlives_a_kill(server):
    """What a page has shown is there after a kill."""
    a, b = (server.online(n) for n in server.names)
    for i in range(200):
        a.message(b.bare, f"m{i}")
    shown = []
    while len(shown) < 100:
        page = query(a, page={"after": shown[-1]} if shown else None)
        shown += page.ids
    server.kill()
    server.start()
    page = query(server.online(server.names[0]), {"ids": shown[:50]})
    equal(page.ids, shown[:50])
    equal(query(server.online(server.names[0]), {"ids": shown[50:100]}).ids, shown[50:100])


@alone(accounts=2, config={**CONFIG, "modules_enabled": MODULES.replace('"mam"', '"mam", "smacks"')})
def test_acknowledged_is_archived(server):
    """What stream management has acknowledged to its sender is in both archives after a kill."""
    a, b = (server.login(n) for n in server.names)
    a.send("<enable xmlns='urn:xmpp:sm:3'/>")
    a.find("enabled")
    for i in range(300):
        a.message(b.bare, f"m{i}")
    a.send("<r xmlns='urn:xmpp:sm:3'/>")
    acknowledged = int(a.find("a", "urn:xmpp:sm:3").get("h"))
    server.kill()
    assert acknowledged > 0
    server.start()
    for name in server.names:
        count = query(server.login(name), page={"max": 0}).count
        assert count >= acknowledged, f"{acknowledged} were acknowledged, {count} are there"


@alone(accounts=2, config=CONFIG)
def test_reload_of_the_module(server):
    a, b = (server.online(n) for n in server.names)
    say(a, b, "before")
    idents = [a.iq("set", payload(), wait=False) for _ in range(8)]
    server.ctl("module", "reload", HOST, "mam")
    for i in idents:
        equal(a.find("iq", id=i).get("type"), "result")
    say(a, b, "after")
    page = query(b)
    equal(page.bodies, ["before", "after"])
    idents = [a.iq("set", payload(), wait=False) for _ in range(8)]
    server.ctl("module", "unload", HOST, "mam")
    for i in idents:
        assert a.find("iq", id=i).get("type") in ("result", "error")
    equal(a.iq("set", payload()).error(), ("cancel", "service-unavailable"))


@alone(accounts=3, config={**CONFIG, "modules_enabled": MODULES.replace('"mam"', '"mam", "register"'),
                           "allow_registration": "true"})
def test_account_goes_and_its_archive(server):
    a, b = (server.online(n) for n in server.names[:2])
    say(a, b, "words")
    server.ctl("deluser", f"{server.names[1]}@{HOST}")
    server.ctl("adduser", f"{server.names[1]}@{HOST}", "secret")
    equal(query(server.online(server.names[1])).bodies, [])
    equal(query(a).bodies, ["words"])


def test_flood_is_kept_whole(server):
    """Messages of 20 MB at once: more than may wait for the disk makes the sender wait, and nothing is lost."""
    a, b = server.online(), server.online()
    for i in range(100):
        a.message(f"{server.names[-1]}@{HOST}", f"m{i} " + "x" * 200000)
    a.message(b.bare, "last")
    a.sync()
    equal(query(a, page={"max": 0}).count, 101)
    equal(query(server.login(server.names[-1]), page={"max": 0}).count, 100)
    assert "could not be archived" not in server.log()


# ---- bounds

@alone(accounts=3, config={**CONFIG, "storage_archive_item_limit": "10"})
def test_bounded_number(server):
    a, b = (server.online(n) for n in server.names[:2])
    for i in range(60):
        a.message(b.bare, f"m{i}")
    a.sync()
    deadline = time.monotonic() + 20
    while True:
        a.message(b.bare, "last")
        b.find("message")
        page = query(b, page={"max": 50})
        if page.count <= 10:
            break
        assert time.monotonic() < deadline, page.count
    equal(page.bodies[-1], "last")


@alone(accounts=3, config={**CONFIG, "archive_max_size": "100000"})
def test_bounded_size(server):
    a, b = (server.online(n) for n in server.names[:2])
    for i in range(40):
        a.message(b.bare, f"m{i} " + "x" * 10000)
    a.sync()
    deadline = time.monotonic() + 20
    while int(server.ctl("mam", "info", b.bare).split()[2]) > 100000:
        assert time.monotonic() < deadline
    page = query(b)
    assert page.bodies[-1].startswith("m39 ") and 4 < len(page.ids) < 11, page.ids


@alone(accounts=3, config={**CONFIG, "archive_expires_after": "3600"})
def test_commands_and_expiry(server):
    a, b = (server.online(n) for n in server.names[:2])
    say(a, b, "one", "two")
    assert "2 messages" in server.ctl("mam", "info", b.bare)
    info = server.ctl("mam", "info", HOST)
    assert f"{b.bare}: 2 messages" in info and "4 messages" in info, info
    for wrong in (("mam", "purge", b.bare, "yesterday"), ("mam", "purge", "x@nowhere"), ("mam", "info", f"@{HOST}")):
        out = server.ctl(*wrong, check=False)
        assert "done" not in out and out.strip(), out
    server.ctl("mam", "purge", b.bare, "2020-01-01")
    equal(query(b).bodies, ["one", "two"])
    server.ctl("mam", "purge", b.bare, "2100-01-01T00:00:00Z")
    equal(query(b).bodies, [])
    equal(query(a).bodies, ["one", "two"])
    server.ctl("mam", "purge", HOST)
    equal(query(a).bodies, [])


@alone(accounts=2, config={**CONFIG, "archive_expires_after": '"1 day"', "archive_cleanup_interval": "1"})
def test_old_messages_go(server):
    a, b = (server.online(n) for n in server.names)
    say(a, b, "old", "older", "new")
    server.stop()
    with sqlite3.connect(server.dir / "data/prosody.sqlite") as db:
        db.execute("UPDATE archive SET \"when\" = \"when\" - 86400000 * 2 WHERE value LIKE '%old%'")
    server.start()
    b = server.online(server.names[1])
    deadline = time.monotonic() + 20
    while query(b).bodies != ["new"]:
        assert time.monotonic() < deadline, query(b).bodies
        b.sync()
