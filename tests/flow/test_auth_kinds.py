"""Accounts that are disabled; passwords in the clear; guests without an account (XEP-0175);
log-in by certificate (XEP-0178)."""
import base64
import sqlite3
import subprocess
import tempfile

import sasl
from client import tls_context
from flow import HOST, PASSWORD, Server, alone, equal, rows
from test_accounts import attempt, eventually, keep, kept, prosody_account

SERVER = dict(accounts=20)
ALL = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")


# ---- disabled

def test_disabled_and_enabled(server):
    user = server.account()
    online = server.login(user)
    bare = online.bare
    unbound = server.client()
    unbound.open()
    unbound.authenticate(user, PASSWORD)
    unbound.open()
    equal(server.ctl("user", "disable", bare).strip(), f"{bare}: account disabled")
    online.expect_stream_error("not-authorized")
    unbound.expect_stream_error("not-authorized")
    for mechanism in ALL:
        equal((mechanism, attempt(server, user, PASSWORD, mechanism)), (mechanism, "account-disabled"))
        equal((mechanism, attempt(server, user, "wrong", mechanism)), (mechanism, "not-authorized"))
    equal(server.ctl("user", "enable", bare).strip(), f"{bare}: account enabled")
    for mechanism in ALL:
        equal((mechanism, attempt(server, user, PASSWORD, mechanism)), (mechanism, "success"))


def test_disabled_in_the_middle_of_a_log_in(server):
    user = server.account()
    c = server.client()
    c.open()
    exchange = sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl").text
    server.ctl("user", "disable", f"{user}@{HOST}")
    equal(c.expect("failure", "sasl").children[0].name, "temporary-auth-failure")
    c.respond(exchange.final(challenge))
    equal(c.expect("failure", "sasl").children[0].name, "malformed-request")


@rows(("nobody", f"nobody@{HOST}", "no such account"), ("no address", "@", "not the address"),
      ("elsewhere", "kim@elsewhere.example", "no host"))
def test_who_cannot_be_disabled(server, address, words):
    for command in ("disable", "enable"):
        assert words in server.ctl("user", command, address, check=False)


def test_disabling_outlives_the_server_and_the_password():
    server = Server(accounts=1)
    user = server.names[0]
    try:
        server.ctl("user", "disable", f"{user}@{HOST}")
        server.ctl("passwd", f"{user}@{HOST}", "another")
        server.start()
        equal(attempt(server, user, "another", "SCRAM-SHA-1"), "account-disabled")
    finally:
        server.stop()


# ---- internal_plain

def test_passwords_in_the_clear():
    """Accounts of either form log in, and get what the other form lacks."""
    server = Server(config={"authentication": '"internal_plain"'}, accounts=0)
    try:
        server.add_accounts([("new", HOST, "secret")])
        equal(kept(server, "new")["password"], "secret")
        keep(server, "clear", {"password": "secret"})
        keep(server, "hashed", prosody_account("secret"))
        server.start()
        for user in ("new", "clear"):
            for mechanism in ALL:
                equal((user, mechanism, attempt(server, user, "secret", mechanism)), (user, mechanism, "success"))
        equal(attempt(server, "hashed", "wrong", "PLAIN"), "not-authorized")
        equal(attempt(server, "hashed", "secret", "SCRAM-SHA-1"), "success")
        equal(attempt(server, "hashed", "secret", "PLAIN"), "success")
        for user in ("new", "clear", "hashed"):
            eventually(lambda: kept(server, user).get("password") == "secret" and "scram" in kept(server, user))
        server.ctl("passwd", f"new@{HOST}", "other")
        eventually(lambda: kept(server, "new")["password"] == "other")
        equal(attempt(server, "new", "secret", "SCRAM-SHA-256"), "not-authorized")
        equal(attempt(server, "new", "other", "SCRAM-SHA-256"), "success")
        assert "secret" not in server.log(), "a password is in the log"
    finally:
        server.stop()


