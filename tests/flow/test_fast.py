"""Quick log-ins with tokens: XEP-0484."""
import hmac
import sqlite3

import sasl
import sasl2
from flow import HOST, PASSWORD, alone, equal, rows
from sasl2 import BIND, FAST, NS, agent, by_token, condition, login, opened

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "carbons", "sasl2_fast" }'
CONFIG = {"modules_enabled": MODULES}
SERVER = dict(accounts=60, config=CONFIG)


def request(mechanism="HT-SHA-256-NONE"):
    return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>"


def token_of(success):
    token = success.child("token", FAST)
    return token.get("token") if token is not None else None


def with_token(server, mechanism="HT-SHA-256-NONE", ident=sasl2.AGENT, user=None):
    user = user or server.account()
    c, success, _ = login(server, user, request(mechanism) + agent(ident))
    assert success.child("token", FAST).get("expiry").endswith("Z"), str(success)
    c.close()
    return user, token_of(success)


def again(server, user, token, **args):
    c, _ = opened(server)
    return by_token(c, user, token, **args)


def works(server, user, token, **args):
    return again(server, user, token, **args).matches("success", NS)


def test_offered(server):
    _, features = opened(server)
    fast = features.child("authentication", NS).child("inline", NS).child("fast", FAST)
    equal({m.text for m in fast.all("mechanism")}, {"HT-SHA-256-NONE", "HT-SHA-256-ENDP", "HT-SHA-256-EXPR"})
    assert fast.get("tls-0rtt") is None
    listed = [m.text for m in features.child("authentication", NS).all("mechanism")]
    assert not [m for m in listed if m.startswith("HT-")], listed


@rows(*((m, m) for m in ("HT-SHA-256-NONE", "HT-SHA-256-ENDP", "HT-SHA-256-EXPR")))
def test_in_one_flight(server, mechanism):
    """Who knows the server waits neither for its header nor for its features."""
    user, token = with_token(server, mechanism)
    c = server.client(tls=True)
    c.send_header()
    bind = f"<bind xmlns='{BIND}'><tag>T</tag><enable xmlns='urn:xmpp:carbons:2'/></bind>"
    sasl2.send_token(c, user, token, mechanism, extra=bind)
    c.expect_header()
    c.expect("features", "stream")
    success = c.expect("success", NS)
    assert success.child("bound", BIND) is not None, str(success)
    c.expect("features", "stream")
    sasl2.identified(c, success)
    c.nothing()


@rows(*((m, m) for m in ("HT-SHA-256-NONE", "HT-SHA-256-ENDP", "HT-SHA-256-EXPR")))
def test_one_round_trip(server, mechanism):
    """The log-in, a resource and what belongs to it, by one element and its answer."""
    user, token = with_token(server, mechanism)
    c, _ = opened(server)
    bind = f"<bind xmlns='{BIND}'><tag>T</tag><enable xmlns='urn:xmpp:carbons:2'/></bind>"
    success = by_token(c, user, token, mechanism, extra=bind)
    assert success.matches("success", NS) and success.child("bound", BIND) is not None, str(success)
    equal(sasl.unb64(success.child_text("additional-data")), sasl2.proof(c, mechanism, token, b"Responder"))
    assert token_of(success) is None
    assert sasl2.identified(c, success).startswith(f"{user}@{HOST}/T/")
    c.expect("features", "stream")
    c.sync()
    assert works(server, user, token, mechanism=mechanism)  # it stays good


def test_only_for_its_mechanism_and_client(server):
    user, token = with_token(server, "HT-SHA-256-EXPR")
    other, others = with_token(server)
    equal(condition(again(server, user, token, mechanism="HT-SHA-256-NONE")), "not-authorized")
    equal(condition(again(server, user, token, mechanism="HT-SHA-256-ENDP")), "not-authorized")
    equal(condition(again(server, user, token, mechanism="HT-SHA-256-EXPR", ident=sasl2.OTHER_AGENT)), "not-authorized")
    equal(condition(again(server, other, token)), "not-authorized")
    equal(condition(again(server, user, others)), "not-authorized")
    assert works(server, user, token, mechanism="HT-SHA-256-EXPR")


