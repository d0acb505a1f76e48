"""Authentication: RFC 6120 section 6, RFC 5802, channel binding (RFC 9266, RFC 5929, XEP-0440)."""
import ssl

import sasl
from client import tls_context
from flow import HOST, NS, PASSWORD, Skip, alone, equal, rows

SERVER = dict(config={"limits": "{ }"}, accounts=80)
MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")


def opened(server, tls=False, context=None):
    c = server.client(tls=tls, context=context)
    return c, c.open()


def offered(features):
    return [m.text for m in features.child("mechanisms", "sasl").all("mechanism")]


def failure(c, *conditions):
    element = c.expect("failure", "sasl")
    names = [e.name for e in element.children if e.name != "text"]
    assert len(names) == 1 and names[0] in conditions, f"expected {conditions}, got {element}"


def test_offer_in_the_clear(server):
    names = offered(opened(server)[1])
    assert "SCRAM-SHA-1" in names and "SCRAM-SHA-256" in names and "PLAIN" in names, names
    assert not [n for n in names if n.endswith("-PLUS")], names
    assert len(set(names)) == len(names), names


def test_offer_under_tls(server):
    names = offered(opened(server, tls=True)[1])
    for name in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"):
        assert name in names, names


def test_offer_of_channel_bindings(server):
    features = opened(server, tls=True)[1]
    kinds = {b.get("type") for b in features.child("sasl-channel-binding", "sasl-cb").children}
    assert {"tls-exporter", "tls-server-end-point"} <= kinds and "tls-unique" not in kinds, kinds


@alone(config={"c2s_require_encryption": "true", "allow_unencrypted_plain_auth": "false"}, accounts=1)
def test_nothing_before_tls_where_it_is_required(server):
    c, features = opened(server)
    assert features.child("starttls", "tls").child("required") is not None
    assert features.child("mechanisms") is None, str(features)
    c.auth("PLAIN", sasl.plain(server.names[0], PASSWORD))
    failure(c, "encryption-required")
    c.starttls()
    assert "SCRAM-SHA-1" in offered(c.open())
    c.authenticate(server.names[0], PASSWORD)


@alone(config={"c2s_require_encryption": "false", "allow_unencrypted_plain_auth": "false"}, accounts=1)
def test_no_plain_in_the_clear(server):
    c, features = opened(server)
    assert "PLAIN" not in offered(features)
    c.auth("PLAIN", sasl.plain(server.names[0], PASSWORD))
    failure(c, "encryption-required", "invalid-mechanism")


@rows(*[(f"{mechanism} {where}", mechanism, where) for where in ("clear", "starttls", "tls")
        for mechanism in ("PLAIN", *MECHANISMS)])
def test_login(server, mechanism, where):
    c = server.client(tls=where == "tls")
    names = offered(c.open())
    if where == "starttls":
        c.starttls()
        names = offered(c.open())
    if mechanism not in names and mechanism.endswith("512"):
        raise Skip("not offered")
    c.authenticate(server.account(), PASSWORD, mechanism)
    features = c.open()
    assert features.child("mechanisms") is None and features.child("bind", "bind") is not None
    c.bind("here")


@rows(*[(f"{mechanism} {kind}", mechanism, kind) for kind in ("tls-exporter", "tls-server-end-point")
        for mechanism in MECHANISMS])
def test_login_plus(server, mechanism, kind):
    c, features = opened(server, tls=True)
    if mechanism + "-PLUS" not in offered(features) and mechanism.endswith("512"):
        raise Skip("not offered")
    end = c.scram(mechanism + "-PLUS", server.account(), PASSWORD, gs2=f"p={kind},,",
                  binding=sasl.channel_binding(c.sock, kind))
    assert end.matches("success", "sasl"), str(end)


def test_plus_under_tls12(server):
    """tls-exporter of TLS 1.2 needs the extended master secret; tls-server-end-point always goes."""
    c, features = opened(server, tls=True, context=tls_context(ssl.TLSVersion.TLSv1_2))
    equal(c.sock.version(), "TLSv1.2")
    kind = "tls-server-end-point"
    end = c.scram("SCRAM-SHA-256-PLUS", server.account(), PASSWORD, gs2=f"p={kind},,",
                  binding=sasl.channel_binding(c.sock, kind))
    assert end.matches("success", "sasl"), str(end)