def test_clear_password_goes_when_the_host_hashes():
    server = Server(config={"authentication": '"internal_plain"'}, accounts=1)
    user = server.names[0]
    try:
        equal(kept(server, user)["password"], PASSWORD)
        server.write_config({}, {HOST: {}})
        server.start()
        equal(attempt(server, user, PASSWORD, "SCRAM-SHA-1"), "success")
        equal(attempt(server, user, PASSWORD, "PLAIN"), "success")
        eventually(lambda: "password" not in kept(server, user))
    finally:
        server.stop()


# ---- anonymous

GUESTS = "guests.example"


def guests(config=None):
    return Server(hosts={HOST: {}, GUESTS: {"authentication": '"anonymous"', **(config or {})}}, accounts=2)


def guest(server, trace=None):
    c = server.client(GUESTS)
    c.open()
    c.auth("ANONYMOUS", trace)
    c.expect("success", "sasl")
    c.open()
    c.bind()
    return c


def tables(server):
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        return db.execute("SELECT store, user FROM owner WHERE host = ?", (GUESTS,)).fetchall()


def test_guests():
    server = guests().start()
    try:
        c = server.client(GUESTS)
        equal([m.text for m in c.open().child("mechanisms").all("mechanism")], ["ANONYMOUS"])
        a, b = guest(server), guest(server, base64.b64encode(b"sirhc").decode())
        assert a.bare != b.bare and len(a.bare) == 36 + 1 + len(GUESTS), (a.bare, b.bare)
        for c in (a, b):
            c.presence()
        a.message(b.jid, "psst")
        equal(b.find("message").child_text("body"), "psst")
        home = server.login()
        a.message(home.jid, "to another host of this server")
        equal(home.find("message").get("from"), a.jid)
        equal(a.roster(), {})
        a.roster_set("friend@elsewhere.example")
        a.push()
        assert "friend@elsewhere.example" in a.roster()
        equal(sorted(server.ctl("-q", "user", "list", GUESTS).split()), sorted([a.bare, b.bare]))
        for command in (("adduser", f"kim@{GUESTS}", "x"), ("deluser", a.bare), ("passwd", a.bare, "x"),
                        ("user", "disable", a.bare)):
            assert "cannot do that" in server.ctl(*command, check=False), command
        a.message("friend@elsewhere.example", "out")
        equal(a.find("message", type="error").error(), ("cancel", "not-allowed"))
        a.presence(to=home.bare, type="subscribe")
        equal(a.find("presence", type="error").error(), ("cancel", "not-allowed"))
        home.nothing()
        gone = a.bare
        a.close()
        b.message(gone, "too late")
        equal(b.find("message", type="error").error()[1], "service-unavailable")
        equal(tables(server), [])
    finally:
        server.stop()


@alone(config={"authentication": '"anonymous"'}, accounts=0)
def test_trace_of_a_guest(server):
    for trace in (b"x" * 1100, b"a\0b"):
        c = server.client()
        c.open()
        c.auth("ANONYMOUS", base64.b64encode(trace).decode())
        equal(c.expect("failure", "sasl").children[0].name, "malformed-request")


def test_guests_are_for_their_host_alone(server):
    c = server.client()
    assert "ANONYMOUS" not in [m.text for m in c.open().child("mechanisms").children]
    c.auth("ANONYMOUS", "")
    equal(c.expect("failure", "sasl").children[0].name, "invalid-mechanism")


def test_storage_of_guests_where_it_is_wanted():
    server = guests({"allow_anonymous_storage": "true", "allow_anonymous_s2s": "true"}).start()
    try:
        a = guest(server)
        a.roster()
        a.roster_set("friend@elsewhere.example")
        a.push()
        user = a.bare.partition("@")[0]
        eventually(lambda: ("roster", user) in tables(server))
        a.message("friend@elsewhere.example", "out")
        equal(a.find("message", type="error").error()[1], "remote-server-not-found")
        a.close()
        eventually(lambda: not [t for t in tables(server) if t[1]])
    finally:
        server.stop()


