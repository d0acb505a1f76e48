"""Accounts that are removed: whatever dies in between, the next owner of the name finds nothing of the last one."""
import contextlib
import sqlite3
import subprocess

from flow import HOST, PASSWORD, alone, equal, rows
from server import BUILD, SCALE
from test_durability import arm
from test_import import encode, keys_of, lua

SERVER = dict(accounts=0)
CONFIG = {"modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq", "private",'
                             ' "tombstones" }'}
PRIVATE = "<query xmlns='jabber:iq:private'><x xmlns='urn:x:mine'{0}></query>"


def kept(server, store=None):
    """What the database has of user0, or of a store of the host."""
    with contextlib.closing(sqlite3.connect(f"file:{server.dir}/data/prosody.sqlite?mode=ro", uri=True)) as db:
        owners = db.execute("SELECT id, store FROM owner WHERE host = ? AND user = ?", (HOST, "" if store else "user0")).fetchall()
        return sorted(name for number, name in owners if store in (None, name) and (
            db.execute("SELECT count(*) FROM items WHERE owner = ?", (number,)).fetchone()[0]
            or db.execute("SELECT count(*) FROM archive WHERE owner = ?", (number,)).fetchone()[0]))


def fill(server):
    a = server.login("user0")
    equal(a.roster_set("friend@far.example").get("type"), "result")
    a.send(f"<iq type='set' id='p'>{PRIVATE.format('>secret</x')}</iq>")
    equal(a.find("iq", id="p").get("type"), "result")
    a.close()
    b = server.login("user1")
    b.message(f"user0@{HOST}", "for the first owner")
    equal(b.roster_set("a@far.example").get("type"), "result")
    b.close()
    server.release()


def remove(server):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, "deluser", f"user0@{HOST}"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * SCALE)
    return done.returncode == 0


def check_empty(server, password):
    """The new owner has nothing."""
    c = server.client().login("user0", password, "r", roster=False)
    equal(c.roster(), {})
    c.send(f"<iq type='get' id='p'>{PRIVATE.format('/')}</iq>")
    equal(c.find("iq", id="p").child("query", "jabber:iq:private").children[0].text or "", "")
    c.presence()
    came = [e for e in c.sync() if e.name == "message"]
    equal(came, [])
    c.close()


# Of a removal: the note, the account, the tombstone and what is kept, the note again.
@rows(*((f"{point} {n} {how}", point, n, how) for point in ("before-commit", "after-commit") for n in (1, 2, 3, 4)
        for how in ("running", "stopped")))
@alone(accounts=2, config=CONFIG)
def test_killed_at(server, point, n, how):
    fill(server)
    arm(server, point, n)
    done = remove(server)
    if done:  # it is through, but for the note
        equal(n >= 3, True)
    if server.process.poll() is None:
        server.process.kill()
    server.process.wait()
    server.process = None
    if how == "running":
        server.start()
    there = "user0@" in server.ctl("user", "list", HOST)
    if there:
        equal(done, False)
        equal(kept(server), ["accounts", "offline", "private", "roster"])
    else:
        server.ctl("adduser", f"user0@{HOST}", input="other\n")
        equal(kept(server), ["accounts"])
    if how == "stopped":
        server.start()
    if there:
        equal(list(server.login("user0").roster()), ["friend@far.example"])
        server.release()
        assert remove(server)
        server.ctl("adduser", f"user0@{HOST}", input="other\n")
    check_empty(server, "other")
    equal(kept(server, "removals"), [])
    equal(kept(server, "tombstones"), ["tombstones"])


@alone(accounts=2, config=CONFIG)
def test_database_locked_meanwhile(server):
    """What cannot be removed now is removed before the name has another owner; until then nobody gets it."""
    fill(server)
    since = len(server.log())
    with contextlib.closing(sqlite3.connect(f"{server.dir}/data/prosody.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        equal(remove(server), False)
        server.log_has("database is locked", since)
        other.execute("ROLLBACK")
    there = "user0@" in server.ctl("user", "list", HOST)
    equal(there, True)  # not even the note was written: nothing was changed
    equal(kept(server), ["accounts", "offline", "private", "roster"])
    assert remove(server)
    equal(kept(server), [])


# ---- an account in Prosody's form, whose keys are made anew while it is removed

def import_prosody(server, accounts):
    folder = server.dir / "old" / encode(HOST) / "accounts"
    folder.mkdir(parents=True)
    for name, record in accounts.items():
        (folder / f"{name}.dat").write_text(f"return {lua(record)};")
    server.ctl("import", "prosody", server.dir / "old")


@rows(("keys", keys_of("old one")), ("in the clear", {"password": "old one"}))
@alone(accounts=0, config={"default_iteration_count": "300000"})
def test_upgrade_of_one_that_goes(server, record):
    import_prosody(server, {name: keys_of("old one") for name in ("bob", "cal")})
    with contextlib.closing(sqlite3.connect(f"{server.dir}/data/prosody.sqlite")) as db:  # one that nobody has touched yet
        db.execute("INSERT INTO owner (host, store, user) VALUES (?, 'accounts', 'ann')", (HOST,))
        for key, value in record.items():
            db.execute("INSERT INTO items SELECT id, ?, ? FROM owner WHERE user = 'ann' AND store = 'accounts'", (key, str(value)))
        db.commit()
    with contextlib.closing(sqlite3.connect(f"{server.dir}/data/prosody.sqlite")) as db:
        for name in ("bob", "cal"):
            db.execute("DELETE FROM items WHERE key = 'scram' AND owner IN (SELECT id FROM owner WHERE user = ?)", (name,))
            for key, value in keys_of("old one").items():
                db.execute("INSERT INTO items SELECT id, ?, ? FROM owner WHERE user = ? AND store = 'accounts'", (key, str(value), name))
        db.commit()

    def plain(name):
        c = server.client()
        c.open()
        c.authenticate(name, "old one", "PLAIN")
        return c

    plain("ann")
    server.ctl("deluser", f"ann@{HOST}")
    for name in ("bob", "cal"):  # their keys are made behind those of the first
        plain(name)
    for name in ("bob", "cal"):
        server.log_has(f"account {name} is kept as the host wants it now")
    assert "account ann is kept" not in server.log()
    assert "ann@" not in server.ctl("user", "list", HOST)
    with contextlib.closing(sqlite3.connect(f"file:{server.dir}/data/prosody.sqlite?mode=ro", uri=True)) as db:
        equal(db.execute("SELECT count(*) FROM items JOIN owner ON owner.id = items.owner WHERE user = 'ann'").fetchone()[0], 0)


@alone(accounts=1)
def test_disabled_while_it_goes(server):
    """Disabling and removing the same account at once leaves nothing that would be its next owner's."""
    for _ in range(8):
        many = [subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, *words, f"user0@{HOST}"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for words in (("deluser",), ("user", "disable"))]
        for each in many:
            each.wait(60 * SCALE)
        equal(kept(server), [])
        server.ctl("adduser", f"user0@{HOST}", input=PASSWORD + "\n")
    server.login("user0").close()