@rows(
    ("other data", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", b"x" * 32),
    ("data of another kind", "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "tls-exporter"),
    ("unknown kind", "SCRAM-SHA-256-PLUS", "p=tls-nonsense,,", b"x" * 32),
    ("none", "SCRAM-SHA-256-PLUS", "n,,", b""),
    ("in a mechanism without", "SCRAM-SHA-256", "p=tls-exporter,,", "tls-exporter"),
    ("denied though offered", "SCRAM-SHA-256", "y,,", b""),
)
def test_bad_binding(server, mechanism, gs2, data):
    c, _ = opened(server, tls=True)
    data = sasl.channel_binding(c.sock, data) if isinstance(data, str) else data
    end = c.scram(mechanism, server.account(), PASSWORD, gs2=gs2, binding=data)
    assert end.matches("failure", "sasl"), str(end)


def test_client_that_knows_no_binding_in_the_clear(server):
    """Flag y is right where no -PLUS was offered."""
    c, _ = opened(server)
    end = c.scram("SCRAM-SHA-256", server.account(), PASSWORD, gs2="y,,")
    assert end.matches("success", "sasl"), str(end)


@rows(*[(m, m) for m in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256")])
def test_wrong_password_and_again(server, mechanism):
    user = server.account()
    c, _ = opened(server)
    for name, password in ((user, "wrong"), ("no-such-user", PASSWORD)):
        if mechanism == "PLAIN":
            c.auth("PLAIN", sasl.plain(name, password))
        else:
            exchange = sasl.Scram(mechanism, name, password)
            c.auth(mechanism, exchange.first())
            c.respond(exchange.final(c.expect("challenge", "sasl").text))
        failure(c, "not-authorized")
    c.authenticate(user, PASSWORD, mechanism)


def test_strangers_have_a_lasting_salt(server):
    """Whether an account exists does not show: salt and count stay, and look like the others'."""
    seen = []
    for name in ("nobody", "nobody", server.account()):
        c, _ = opened(server)
        exchange = sasl.Scram("SCRAM-SHA-256", name, PASSWORD)
        c.auth("SCRAM-SHA-256", exchange.first())
        text = sasl.unb64(c.expect("challenge", "sasl").text).decode()
        seen.append(dict(part.split("=", 1) for part in text.split(",")))
    equal(seen[0]["s"], seen[1]["s"])
    equal(seen[0]["i"], seen[2]["i"])
    equal(len(seen[0]["s"]), len(seen[2]["s"]))


@rows(
    ("unknown", "NONSENSE", "AAAA", "invalid-mechanism"),
    ("lower case", "plain", "AAAA", "invalid-mechanism"),
    ("not offered", "ANONYMOUS", "AAAA", "invalid-mechanism"),
    ("empty name", "", "AAAA", "invalid-mechanism"),
    ("plus in the clear", "SCRAM-SHA-1-PLUS", sasl.b64(b"p=tls-exporter,,n=a,r=b"), "invalid-mechanism"),
    ("no base64", "PLAIN", "@@@@", "incorrect-encoding"),
    ("base64 without padding", "PLAIN", "AGEAYg", "incorrect-encoding"),
    ("padding inside", "PLAIN", "AA==AA==", "incorrect-encoding"),
    ("one NUL", "PLAIN", sasl.b64(b"user\0pass"), "malformed-request", "not-authorized"),
    ("three NULs", "PLAIN", sasl.b64(b"\0user\0pass\0more"), "malformed-request", "not-authorized"),
    ("empty user", "PLAIN", sasl.b64(b"\0\0pass"), "malformed-request", "not-authorized"),
    ("empty password", "PLAIN", sasl.b64(b"\0user\0"), "malformed-request", "not-authorized"),
    ("no UTF-8", "PLAIN", sasl.b64(b"\0\xff\xfe\0pass"), "malformed-request", "not-authorized", "incorrect-encoding"),
    ("empty", "PLAIN", "=", "malformed-request", "not-authorized"),
    ("scram of nothing", "SCRAM-SHA-1", "=", "malformed-request"),
    ("scram without nonce", "SCRAM-SHA-1", sasl.b64(b"n,,n=user"), "malformed-request"),
    ("scram with empty nonce", "SCRAM-SHA-1", sasl.b64(b"n,,n=user,r="), "malformed-request"),
    ("scram with an extension", "SCRAM-SHA-1", sasl.b64(b"n,,m=x,n=user,r=abc"), "malformed-request"),
    ("scram with a bad escape", "SCRAM-SHA-1", sasl.b64(b"n,,n=us=2Fer,r=abc"), "malformed-request"),
    ("scram with an unknown flag", "SCRAM-SHA-1", sasl.b64(b"x,,n=user,r=abc"), "malformed-request"),
)
def test_bad_auth(server, mechanism, text, *conditions):
    c, _ = opened(server)
    c.send(f"<auth xmlns='{NS['sasl']}' mechanism='{mechanism}'>{text}</auth>")
    failure(c, *conditions)
    c.authenticate(server.account(), PASSWORD)


@rows(
    ("other nonce", dict(nonce="abcdefgh"), "malformed-request", "not-authorized"),
    ("short proof", dict(proof=b"short"), "malformed-request", "not-authorized", "incorrect-encoding"),
    ("zero proof", dict(proof=bytes(20)), "not-authorized"),
)
def test_bad_final(server, args, *conditions):
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD)
    c.auth("SCRAM-SHA-1", exchange.first())
    c.respond(exchange.final(c.expect("challenge", "sasl").text, **args))
    failure(c, *conditions)


def test_abort(server):
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD)
    c.auth("SCRAM-SHA-1", exchange.first())
    c.expect("challenge", "sasl")
    c.send(f"<abort xmlns='{NS['sasl']}'/>")
    failure(c, "aborted")
    c.authenticate(server.account(), PASSWORD)


def test_response_out_of_turn(server):
    c, _ = opened(server)
    c.respond("AAAA")
    failure(c, "malformed-request", "not-authorized", "aborted", "temporary-auth-failure")


def test_auth_within_an_exchange(server):
    """A second <auth/> ends the first exchange, or is refused; it never mixes with it."""
    user, other = server.account(), server.account()
    c, _ = opened(server)
    first = sasl.Scram("SCRAM-SHA-1", user, PASSWORD)
    c.auth("SCRAM-SHA-1", first.first())
    challenge = c.expect("challenge", "sasl").text
    c.auth("SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", other, PASSWORD).first())
    c.next()
    c.respond(first.final(challenge))
    assert not c.next().matches("success")


def test_without_initial_response(server):
    """Then the server asks for it by an empty challenge (6.4.2)."""
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD)
    c.auth("SCRAM-SHA-1")
    assert c.expect("challenge", "sasl").text in ("", "=")
    c.respond(exchange.first())
    c.respond(exchange.final(c.expect("challenge", "sasl").text))
    exchange.verify(c.expect("success", "sasl").text)


