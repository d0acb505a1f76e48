"""prosody-ctl import: what Prosody keeps in files and in its database; what is damaged; into a server that runs."""
import hashlib
import hmac
import json
import sqlite3
import subprocess
import time

import mam
import pubsub as ps
from client import DEADLINE
from flow import HOST, alone, equal, rows
from server import BUILD, SCALE

SERVER = dict(accounts=0)
PRIVATE = "<query xmlns='jabber:iq:private'><{0} xmlns='{1}'/></query>"


def ctl(server, *args, status=0):
    """Standard output; the exit status is checked. Standard error is in server.said."""
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120 * SCALE)
    server.said = done.stderr
    assert done.returncode in (status if isinstance(status, tuple) else (status,)), f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


# ---- what Prosody writes

def lua(value):
    if isinstance(value, dict):
        return "{ " + " ".join(f"[{lua(key)}] = {lua(each)};" for key, each in value.items()) + " }"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)


def element(tag, ns=None, /, *children, **attrs):
    attr = dict(attrs, **({"xmlns": ns} if ns else {}))
    return {"name": tag, "attr": attr, **{n: child for n, child in enumerate(children, 1)}}


def keys_of(password, iterations=4096):
    salt = "5f8e4b6c-1111-4222-8333-aaaabbbbcccc"
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), iterations)
    stored = hashlib.sha1(hmac.digest(salted, b"Client Key", "sha1")).hexdigest()
    return {"salt": salt, "iteration_count": iterations, "stored_key": stored,
            "server_key": hmac.digest(salted, b"Server Key", "sha1").hex()}


def message(n):
    body = element("body", None, f'no {n}: "\\n" <&> \n end')
    return {**element("message", None, body, type="chat", to=f"ann@{HOST}", **{"from": f"bob@{HOST}/x"},
                      stamp="2020-05-01T10:00:00Z", stamp_legacy="20200501T10:00:00"),
            "when": 1588327200 + n, "key": f"key-{n}", "with": f"bob@{HOST}/x"}


REQUEST = element("presence", None, element("nick", "http://jabber.org/protocol/nick", "Dora"), type="subscribe",
                  to=f"ann@{HOST}", **{"from": "dora@far.example"})
NODE = "urn:xmpp:bookmarks:1"
STORES = {
    "accounts": {"ann": {**keys_of("secret one"), "created": 1500000000.5},
                 "bob": {"password": "secret two"}, "off": {**keys_of("x"), "disabled": True}},
    "roster": {"ann": {False: {"version": 7, "pending": {"dora@far.example": REQUEST, "eve@far.example": True}},
                       f"bob@{HOST}": {"subscription": "both", "name": "Bob \"B\"", "groups": {"Friends": True, "Work": True}},
                       "cal@far.example": {"subscription": "none", "ask": "subscribe", "groups": {}}}},
    "private": {"ann": {"storage:storage:bookmarks": element(
        "storage", "storage:bookmarks", element("conference", None, jid="a@b.example", name="ä"))}},
    "blocklist": {"ann": {False: {"created": 1}, "spam.example": True, f"mallory@{HOST}": True}},
    "vcard": {"ann": element("vCard", "vcard-temp", element("FN", None, "Ann"))},
    "pep": {"ann": {NODE: {"name": NODE, "config": {"access_model": "whitelist", "persist_items": True, "max_items": 255},
                           "affiliations": {"friend@far.example": "member"}}, "urn:x:plain": True}},
}
LISTS = {
    "offline": {"ann": [message(n) for n in range(3)]},
    "archive": {"ann": [message(n) for n in range(5)]},
    f"pep_{NODE}": {"ann": [{**element("conference", NODE, name="Room", stamp="2020-05-01T10:00:00Z"), "key": jid,
                                "with": f"ann@{HOST}", "when": 1588327200}
                               for jid in ("room@far.example", "a" * 60 + "@far.example")]},
}
COUNTS = {"accounts": 3, "contacts": 4, "private elements": 1, "blocked addresses": 2, "vCards": 1, "PEP nodes": 2,
          "PEP items": 2, "offline messages": 3, "archived messages": 5}


