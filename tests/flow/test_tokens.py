"""Tokens that stand for an account: log-ins by them with and without SASL2 (XEP-0388), in words of RFC 7628."""
import base64
import json
import sqlite3

import sasl
import sasl2
from flow import HOST, PASSWORD, alone, equal, rows
from test_accounts import eventually

ENABLED = '{ "roster", "saslauth", "tls", "disco", "ping", "tokenauth", "adhoc", "admin_adhoc" %s }'
SERVER = dict(config={"modules_enabled": ENABLED % "", "sasl_max_attempts": "3"}, accounts=40)


def create(server, user, *options):
    return server.ctl("token", "create", f"{user}@{HOST}", *options).strip()


def listed(server, user):
    return json.loads(server.ctl("--json", "token", "list", f"{user}@{HOST}"))["rows"]


def message(token, header="n,,", more="host=localhost\1port=5222\1"):
    return f"{header}\1{more}auth=Bearer {token}\1\1"


def secured(server):
    c = server.client(tls=True)
    c.open()
    return c


def attempt(server, text, client=None):
    """The condition that a log-in ends with, or "success"."""
    c = client or secured(server)
    c.auth("OAUTHBEARER", sasl.b64(text.encode()))
    end = c.next()
    if end.name == "challenge":
        equal(json.loads(sasl.unb64(end.text)), {"status": "invalid_token"})
        c.respond(sasl.b64(b"\1"))
        end = c.next()
    return "success" if end.name == "success" else end.children[0].name


def attempt2(server, text, extra="<bind xmlns='urn:xmpp:bind:0'/>"):
    """The same by SASL2: the element."""
    c, _ = sasl2.opened(server)
    sasl2.authenticate(c, "OAUTHBEARER", sasl.b64(text.encode()), sasl2.agent() + extra)
    end = c.next()
    if end.name == "challenge":
        sasl2.respond(c, sasl.b64(b"\1"))
        end = c.next()
    return c, end


# ---- what is offered

def mechanisms(features, name, ns):
    return [m.text for m in features.child(name, ns).all("mechanism")]


def test_offered_under_tls(server):
    _, features = sasl2.opened(server)
    equal(mechanisms(features, "mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl")[-1], "OAUTHBEARER")
    equal(mechanisms(features, "authentication", sasl2.NS)[-1], "OAUTHBEARER")


@alone(config={"modules_enabled": ENABLED % "", "allow_unencrypted_plain_auth": "false"}, accounts=2)
def test_not_in_the_clear(server):
    c = server.client()
    assert "OAUTHBEARER" not in str(c.open())
    equal(attempt(server, message(create(server, server.account())), c), "encryption-required")


@alone(config={"modules_enabled": ENABLED % "", "disable_sasl_mechanisms": '{ "OAUTHBEARER" }'}, accounts=2)
def test_disabled(server):
    _, features = sasl2.opened(server)
    assert "OAUTHBEARER" not in str(features)
    token = create(server, "user0")
    equal(attempt(server, message(token)), "invalid-mechanism")
    equal(sasl2.condition(attempt2(server, message(token))[1]), "invalid-mechanism")


def test_scram_knows_the_list(server):
    """XEP-0474: what is offered goes into the hash, this mechanism too."""
    c, _ = sasl2.opened(server)
    equal(sasl2.scram(c, server.account()).name, "success")


# ---- logging in

def test_login(server):
    user = server.account()
    token = create(server, user)
    c = secured(server)
    equal(attempt(server, message(token), c), "success")
    c.open()
    c.bind("r")
    equal(c.jid, f"{user}@{HOST}/r")
    c, end = attempt2(server, message(token))
    equal(end.name, "success")
    assert end.child_text("authorization-identifier").startswith(f"{user}@{HOST}/"), end


def test_empty_response_first(server):
    c = secured(server)
    c.auth("OAUTHBEARER")
    equal(c.next().name, "challenge")
    c.respond(sasl.b64(message(create(server, server.account())).encode()))
    equal(c.next().name, "success")


def test_who_one_wants_to_be(server):
    user, other = server.account(), server.account()
    token = create(server, user)
    equal(attempt(server, message(token, f"n,a={user}@{HOST},")), "success")
    equal(attempt(server, message(token, f"n,a={user},")), "success")
    equal(attempt(server, message(token, f"n,a={other}@{HOST},")), "not-authorized")
    equal(attempt(server, message(token, f"n,a={other},")), "not-authorized")


def test_names_are_escaped(server):
    server.ctl("adduser", f"a,b=c@{HOST}", PASSWORD)
    token = create(server, "a,b=c")
    equal(attempt(server, message(token, f"n,a=a=2Cb=3Dc@{HOST},")), "success")


@rows(("nothing", ""), ("no header", "\1auth=Bearer x\1\1"), ("binding", "p=tls-exporter,,\1auth=Bearer x\1\1"),
      ("no end", "n,,\1auth=Bearer x"), ("one end", "n,,\1auth=Bearer x\1"), ("no auth", "n,,\1host=x\1\1"),
      ("other kind", "n,,\1auth=Basic x\1\1"), ("other host", "n,a=user0@example.org,\1auth=Bearer x\1\1"),
      ("resource", f"n,a=user0@{HOST}/r,\1auth=Bearer x\1\1"), ("bad escape", "n,a=a=20b,\1auth=Bearer x\1\1"),
      ("nul", "n,,\1auth=Bearer x\0\1\1"), ("short header", "n,\1auth=Bearer x\1\1"))
def test_malformed(server, text):
    equal(attempt(server, text) if text else "malformed-request", "malformed-request")