@rows(("plain without initial response", "PLAIN"))
def test_plain_asked_for(server, mechanism):
    c, _ = opened(server)
    c.auth(mechanism)
    c.expect("challenge", "sasl")
    c.respond(sasl.plain(server.account(), PASSWORD))
    c.expect("success", "sasl")


@rows(
    ("own bare", "{user}@localhost", True),
    ("own bare in capitals", "{USER}@LOCALHOST", True),
    ("another account", "user0@localhost", False),
    ("another host", "{user}@other.example", False),
    ("no address", "@", False),
)
def test_authzid(server, authzid, good):
    user = server.account()
    c, _ = opened(server)
    c.auth("PLAIN", sasl.plain(user, PASSWORD, authzid.format(user=user, USER=user.upper())))
    if good:
        c.expect("success", "sasl")
    else:
        failure(c, "invalid-authzid", "not-authorized")


def test_user_name_is_prepared(server):
    user = server.account()
    c, _ = opened(server)
    c.authenticate(user.upper(), PASSWORD, "PLAIN")
    c.open()
    equal(c.bind("r"), f"{user}@{HOST}/r")


def test_guessing_ends(server):
    """A stream does not allow guessing for ever (6.4.5)."""
    c, _ = opened(server)
    user = server.account()
    for attempt in range(30):
        c.auth("PLAIN", sasl.plain(user, f"wrong{attempt}"))
        answer = c.next()
        if answer.matches("error", "stream"):
            return
        assert answer.matches("failure", "sasl"), str(answer)
        if c.eof or c.queue and c.queue[0][0] == "end":
            return
    raise AssertionError("30 wrong passwords on one stream")


def test_auth_once_authenticated(server):
    c, _ = opened(server)
    c.authenticate(server.account(), PASSWORD)
    c.open()
    c.auth("PLAIN", sasl.plain(server.account(), PASSWORD))
    answer = c.next()
    assert answer.name in ("failure", "error"), str(answer)