def encode(name):
    return "".join(c if c.isalnum() and c.isascii() else "".join(f"%{b:02x}" for b in c.encode()) for c in name)


def write_files(folder, host=HOST):
    for stores, suffix in ((STORES, "dat"), (LISTS, "list")):
        for store, users in stores.items():
            path = folder / encode(host) / "_".join(encode(part) for part in store.split("_"))
            path.mkdir(parents=True)
            for user, data in users.items():
                text = f"return {lua(data)};\n" if suffix == "dat" else "".join(f"item({lua(each)});\n" for each in data)
                (path / f"{encode(user)}.{suffix}").write_text(text)
    (folder / encode(host) / "lastlog").mkdir()
    return folder


def as_json(value):
    """Prosody's util.json: tables with numbers and booleans as keys."""
    if not isinstance(value, dict):
        return value
    out = {key: as_json(each) for key, each in value.items() if isinstance(key, str)}
    array = [as_json(each) for key, each in value.items() if isinstance(key, int) and not isinstance(key, bool)]
    rest = [x for key, each in value.items() if isinstance(key, bool) for x in (key, as_json(each))]
    return {**out, **({"__array": array} if array else {}), **({"__hash": rest} if rest else {})}


def column(value):
    if isinstance(value, dict):
        return "json", json.dumps(as_json(value))
    return {bool: "boolean", str: "string"}.get(type(value), "number"), str(value).lower() if isinstance(value, bool) else str(value)


def xml(value):
    if isinstance(value, str):
        return value.replace("&", "&amp;").replace("<", "&lt;")
    attrs = "".join(f" {key}='{xml(each)}'" for key, each in value["attr"].items() if not key.startswith("stamp"))
    return f"<{value['name']}{attrs}>{''.join(xml(value[k]) for k in value if isinstance(k, int))}</{value['name']}>"


def write_sql(folder, host=HOST):
    db = sqlite3.connect(folder / "prosody.sqlite")
    db.execute("CREATE TABLE prosody (host TEXT, user TEXT, store TEXT, key TEXT, type TEXT, value TEXT)")
    db.execute('CREATE TABLE prosodyarchive (sort_id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT, user TEXT, store TEXT,'
               ' key TEXT, "when" INTEGER, "with" TEXT, type TEXT, value TEXT)')
    for store, users in STORES.items():
        for user, data in users.items():
            others = {key: each for key, each in data.items() if not isinstance(key, str)}
            fields = {key: each for key, each in data.items() if isinstance(key, str)}
            for key, each in [*fields.items(), *([("", others)] if others else [])]:
                db.execute("INSERT INTO prosody VALUES (?, ?, ?, ?, ?, ?)", (host, user, store, key, *column(each)))
    for store, users in LISTS.items():
        for user, entries in users.items():
            for e in entries:
                db.execute('INSERT INTO prosodyarchive (host, user, store, key, "when", "with", type, value)'
                           " VALUES (?, ?, ?, ?, ?, ?, 'xml', ?)",
                           (host, user, store, e["key"], e["when"], e.get("with", ""), xml(e)))
    db.commit()
    db.close()
    return folder / "prosody.sqlite"


# ---- what is here afterwards

def table(text):
    """kind -> (found, before, added, after)"""
    got = {}
    for line in text.splitlines():
        if " found, " in line:
            words = line.replace(",", "").split()
            at = words.index("found")
            numbers = [int(word) for word in words if word.isdigit()]
            got[" ".join(words[:at - 1])] = tuple(numbers)
    return got