def test_bound_to_the_channel(server):
    """What was overheard on one connection is worth nothing on another."""
    user, token = with_token(server, "HT-SHA-256-EXPR")
    first, _ = opened(server)
    overheard = sasl2.proof(first, "HT-SHA-256-EXPR", token, b"Initiator")
    equal(condition(again(server, user, token, mechanism="HT-SHA-256-EXPR", bytes_=overheard)), "not-authorized")


@rows(("no_nul", b"user"), ("no_name", b"\0" + b"x" * 32), ("short", b"user\0" + b"x" * 31), ("long", b"user\0" + b"x" * 33),
      ("bad_name", b"a b\0" + b"x" * 32), ("empty", b""))
def test_malformed(server, message):
    c, _ = opened(server)
    sasl2.authenticate(c, "HT-SHA-256-NONE", sasl.b64(message), agent() + f"<fast xmlns='{FAST}'/>")
    equal(condition(c.next()), "malformed-request")


@rows(("no_user_agent", f"<fast xmlns='{FAST}'/>"), ("no_id", f"<user-agent/><fast xmlns='{FAST}'/>"),
      ("id_is_no_uuid", f"<user-agent id='x'/><fast xmlns='{FAST}'/>"), ("no_fast", agent()),
      ("bad_count", f"{agent()}<fast xmlns='{FAST}' count='-1'/>"), ("count_0", f"{agent()}<fast xmlns='{FAST}' count='0'/>"),
      ("large_count", f"{agent()}<fast xmlns='{FAST}' count='99999999999999999999999'/>"))
def test_what_belongs_to_it(server, extra):
    user, token = with_token(server)
    c, _ = opened(server)
    message = user.encode() + b"\0" + hmac.new(token.encode(), b"Initiator", "sha256").digest()
    sasl2.authenticate(c, "HT-SHA-256-NONE", sasl.b64(message), extra)
    equal(condition(c.next()), "malformed-request")


def test_no_initial_response(server):
    c, _ = opened(server)
    sasl2.authenticate(c, "HT-SHA-256-NONE", None, agent() + f"<fast xmlns='{FAST}'/>")
    equal(condition(c.next()), "malformed-request")


def test_not_by_the_old_profile(server):
    c, _ = opened(server)
    c.auth("HT-SHA-256-NONE", sasl.b64(b"a\0" + b"x" * 32))
    failure = c.expect("failure", "sasl")
    assert failure.child("invalid-mechanism") is not None, str(failure)


def test_tokens_are_asked_for(server):
    user = server.account()
    for extra in "", agent(), request("HT-SHA-256-X") + agent(), request(), f"<request-token xmlns='{FAST}'/>" + agent():
        _, success, _ = login(server, user, extra)
        assert token_of(success) is None, str(success)


def test_not_after_a_wrong_password(server):
    c, _ = opened(server)
    failure = sasl2.scram(c, server.account(), "wrong", extra=request() + agent())
    assert failure.matches("failure", NS) and token_of(failure) is None


def test_count(server):
    """Who counts cannot be replayed."""
    user, token = with_token(server)
    assert works(server, user, token, attrs=" count='1'")
    assert works(server, user, token, attrs=" count='5'")
    equal(condition(again(server, user, token, attrs=" count='5'")), "not-authorized")
    equal(condition(again(server, user, token, attrs=" count='4'")), "not-authorized")
    assert works(server, user, token, attrs=" count='6'")
    server.stop()
    server.start()
    equal(condition(again(server, user, token, attrs=" count='6'")), "not-authorized")
    assert works(server, user, token, attrs=" count='7'")


def test_a_newer_one(server):
    """The older one is good until the newer is used: the client may not have got that."""
    user, first = with_token(server)
    assert works(server, user, first)
    _, second = with_token(server, user=user)
    assert second != first
    assert works(server, user, first)
    assert works(server, user, second)
    equal(condition(again(server, user, first)), "not-authorized")
    _, third = with_token(server, user=user)
    _, fourth = with_token(server, user=user)  # the third one was never used
    equal(condition(again(server, user, third)), "not-authorized")
    assert works(server, user, second)
    assert works(server, user, fourth)


@alone(accounts=3, config={**CONFIG, "sasl2_fast_token_min_ttl": "0"})
def test_rotation(server):
    user, token = with_token(server)
    success = again(server, user, token)
    newer = token_of(success)
    assert newer and newer != token
    success = again(server, user, newer)
    assert token_of(success) not in (None, newer, token)
    equal(condition(again(server, user, token)), "not-authorized")