def forged(token, **other):
    """The token with another id, secret or account in it."""
    parts = base64.b64decode(token.removeprefix("secret-token:")).decode().split(";")
    for at, key in enumerate(("version", "id", "secret", "jid")):
        parts[at] = other.get(key, parts[at])
    return "secret-token:" + base64.b64encode(";".join(parts).encode()).decode()


def test_guessed(server):
    user, other = server.account(), server.account()
    token = create(server, user)
    for wrong in (forged(token, secret="x" * 22), forged(token, id="y" * 22), forged(token, jid=f"{other}@{HOST}"),
                  forged(token, jid=f"nobody@{HOST}"), forged(token, jid=f"{user}@example.org"), forged(token, version="1"),
                  forged(token, secret=""), token[:-4], token.removeprefix("secret-token:"), "x", "secret-token:"):
        equal((wrong, attempt(server, message(wrong))), (wrong, "not-authorized"))
    equal(sasl2.condition(attempt2(server, message(forged(token, secret="x" * 22)))[1]), "not-authorized")
    equal(attempt(server, message(forged(token))), "success")


def test_too_many_guesses(server):
    """Each counts when it is made, answered or not."""
    c = secured(server)
    wrong = sasl.b64(message(forged(create(server, server.account()), secret="x" * 22)).encode())
    for _ in range(3):
        c.auth("OAUTHBEARER", wrong)
        equal(c.next().name, "challenge")
    c.expect_stream_error("policy-violation")


# ---- the life of a token

def test_list_and_revoke(server):
    user = server.account()
    first, second = create(server, user, "name=my bot", "days=2"), create(server, user, "days=never")
    found = {r["name"]: r for r in listed(server, user)}
    equal((found["my bot"]["used"], found[None]["expires"]), ("never", "never"))
    equal(attempt(server, message(first)), "success")
    eventually(lambda: {r["name"]: r for r in listed(server, user)}["my bot"]["used"] != "never")
    equal(server.ctl("token", "revoke", f"{user}@{HOST}", found["my bot"]["id"]).strip(), "revoked")
    equal(attempt(server, message(first)), "not-authorized")
    equal(attempt(server, message(second)), "success")
    assert "no such token" in server.ctl("token", "revoke", f"{user}@{HOST}", found["my bot"]["id"], check=False)
    server.ctl("token", "revoke", f"{user}@{HOST}")
    equal((attempt(server, message(second)), listed(server, user)), ("not-authorized", []))


def test_secrets_are_not_kept(server):
    user = server.account()
    token = create(server, user)
    secret = base64.b64decode(token.removeprefix("secret-token:")).decode().split(";")[2]
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        values = [v for v, in db.execute("SELECT value FROM items JOIN owner ON owner = id WHERE store = 'auth_tokens'"
                                         " AND user = ?", (user,))]
    assert len(values) == 1 and secret not in values[0], values
    equal(attempt(server, message(token)), "success")
    assert secret not in server.log() and token not in server.log()


@alone(config={"modules_enabled": ENABLED % "", "token_auth_ttl": '"1 second"', "token_auth_max_grants": "2"}, accounts=3)
def test_expired(server):
    token = create(server, "user1")
    equal(attempt(server, message(token)), "success")
    eventually(lambda: attempt(server, message(token)) == "not-authorized")
    equal(listed(server, "user1"), [])
    for _ in range(2):
        create(server, "user1", "days=1")  # the expired one has made room
    assert "too many" in server.ctl("token", "create", f"user1@{HOST}", check=False)


def test_account_changes(server):
    user = server.account()
    token = create(server, user)
    server.ctl("user", "disable", f"{user}@{HOST}")
    equal(attempt(server, message(token)), "account-disabled")
    assert "no such account" in server.ctl("token", "create", f"{user}@{HOST}", check=False)
    server.ctl("user", "enable", f"{user}@{HOST}")
    equal(attempt(server, message(token)), "success")
    server.ctl("passwd", f"{user}@{HOST}", "other")
    equal(attempt(server, message(token)), "not-authorized")
    token = create(server, user)
    server.ctl("deluser", f"{user}@{HOST}")
    equal(attempt(server, message(token)), "not-authorized")
    server.ctl("adduser", f"{user}@{HOST}", PASSWORD)
    equal(attempt(server, message(token)), "not-authorized")


def may_administer(server, token):
    c = secured(server)
    equal(attempt(server, message(token), c), "success")
    c.open()
    c.bind("r")
    reply = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>",
                 to=HOST)
    return bool(reply.child("query").children)


def test_roles(server):
    """A token may have less than its account, and never more than the account has now."""
    user = server.account()
    server.ctl("user", "role", f"{user}@{HOST}", "prosody:admin")
    less, same = create(server, user, "role=prosody:registered"), create(server, user, "role=prosody:admin")
    equal([may_administer(server, t) for t in (less, same, create(server, user))], [False, True, True])
    server.ctl("user", "role", f"{user}@{HOST}", "default")
    equal([may_administer(server, t) for t in (less, same)], [False, False])


@rows(("role", "role=king"), ("days", "days=0"), ("more days", "days=1e3"), ("option", "secret=x"), ("name", "name="))
def test_wrong_words(server, option):
    assert "secret-token" not in server.ctl("token", "create", f"user0@{HOST}", option, check=False)
    assert "not the address" in server.ctl("token", "list", HOST, check=False)


def test_reload(server):
    user = server.account()
    token = create(server, user)
    c = secured(server)
    c.auth("OAUTHBEARER")
    equal(c.next().name, "challenge")
    server.ctl("module", "reload", HOST, "tokenauth")
    server.ctl("module", "reload", HOST, "saslauth")
    c.respond(sasl.b64(message(token).encode()))
    equal(c.next().name, "success")