def kept(server):
    with sqlite3.connect(f"file:{server.dir}/data/prosody.sqlite?mode=ro", uri=True) as db:
        items = db.execute("SELECT o.user, o.store, i.key, i.value FROM owner o JOIN items i ON i.owner = o.id").fetchall()
        entries = db.execute('SELECT o.user, o.store, a.id, a."when", a."with", a.value FROM owner o JOIN archive a'
                             " ON a.owner = o.id ORDER BY sort").fetchall()
    wanted = [i for i in items if i[1] not in ("imported", "accounts") and i[0]]
    return sorted(wanted), entries


def private(client, name, ns):
    client.send(f"<iq type='get' id='p'>{PRIVATE.format(name, ns)}</iq>")
    return client.find("iq", id="p").child("query", "jabber:iq:private").children[0]


def check_archive(ann):
    page = mam.query(ann)
    equal(page.bodies, [f'no {n}: "\\n" <&> \n end' for n in range(5)])
    assert all(stamp.startswith("2020-05-01T10:00:0") for stamp in page.stamps), page.stamps
    equal(mam.query(ann, {"with": page.messages[0].get("from").partition("/")[0]}).ids, page.ids)
    equal(mam.query(ann, page={"after": page.ids[2]}).ids, page.ids[3:])


def check_live(server, messages=3):
    """Everything is there for a client that logs in with the password that it always had."""
    server.write_config({"modules_enabled": '{ "roster", "saslauth", "tls", "disco", "offline", "presence", "message", "iq",'
                                            ' "private", "blocklist", "ping", "mam", "pep" }',
                         "archive_expires_after": '"never"'}, {HOST: {}})
    server.start()
    server.client().login("bob", "secret two", "r").close()
    ann = server.client().login("ann", "secret one", "r")
    ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>")
    roster = ann.find("iq", id="r").child("query", "jabber:iq:roster")
    items = {item.get("jid"): item for item in roster.children}
    equal(sorted(items), [f"bob@{HOST}", "cal@far.example"])
    bob, cal = items[f"bob@{HOST}"], items["cal@far.example"]
    equal((bob.get("name"), bob.get("subscription"), sorted(g.text for g in bob.children)), ('Bob "B"', "both", ["Friends", "Work"]))
    equal((cal.get("subscription"), cal.get("ask")), ("none", "subscribe"))
    equal(private(ann, "storage", "storage:bookmarks").children[0].get("name"), "ä")
    ann.send("<iq type='get' id='b'><blocklist xmlns='urn:xmpp:blocking'/></iq>")
    blocked = ann.find("iq", id="b").children[0].children
    equal(sorted(item.get("jid") for item in blocked), [f"mallory@{HOST}", "spam.example"])
    got = ps.settings(ann, NODE)
    equal((got["pubsub#access_model"], got["pubsub#max_items"], got["pubsub#persist_items"]), (["whitelist"], ["255"], ["1"]))
    rooms = ["room@far.example", "a" * 60 + "@far.example"]
    equal(ps.ids(ps.get(ann, NODE)), rooms)
    equal(ps.published(ps.publish(ann, NODE, ps.note(), rooms[0], {"access_model": "whitelist"})), rooms[0])
    equal(ps.ids(ps.get(ann, NODE)), [rooms[1], rooms[0]])
    ann.presence()
    check_archive(ann)
    asked = {ann.find("presence", type="subscribe").get("from") for _ in range(2)}
    equal(asked, {"dora@far.example", "eve@far.example"})
    for n in range(messages):
        m = ann.find("message", type="chat")
        equal(m.child_text("body"), f'no {n}: "\\n" <&> \n end')
        assert m.get("stamp") is None and m.child("delay", "delay").get("stamp").startswith("2020-05-01T10:00:0"), str(m)
    deadline = time.monotonic() + DEADLINE
    while any(e[1] == "offline" for e in kept(server)[1]):  # they go when the network has them
        ann.sync()
        assert time.monotonic() < deadline
    server.stop()