def test_invalidated(server):
    user, token = with_token(server)
    success = again(server, user, token, attrs=" invalidate='true'")
    assert success.matches("success", NS) and token_of(success) is None
    equal(condition(again(server, user, token)), "not-authorized")
    _, token = with_token(server, user=user)
    success = again(server, user, token, attrs=" invalidate='1'", extra=request())
    newer = token_of(success)
    assert newer
    equal(condition(again(server, user, token)), "not-authorized")
    assert works(server, user, newer)


def expire(server, user):
    server.stop()
    with sqlite3.connect(next(server.dir.glob("data/*.sqlite"))) as db:
        found = db.execute("SELECT i.owner, i.key, i.value FROM items i JOIN owner o ON o.id = i.owner"
                           " WHERE o.user = ? AND o.store = 'sasl2_fast'", (user,)).fetchall()
        for owner, key, value in found:
            name, secret, issued, _, count = value.split()
            db.execute("UPDATE items SET value = ? WHERE owner = ? AND key = ?",
                       (f"{name} {secret} {issued} {int(issued) + 1} {count}", owner, key))
    db.close()
    server.start()
    return len(found)


def test_over(server):
    user, token = with_token(server)
    equal(expire(server, user), 1)
    equal(condition(again(server, user, token)), "credentials-expired")
    other, _ = with_token(server)
    equal(condition(again(server, user, "wrong")), "not-authorized")  # told to nobody else
    equal(condition(again(server, other, token)), "not-authorized")


def test_a_new_password_takes_all_back(server):
    user, token = with_token(server)
    server.ctl("passwd", f"{user}@{HOST}", "another")
    equal(condition(again(server, user, token)), "not-authorized")
    server.ctl("passwd", f"{user}@{HOST}", PASSWORD)


def test_disabled_and_removed(server):
    user, token = with_token(server)
    server.ctl("user", "disable", f"{user}@{HOST}")
    equal(condition(again(server, user, token)), "account-disabled")
    equal(condition(again(server, user, "wrong")), "not-authorized")
    server.ctl("user", "enable", f"{user}@{HOST}")
    assert works(server, user, token)
    server.ctl("deluser", f"{user}@{HOST}")
    server.ctl("adduser", f"{user}@{HOST}", PASSWORD)
    equal(condition(again(server, user, token)), "not-authorized")


def test_commands(server):
    user, token = with_token(server)
    _, other = with_token(server, "HT-SHA-256-ENDP", sasl2.OTHER_AGENT, user)
    listed = server.ctl("fast", "list", f"{user}@{HOST}")
    assert token not in listed and sasl2.AGENT in listed and "HT-SHA-256-ENDP" in listed, listed
    server.ctl("fast", "revoke", f"{user}@{HOST}", sasl2.AGENT)
    equal(condition(again(server, user, token)), "not-authorized")
    assert works(server, user, other, mechanism="HT-SHA-256-ENDP", ident=sasl2.OTHER_AGENT)
    server.ctl("fast", "revoke", f"{user}@{HOST}")
    equal(condition(again(server, user, other, mechanism="HT-SHA-256-ENDP", ident=sasl2.OTHER_AGENT)), "not-authorized")


@alone(accounts=1, config={**CONFIG, "sasl2_fast_max_clients": "2"})
def test_so_many_clients(server):
    user = server.account()
    agents = [f"{n}1111111-4d72-4749-b3d3-740edbf87770" for n in range(4)]
    tokens = [with_token(server, ident=ident, user=user)[1] for ident in agents]
    equal([works(server, user, token, ident=ident) for ident, token in zip(agents, tokens)], [False, False, True, True])


@alone(accounts=1, config={**CONFIG, "sasl_failures_per_address": "3", "sasl_max_attempts": "1"})
def test_guessing(server):
    user, token = with_token(server)
    for _ in range(3):
        equal(condition(again(server, user, "guess")), "not-authorized")
    equal(condition(again(server, user, token)), "temporary-auth-failure")


def test_reload(server):
    user, token = with_token(server)
    server.ctl("module", "reload", HOST, "sasl2_fast")
    server.ctl("module", "reload", HOST, "saslauth")
    assert works(server, user, token)
    server.ctl("module", "unload", HOST, "sasl2_fast")
    equal(condition(again(server, user, token)), "invalid-mechanism")
    server.ctl("module", "load", HOST, "sasl2_fast")
    assert works(server, user, token)
