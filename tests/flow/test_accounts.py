"""Accounts as they are kept, guessing over several streams (downgrade protection: XEP-0474), and what a host says of
itself: XEP-0092, XEP-0115, XEP-0128, XEP-0478."""
import base64
import hashlib
import hmac
import sqlite3
import time
import uuid

import sasl
from flow import HOST, NS, PASSWORD, Server, alone, equal

SERVER = dict(accounts=10)
SALT = "8d0c1d8e-5d2a-4d0e-9c8f-1f2e3d4c5b6a"


def keep(server, user, items):
    """Puts an account into the database of a server that does not run."""
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        db.execute("INSERT INTO owner (host, store, user) VALUES (?, 'accounts', ?)", (HOST, user))
        owner = db.execute("SELECT id FROM owner WHERE store = 'accounts' AND user = ?", (user,)).fetchone()[0]
        db.executemany("INSERT INTO items VALUES (?, ?, ?)", [(owner, k, v) for k, v in items.items()])


def kept(server, user):
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        return dict(db.execute("SELECT key, value FROM items JOIN owner ON owner = id WHERE store = 'accounts'"
                               " AND user = ?", (user,)))


def prosody_account(password, iterations=4096):
    """An account as Prosody's internal_hashed keeps it."""
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), SALT.encode(), iterations)
    stored = hashlib.sha1(hmac.new(salted, b"Client Key", "sha1").digest()).hexdigest()
    return {"stored_key": stored, "server_key": hmac.new(salted, b"Server Key", "sha1").hexdigest(), "salt": SALT,
            "iteration_count": str(iterations)}


def attempt(server, user, password, mechanism):
    """The name of what ends one log-in."""
    c = server.client()
    c.open()
    if mechanism == "PLAIN":
        c.auth("PLAIN", sasl.plain(user, password))
        end = c.next()
    else:
        end = c.scram(mechanism, user, password)
    c.close()
    return end.name if end.name == "success" else end.children[0].name