@rows(("files", write_files), ("database", write_sql))
@alone(accounts=0)
def test_prosody(server, write):
    """Counted, logged in to, and the second time nothing changes."""
    folder = server.dir / "old"
    folder.mkdir()
    source = write(folder)
    server.stop()
    dry = table(ctl(server, "import", "prosody", source, "--dry-run"))
    equal(dry, {what: (n, 0, n, n) for what, n in COUNTS.items()})
    equal(kept(server), ([], []))
    out = ctl(server, "import", "prosody", source)
    equal(table(out), {what: (n, 0, n, n) for what, n in COUNTS.items()})
    first = kept(server)
    items = [e for e in first[1] if e[1] == f"pep_{NODE}" and e[2] == "room@far.example"]
    equal(items, [("ann", f"pep_{NODE}", "room@far.example", 1588327200000, f"ann@{HOST}",
                   f"<item xmlns='http://jabber.org/protocol/pubsub' publisher='ann@{HOST}' id='room@far.example'>"
                   f"<conference xmlns='{NODE}' name='Room'/></item>")])
    again = ctl(server, "import", "prosody", source)
    assert "nothing was changed" in again, again
    equal(table(again), {what: (n, n, 0, n) for what, n in COUNTS.items()})
    equal(kept(server), first)
    assert not list((server.dir / "data").glob("moving-*"))
    check_live(server)
    ctl(server, "import", "prosody", source)
    equal([e for e in kept(server)[1] if e[1] == "offline"], [])  # handed out: they do not come again


@rows(("roster", "roster", "roster"), ("never", False, "never"), ("always", True, "always"))
@alone(accounts=0)
def test_what_is_archived(server, default, wanted):
    """What accounts have chosen not to have archived is not archived here either."""
    server.stop()
    folder = write_files(server.dir / "old")
    prefs = folder / encode(HOST) / "archive%5fprefs"
    prefs.mkdir()
    said = {False: default, "kept@far.example": True, "Hidden@far.example": False, "@": True}
    (prefs / "ann.dat").write_text(f"return {lua(said)};\n")
    out = ctl(server, "import", "prosody", folder, status=5)
    equal(table(out)["archive preferences"], (3, 0, 3, 3))
    server.write_config({"modules_enabled": '{ "saslauth", "tls", "roster", "presence", "message", "iq", "mam" }'}, {HOST: {}})
    server.start()
    prefs = server.client().login("ann", "secret one", "r").iq("get", f"<prefs xmlns='{mam.MAM}'/>").child("prefs", mam.MAM)
    equal((prefs.get("default"), *([j.text for j in prefs.child(name).children] for name in ("always", "never"))),
          (wanted, ["kept@far.example"], ["hidden@far.example"]))