# ---- EXTERNAL

def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def certificate(folder, name, jids, issuer="root"):
    names = ",".join(f"otherName:1.3.6.1.5.5.7.8.5;UTF8:{jid}" for jid in jids)
    more = ["-CA", f"{folder}/{issuer}.crt", "-CAkey", f"{folder}/{issuer}.key", "-addext",
            "basicConstraints=critical,CA:FALSE"] if issuer else []
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-subj", f"/CN={name}",
            "-days", "2", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", *more,
            *(["-addext", f"subjectAltName={names or 'email:user0@localhost'}"] if issuer else []))


class Cards:
    """A server that asks for certificates, and a folder with those of some people."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        f = self.folder.name
        certificate(f, "root", [], None)
        certificate(f, "fake", [], None)
        certificate(f, "one", [f"user0@{HOST}"])
        certificate(f, "two", [f"user0@{HOST}", f"user1@{HOST}", "user0@elsewhere.example"])
        certificate(f, "nobody", [f"nobody@{HOST}"])
        certificate(f, "elsewhere", ["user0@elsewhere.example"])
        certificate(f, "mail", [])
        certificate(f, "full", [f"user0@{HOST}/desk"])
        certificate(f, "forged", [f"user0@{HOST}"], "fake")
        self.server = Server(accounts=3, config={"ssl": f'{{ cafile = "{f}/root.crt" }}', "c2s_ssl": '{ verify = "peer" }'})
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.release()
        self.server.stop()
        self.folder.cleanup()

    def open(self, name, tls=True):
        context = tls_context()
        if name:
            context.load_cert_chain(f"{self.folder.name}/{name}.crt", f"{self.folder.name}/{name}.key")
        c = self.server.client(tls=tls, context=context)
        features = c.open()
        if not tls:
            c.starttls()
            features = c.open()
        return c, [m.text for m in features.child("mechanisms").children]

    def attempt(self, name, authzid="", tls=True):
        """Who one is then; or the name of the failure."""
        c, offered = self.open(name, tls)
        assert offered[0] == "EXTERNAL", offered
        c.auth("EXTERNAL", base64.b64encode(authzid.encode()).decode())
        end = c.next()
        if end.name != "success":
            return end.children[0].name
        c.open()
        c.bind()
        return c.bare


def test_external():
    with Cards() as cards:
        user0, user1 = f"user0@{HOST}", f"user1@{HOST}"
        for name in (None, "elsewhere", "mail", "full", "forged"):
            assert "EXTERNAL" not in cards.open(name)[1], name
        for args, wanted in ((("one",), user0), (("one", "", False), user0), (("one", user0), user0),
                             (("one", f"USER0@{HOST}"), user0), (("one", user1), "invalid-authzid"),
                             (("one", "user0"), "invalid-authzid"), (("one", f"{user0}/r"), "invalid-authzid"),
                             (("one", "user0@elsewhere.example"), "invalid-authzid"), (("one", "a\0b"), "malformed-request"),
                             (("two",), "invalid-authzid"), (("two", user0), user0), (("two", user1), user1),
                             (("nobody",), "not-authorized"), (("nobody", user0), "invalid-authzid")):
            equal((args, cards.attempt(*args)), (args, wanted))
        c, _ = cards.open("one")
        c.auth("EXTERNAL")
        c.expect("challenge", "sasl")
        c.respond("")
        c.expect("success", "sasl")
        cards.server.ctl("user", "disable", user0)
        equal(cards.attempt("one"), "account-disabled")
        c, _ = cards.open("forged")
        c.auth("EXTERNAL", "")
        equal(c.expect("failure", "sasl").children[0].name, "invalid-mechanism")