def eventually(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"


def upgraded_account(items, before):
    server = Server(accounts=1)
    try:
        keep(server, "old", items)
        server.start()
        for mechanism, result in before:
            equal((mechanism, attempt(server, "old", "secret", mechanism)), (mechanism, result))
        equal(attempt(server, "old", "other", "PLAIN"), "not-authorized")
        equal(attempt(server, "old", "secret", "PLAIN"), "success")
        eventually(lambda: "scram" in kept(server, "old") and "updated" in kept(server, "old"))
        equal(set(kept(server, "old")), {"scram", "updated"})
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
            equal((mechanism, attempt(server, "old", "secret", mechanism)), (mechanism, "success"))
    finally:
        server.stop()


def test_account_of_prosody():
    """It has keys of one hash; a log-in by PLAIN adds the others."""
    upgraded_account(prosody_account("secret"), [("SCRAM-SHA-1", "success"), ("SCRAM-SHA-256", "not-authorized")])


def test_account_with_a_clear_password():
    upgraded_account({"password": "secret"}, [("SCRAM-SHA-256", "success")])


def test_account_that_prosody_disabled():
    server = Server(accounts=1)
    try:
        keep(server, "off", {**prosody_account("secret"), "disabled": "true"})
        server.start()
        for mechanism in ("SCRAM-SHA-1", "PLAIN"):
            equal(attempt(server, "off", "other", mechanism), "not-authorized")
            equal(attempt(server, "off", "secret", mechanism), "account-disabled")
    finally:
        server.stop()


@alone(config={"password_hash": '"SHA-256"'}, accounts=1)
def test_one_hash_only(server):
    c = server.client()
    names = [m.text for m in c.open().child("mechanisms").children]
    equal(names, ["SCRAM-SHA-256", "PLAIN"])
    c.authenticate(server.names[0], PASSWORD, "SCRAM-SHA-256")


def salt_of(server, user):
    c = server.client()
    c.open()
    c.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", user, PASSWORD).first())
    text = sasl.unb64(c.expect("challenge", "sasl").text).decode()
    c.close()
    return text.split(",")[1]


def test_salt_of_a_stranger_outlives_the_server():
    server = Server(accounts=1).start()
    before = salt_of(server, "nobody")
    server.stop()
    server.start()
    equal(salt_of(server, "nobody"), before)
    server.stop()


@alone(config={"sasl_failures_per_address": "4", "sasl_failures_period": "3600"}, accounts=1)
def test_guessing_over_many_streams(server):
    user = server.names[0]
    for _ in range(4):
        equal(attempt(server, user, "wrong", "PLAIN"), "not-authorized")
    for mechanism in ("PLAIN", "SCRAM-SHA-1"):
        equal(attempt(server, user, PASSWORD, mechanism), "temporary-auth-failure")


def test_channel_mismatch_is_no_guess():
    """Who is behind a proxy that ends TLS sends no wrong password."""
    server = Server(config={"sasl_failures_per_address": "2", "sasl_failures_period": "3600"}, accounts=1).start()
    try:
        for _ in range(4):
            c = server.client(tls=True)
            c.open()
            end = c.scram("SCRAM-SHA-256-PLUS", server.names[0], PASSWORD, gs2="p=tls-exporter,,", binding=b"x" * 32)
            equal(end.children[0].name, "not-authorized")
            c.close()
        equal(attempt(server, server.names[0], PASSWORD, "SCRAM-SHA-256"), "success")
    finally:
        server.stop()


def test_exchange_does_not_go_on_under_tls(server):
    c = server.client()
    c.open()
    exchange = sasl.Scram("SCRAM-SHA-256", server.account(), PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl").text
    c.starttls()
    c.open()
    c.respond(exchange.final(challenge))
    equal(c.expect("failure", "sasl").children[0].name, "malformed-request")


def test_authzid_by_scram(server):
    user = server.account()
    c = server.client()
    c.open()
    end = c.scram("SCRAM-SHA-256", user, PASSWORD, gs2=f"n,a=root@{HOST},")
    equal(end.children[0].name, "invalid-authzid")
    end = c.scram("SCRAM-SHA-256", user, PASSWORD, gs2=f"n,a={user}@{HOST},")
    equal(end.name, "success")


def downgrade_hash(features):
    names = sorted(m.text for m in features.child("mechanisms").children)
    text = "\x1e".join(names)
    bindings = features.child("sasl-channel-binding")
    if bindings is not None:
        text += "\x1f" + "\x1e".join(sorted(b.get("type") for b in bindings.children))
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_downgrade_shows(server):
    """XEP-0474: the challenge tells what was offered."""
    for tls in (False, True):
        c = server.client(tls=tls)
        features = c.open()
        c.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", server.names[0], PASSWORD).first())
        text = sasl.unb64(c.expect("challenge", "sasl").text).decode()
        assert f"h={downgrade_hash(features)}" in text.split(","), text


def test_capabilities(server):
    """XEP-0115: the hash in the features is that of the information."""
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    caps = c.open().child("c", "http://jabber.org/protocol/caps")
    equal(caps.get("hash"), "sha-1")
    c.bind()
    node = f"{caps.get('node')}#{caps.get('ver')}"
    reply = c.iq("get", f"<query xmlns='{NS['disco#info']}' node='{node}'/>", to=HOST)
    query = reply.child("query")
    equal(query.get("node"), node)
    text = "".join(sorted("{}/{}//{}<".format(i.get("category"), i.get("type"), i.get("name", ""))
                          for i in query.all("identity")))
    text += "".join(sorted(f.get("var") + "<" for f in query.all("feature")))
    equal(caps.get("ver"), base64.b64encode(hashlib.sha1(text.encode()).digest()).decode())


@alone(config={"modules_enabled": '{ "saslauth", "disco", "version" }', "hide_os_type": "true",
               "disco_items": '{ { "chat.example.com", "Rooms" }, { "files.example.com" } }',
               "disco_expose_admins": "true", "admins": '{ "root@localhost" }', "name": '"Verona"'}, accounts=1)
def test_what_is_configured(server):
    c = server.login(server.names[0])
    items = c.iq("get", f"<query xmlns='{NS['disco#items']}'/>", to=HOST).child("query").children
    equal([(i.get("jid"), i.get("name")) for i in items],
          [("chat.example.com", "Rooms"), ("files.example.com", None), (f"root@{HOST}", None)])
    info = c.iq("get", f"<query xmlns='{NS['disco#info']}'/>", to=HOST).child("query")
    equal(info.child("identity").get("name"), "Verona")
    version = c.iq("get", "<query xmlns='jabber:iq:version'/>", to=HOST).child("query")
    equal(version.child_text("name"), "prosody-c")
    assert version.child_text("version") and version.child("os") is None, str(version)


def challenge(server, user, mechanism="SCRAM-SHA-1"):
    """Salt and iterations as they are told to who logs in as that user."""
    c = server.client()
    c.open()
    c.auth(mechanism, sasl.Scram(mechanism, user, PASSWORD).first())
    parts = dict(part.split("=", 1) for part in sasl.unb64(c.expect("challenge", "sasl").text).decode().split(","))
    c.close()
    return base64.b64decode(parts["s"]), parts["i"]


def test_strangers_look_like_accounts_of_prosody():
    """Where accounts were taken over from Prosody, whose salts are UUIDs, names without an account have
    such salts as often: else the length tells who exists. Names keep their look over restarts."""
    server = Server(accounts=20)
    try:
        for i in range(20):
            keep(server, f"old{i}", {**prosody_account("secret", 5000), "salt": str(uuid.uuid4())})
        server.start()
        names = [f"nobody{i}" for i in range(60)]
        seen = [challenge(server, name) for name in names]
        uuids = [salt.decode() for salt, count in seen if count == "5000"]
        assert all(str(uuid.UUID(u)) == u and uuid.UUID(u).version == 4 for u in uuids), uuids
        equal(len(uuids), sum(len(salt) == 36 for salt, _ in seen))
        equal({len(salt) for salt, count in seen if count == "4096"}, {16})
        assert 10 <= len(uuids) <= 50, f"{len(uuids)} of 60 look like half of the accounts"
        equal(len({salt for salt, _ in seen}), 60)
        # Of the other hashes these accounts have no keys, and look like everybody.
        for name in ("old0", "nobody0", server.names[0]):
            salt, count = challenge(server, name, "SCRAM-SHA-256")
            equal((len(salt), count), (16, "4096"))
        server.stop()
        server.start()
        equal([challenge(server, name) for name in names], seen)
    finally:
        server.stop()


def test_clear_password_keeps_its_salt():
    server = Server(accounts=0)
    try:
        server.ctl("adduser", f"made@{HOST}", "secret")  # the database is there
        keep(server, "clear", {"password": "secret"})
        server.start()
        equal(challenge(server, "clear"), challenge(server, "clear"))
        eventually(lambda: set(kept(server, "clear")) == {"scram", "updated"})
        equal(attempt(server, "clear", "secret", "SCRAM-SHA-256"), "success")
    finally:
        server.stop()