@alone(accounts=0)
def test_damaged(server):
    """What cannot be read is named and left out; the rest comes, and the exit status tells."""
    server.stop()
    folder = write_files(server.dir / "old")
    accounts = folder / encode(HOST) / "accounts"
    whole = (accounts / "ann.dat").read_text()
    bad = {"short": whole[:len(whole) // 2], "loop": "while true do end", "nested": "return " + "{" * 100000,
           "huge": "local s = 'x' while true do s = s .. s end", "calls": "os.execute('true')", "none": "",
           "text": "return 'x'", "binary": "\x1bLua", "keyless": "return { salt = 'x' }"}
    for name, text in bad.items():
        (accounts / f"{name}.dat").write_text(text)
    (accounts / "b%zz.dat").write_text(whole)
    with open(accounts / "large.dat", "wb") as large:
        large.truncate(300 << 20)
    (folder / encode("elsewhere.example") / "accounts").mkdir(parents=True)
    (folder / encode("elsewhere.example") / "accounts" / "ann.dat").write_text(whole)
    out = ctl(server, "import", "prosody", folder, status=5)
    for name in [*bad, "b%zz", "large"]:
        assert f"/{name}.dat: " in server.said, (name, server.said)
    assert "not taken: accounts of ann@elsewhere.example: no such host is configured" in out, out
    equal(table(out), {what: (n, 0, n, n) for what, n in COUNTS.items()})
    (server.dir / "no.sqlite").write_text("no database")
    ctl(server, "import", "prosody", server.dir / "no.sqlite", status=1)
    assert "no database of Prosody" in (ctl(server, "import", "prosody", server.dir / "data" / "prosody.sqlite", status=1),
                                        server.said)[1]
    ctl(server, "import", "prosody", server.dir / "nowhere", status=1)
    ctl(server, "import", "nonsense", folder, status=2)


@alone(accounts=1)
def test_what_is_here_stays(server):
    """An account that is here keeps its password and its contacts; what is missing comes to them."""
    server.stop()
    server.add_accounts([("ann", HOST, "mine")])
    server.start()
    ann = server.client().login("ann", "mine", "r")
    ann.send(f"<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='bob@{HOST}' name='My Bob'/></query></iq>")
    ann.find("iq", id="s")
    server.release()
    server.stop()
    out = table(ctl(server, "import", "prosody", write_files(server.dir / "old")))
    equal((out["accounts"], out["contacts"]), ((3, 1, 2, 3), (4, 1, 3, 4)))
    server.start()
    ann = server.client().login("ann", "mine", "r")
    ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='1'/></iq>")
    query = ann.find("iq", id="r").child("query", "jabber:iq:roster")
    equal({i.get("jid"): i.get("name") for i in query.children}, {f"bob@{HOST}": "My Bob", "cal@far.example": None})


@alone(accounts=2)
def test_while_it_runs(server):
    """The same into a server that serves. Accounts that are online are left for another time, and nothing of them is lost."""
    folder = write_files(server.dir / "old")
    watcher = server.online("user0")
    out = ctl(server, "import", "prosody", folder)
    equal(table(out), {what: (n, 0, n, n) for what, n in COUNTS.items()})
    ann = server.client().login("ann", "secret one", "r")
    ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>")
    equal(len(ann.find("iq", id="r").child("query", "jabber:iq:roster").children), 2)
    out = ctl(server, "import", "prosody", folder, status=5)
    assert "not taken: roster of ann@localhost: the account is online" in out, out
    ann.close()
    first = kept(server)
    deadline = time.monotonic() + DEADLINE
    while "nothing was changed" not in (out := server.ctl("import", "prosody", folder, check=False)):
        assert time.monotonic() < deadline, out
    equal(kept(server), first)
    watcher.nothing()


@alone(accounts=1)
def test_the_loop_goes_on(server):
    """Much comes into a server that serves: no turn of its loop is long."""
    folder = server.dir / "old" / encode(HOST)
    many = [{**message(n), "key": f"key-{n}"} for n in range(5000)]
    for store, suffix, text in (
            ("accounts", "dat", f"return {lua(keys_of('x'))};"),
            ("archive", "list", "".join(f"item({lua(each)});\n" for each in many)),
            ("roster", "dat", f"return {lua({f'c{n}@far.example': {'subscription': 'both', 'groups': {}} for n in range(3000)})};")):
        (folder / store).mkdir(parents=True)
        for user in ("ann", "bob"):
            (folder / store / f"{user}.{suffix}").write_text(text)
    running = subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, "import", "prosody", folder.parent],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    client, longest, pings = server.online("user0"), 0, 0
    while running.poll() is None:
        began = time.monotonic()
        client.sync()
        longest, pings = max(longest, time.monotonic() - began), pings + 1
    equal(table(running.communicate()[0])["archived messages"], (10000, 0, 10000, 10000))
    print(f"{pings} pings meanwhile, the longest took {1000 * longest:.1f} ms")
    assert longest < 0.5 * SCALE, f"{longest:.3f} s"  # with the sanitizers, and others on the machine
