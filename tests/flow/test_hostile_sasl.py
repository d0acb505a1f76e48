"""Log-ins that lie, mix things up or never end: RFC 6120 section 6, RFC 4616, RFC 5802."""
import sasl
from client import DEADLINE
from flow import HOST, NS, PASSWORD, alone, equal, rows

SERVER = dict(accounts=140)
LONG = "x" * 1024


def opened(server, tls=False):
    c = server.client(tls=tls)
    c.open()
    return c


def fails(c, condition, text=None):
    element = c.expect("failure", "sasl")
    equal([e.name for e in element.children if e.name != "text"], [condition])
    if text:
        equal(element.child_text("text"), text)


def logs_in(c, user):
    """The stream is still good for a log-in."""
    c.authenticate(user, PASSWORD, "PLAIN")
    c.open()
    equal(c.bind("r"), f"{user}@{HOST}/r")


# ---- out of order

def test_response_without_an_exchange(server):
    c = opened(server)
    c.respond("AAAA")
    fails(c, "malformed-request")
    logs_in(c, server.account())


def test_abort_without_an_exchange(server):
    c = opened(server)
    c.send(f"<abort xmlns='{NS['sasl']}'/>")
    fails(c, "aborted")
    logs_in(c, server.account())


@rows(("PLAIN", "PLAIN"), ("SCRAM", "SCRAM-SHA-256"))
def test_response_behind_an_abort(server, mechanism):
    user = server.account()
    c, exchange = opened(server), sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    if mechanism == "PLAIN":
        c.auth("PLAIN")
        c.expect("challenge", "sasl")
        answer = sasl.plain(user, PASSWORD)
    else:
        c.auth(mechanism, exchange.first())
        answer = exchange.final(c.expect("challenge", "sasl").text)
    c.send(f"<abort xmlns='{NS['sasl']}'/>")
    fails(c, "aborted")
    c.respond(answer)
    fails(c, "malformed-request")
    logs_in(c, user)


def test_response_behind_a_failure(server):
    """A proof is looked at once."""
    user = server.account()
    c, exchange = opened(server), sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl").text
    c.respond(exchange.final(challenge, proof=bytes(32)))
    fails(c, "not-authorized")
    c.respond(exchange.final(challenge))
    fails(c, "malformed-request")
    logs_in(c, user)


def test_proof_of_another_exchange(server):
    """What one exchange asks cannot be answered in another, be it of the same user."""
    user = server.account()
    c, one, two = opened(server), *(sasl.Scram("SCRAM-SHA-256", user, PASSWORD) for _ in range(2))
    c.auth("SCRAM-SHA-256", one.first())
    first = c.expect("challenge", "sasl").text
    c.auth("SCRAM-SHA-256", two.first())
    c.expect("challenge", "sasl")
    c.respond(one.final(first))
    fails(c, "not-authorized")
    logs_in(c, user)


def test_mechanism_changes_within_an_exchange(server):
    user = server.account()
    c, exchange = opened(server), sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl").text
    c.auth("PLAIN")
    c.expect("challenge", "sasl")
    c.respond(exchange.final(challenge))
    fails(c, "malformed-request")
    logs_in(c, user)


def test_two_log_ins_in_one_write(server):
    """Behind the first one's success only a new stream counts (6.4.6)."""
    user, other = server.account(), server.account()
    c = opened(server)
    c.send("".join(f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>{sasl.plain(name, PASSWORD)}</auth>"
                   for name in (user, other)))
    got = b""
    c.sock.settimeout(DEADLINE)
    while data := c.sock.recv(65536):
        got += data
    equal((got.count(b"<success"), got.count(b"<invalid-namespace")), (1, 1))
    assert f"logged in as {other}" not in server.log()


@rows(("stanza", "<iq type='set' id='b'><bind xmlns='{bind}'/></iq>"), ("log-in", "<auth xmlns='{sasl}'/>"),
      ("end", "</stream:stream>"))
def test_no_new_stream_behind_success(server, data):
    c = opened(server)
    c.authenticate(server.account(), PASSWORD)
    c.restart_parser()
    c.send(data.format(**NS))
    c.expect_header()
    c.expect_stream_error("invalid-namespace", "not-well-formed")


def test_log_in_again_once_bound(server):
    c = server.login()
    c.auth("PLAIN", sasl.plain(server.account(), PASSWORD))
    c.expect_stream_error("policy-violation")


def test_no_exchange_goes_on_under_tls(server):
    """What began in the clear is forgotten when TLS starts (5.4.3.3)."""
    user = server.account()
    c, exchange = opened(server), sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl").text
    c.starttls()
    c.open()
    c.respond(exchange.final(challenge))
    fails(c, "malformed-request")
    logs_in(c, user)


# ---- what does not decode

@rows(
    ("no base64", "@@@@"), ("too short", "AAA"), ("no padding", "AGEAYg"), ("padding in the middle", "AA==AAAA"),
    ("three signs of padding", "A==="), ("padding alone", "===="), ("spaces", "AGEA Yg=="), ("line end", "AGEA\nYg=="),
    ("space at the end", "AGEAYg== "), ("bits that no byte takes", "AGEAYh=="), ("url alphabet", "AGEAY_-_"),
    ("beyond ASCII", "é" * 4),
)
def test_encoding(server, text):
    user = server.account()
    c = opened(server)
    c.auth("PLAIN", text)
    fails(c, "incorrect-encoding")
    c.auth("SCRAM-SHA-256")
    c.expect("challenge", "sasl")
    c.respond(text)
    fails(c, "incorrect-encoding")
    logs_in(c, user)


# ---- PLAIN

@rows(
    ("no NUL", b"user"), ("one NUL", b"\0user"), ("three NULs", b"\0user0\0secret\0"),
    ("NUL at the end of the name", b"\0user0\0\0secret"), ("NUL and more", b"\0user0\0secret\0more"),
    ("only NULs", b"\0\0"), ("no password", b"\0user0\0"), ("no name", b"\0\0secret"), ("nothing", b""),
    ("no UTF-8 in the name", b"\0us\xff\0secret"), ("no UTF-8 in the password", b"\0user0\0\xc0\x80"),
    ("no UTF-8 in the other name", b"\xed\xa0\x80\0user0\0secret"),
    ("long name", b"\0" + LONG.encode() + b"\0secret"), ("long password", b"\0user0\0" + LONG.encode()),
    ("long other name", LONG.encode() + b"\0user0\0secret"), ("far too long", b"\0user0\0" + 3 * LONG.encode()),
)
def test_plain(server, message):
    user = server.account()
    c = opened(server)
    c.auth("PLAIN", sasl.b64(message))
    fails(c, "malformed-request")
    logs_in(c, user)


@rows(
    ("no address", "@@"), ("with its host", f"user0@{HOST}"), ("with a resource", "user0/r"), ("a space", "us er"),
    ("too long by preparation", "㌀" * 300), ("sign by preparation", "a＠b"), ("slash by preparation", "a／b"),
    ("control character", "a\u0007"), ("nothing by preparation", "\u00ad"), ("private use", "\ue000"),
)
def test_name_that_is_none(server, name):
    c = opened(server)
    c.auth("PLAIN", sasl.plain(name, PASSWORD))
    fails(c, "not-authorized")
    exchange = sasl.Scram("SCRAM-SHA-256", name, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    answer = c.next()
    assert answer.matches("failure", "sasl") and answer.children[0].name in ("not-authorized", "malformed-request"), answer


@rows(
    ("another account", "user0@localhost"), ("another host", "{user}@other.example"), ("name alone", "{user}"),
    ("full", "{user}@localhost/r"), ("host", "localhost"), ("no address", "a@b@c"), ("space behind it", "{user}@localhost "),
    ("too long by preparation", "㌀㌀" * 150 + "@localhost"),
)
def test_another_identity(server, authzid):
    user = server.account()
    c, text = opened(server), authzid.format(user=user)
    c.auth("PLAIN", sasl.plain(user, PASSWORD, text))
    fails(c, "invalid-authzid")
    end = c.scram("SCRAM-SHA-256", user, PASSWORD, gs2=f"n,a={text.replace('=', '=3D')},")
    assert end.matches("failure", "sasl") and end.child("invalid-authzid") is not None, str(end)
    c.authenticate(user, PASSWORD)


@rows(("bare", "{user}@localhost"), ("in capitals", "{USER}@LocalHost"))
def test_own_identity(server, authzid):
    user = server.account()
    text = authzid.format(user=user, USER=user.upper())
    for gs2 in (None, f"n,a={text},"):
        c = opened(server)
        if gs2:
            assert c.scram("SCRAM-SHA-256", user, PASSWORD, gs2=gs2).matches("success", "sasl")
        else:
            c.auth("PLAIN", sasl.plain(user, PASSWORD, text))
            c.expect("success", "sasl")
        c.open()
        equal(c.bind("r"), f"{user}@{HOST}/r")


# ---- SCRAM

@rows(
    ("no header", "n=user,r=abc"), ("header cut", "n,"), ("flag in capitals", "N,,n=user,r=abc"),
    ("two flags", "ny,,n=user,r=abc"), ("flag p without a name", "p=,,n=user,r=abc"),
    ("nonce first", "n,,r=abc,n=user"), ("no name", "n,,r=abc"), ("empty name", "n,,n=,r=abc"),
    ("no nonce", "n,,n=user"), ("empty nonce", "n,,n=user,r="), ("space in the nonce", "n,,n=user,r=a b"),
    ("beyond ASCII in the nonce", "n,,n=user,r=é"), ("long nonce", "n,,n=user,r=" + 2 * LONG),
    ("extension that must be known", "n,,m=x,n=user,r=abc"), ("extension behind that must be known", "n,,n=user,r=abc,m=x"),
    ("comma at the end", "n,,n=user,r=abc,"), ("extension without a value", "n,,n=user,r=abc,x"),
    ("bad escape", "n,,n=us=2fer,r=abc"), ("escape cut", "n,,n=user=3,r=abc"), ("identity without its name", "n,x,n=user,r=abc"),
    ("empty identity", "n,a=,n=user,r=abc"), ("NUL", "n,,n=us\0er,r=abc"), ("nothing", ""),
)
def test_first_message(server, message):
    user = server.account()
    c = opened(server)
    c.auth("SCRAM-SHA-256", sasl.b64(message.encode()))
    fails(c, "malformed-request")
    logs_in(c, user)


def final(server, change, tls=False, **args):
    """An exchange to the end, its last message changed as text; the answer."""
    user = server.account()
    c, exchange = opened(server, tls), sasl.Scram("SCRAM-SHA-256", user, PASSWORD, **args)
    c.auth("SCRAM-SHA-256", exchange.first())
    good = sasl.unb64(exchange.final(c.expect("challenge", "sasl").text)).decode()
    changed = change(good)
    assert changed != good, "nothing is wrong with it"
    c.respond(sasl.b64(changed.encode("utf-8", "surrogateescape")))
    return c, user


@rows(
    ("channel of flag y", lambda t: t.replace("c=biws", "c=eSws"), "not-authorized"),
    ("channel with another identity", lambda t: t.replace("c=biws", "c=" + sasl.b64(b"n,a=user0@localhost,")), "not-authorized"),
    ("channel with more bytes", lambda t: t.replace("c=biws", "c=" + sasl.b64(b"n,,x")), "not-authorized"),
    ("channel with fewer bytes", lambda t: t.replace("c=biws", "c=" + sasl.b64(b"n,")), "not-authorized"),
    ("channel that is no base64", lambda t: t.replace("c=biws", "c=@@@@"), "malformed-request"),
    ("empty channel", lambda t: t.replace("c=biws", "c="), "malformed-request"),
    ("no channel", lambda t: t.replace("c=biws,", ""), "malformed-request"),
    ("nonce of the client alone", lambda t: t[:t.index(",r=") + 3 + 24] + t[t.index(",p="):], "not-authorized"),
    ("longer nonce", lambda t: t.replace(",p=", "x,p="), "not-authorized"),
    ("other order", lambda t: ",".join(t.split(",")[k] for k in (1, 0, 2)), "malformed-request"),
    ("proof in the middle", lambda t: ",".join(t.split(",")[k] for k in (0, 2, 1)), "malformed-request"),
    ("something behind the proof", lambda t: t + ",x=y", "malformed-request"),
    ("extension that must be known", lambda t: t.replace(",p=", ",m=x,p="), "malformed-request"),
    ("proof without padding", lambda t: t.rstrip("="), "malformed-request"),
    ("proof of another length", lambda t: t[:t.index(",p=") + 3] + "AAAA", "malformed-request"),
    ("no proof", lambda t: t[:t.index(",p=")], "malformed-request"),
    ("extension that nobody signed", lambda t: t.replace(",p=", ",x=y,p="), "not-authorized"),
    ("no UTF-8", lambda t: t.replace(",p=", ",x=\udcff,p="), "malformed-request"),
    ("too long", lambda t: t.replace(",p=", ",x=" + 4 * LONG + ",p="), "malformed-request"),
)
def test_final_message(server, change, condition):
    c, user = final(server, change)
    fails(c, condition)
    logs_in(c, user)


def test_flag_y_where_binding_was_offered(server):
    """Somebody has taken our offer away: the log-in fails before any proof (RFC 5802 6)."""
    c = opened(server, tls=True)
    c.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", server.account(), PASSWORD, gs2="y,,").first())
    fails(c, "malformed-request")


@rows(("success with more", "<x xmlns='urn:a'/>"), ("a comment within the text", "<!-- -->"))
def test_more_than_text(server, inner):
    """Elements within <auth/> do not count; what XMPP forbids is forbidden here as well."""
    user = server.account()
    c, text = opened(server), sasl.plain(user, PASSWORD)
    c.send(f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>{text[:8]}{inner}{text[8:]}</auth>")
    if inner.startswith("<!"):
        c.expect_stream_error("restricted-xml")
    else:
        c.expect("success", "sasl")


@alone(config={"sasl_max_attempts": "2"}, accounts=1)
def test_every_failure_counts(server):
    """Also what is no wrong password ends the stream in time: nobody tries things for ever (6.4.5)."""
    for attempt in (lambda c: c.auth("NONSENSE", "AAAA"), lambda c: c.auth("PLAIN", "@@@@"),
                    lambda c: c.respond("AAAA"), lambda c: c.send(f"<abort xmlns='{NS['sasl']}'/>")):
        c = opened(server)
        for _ in range(4):
            attempt(c)
            c.expect("failure", "sasl")
        c.expect_stream_error("policy-violation")


@alone(accounts=1)
def test_gone_while_the_password_is_checked(server):
    """The answer of a log-in whose client has gone goes nowhere, and hurts nobody."""
    for _ in range(20):
        c = opened(server)
        c.auth("PLAIN", sasl.plain(server.names[0], PASSWORD))
        c.abort()
    c = server.client()
    c.sock.settimeout(DEADLINE)
    c.login(server.names[0], PASSWORD, "r").nothing()


@alone(accounts=0, config={"default_iteration_count": "4000000"})
def test_provider_goes_while_the_password_is_checked(server):
    """Who waits for an answer that nobody will give any more is told at once, and can try again."""
    c = opened(server)
    c.auth("PLAIN", sasl.plain("nobody", PASSWORD))
    c.send(" ")
    server.ctl("module", "unload", HOST, "auth_internal_hashed")
    fails(c, "temporary-auth-failure")
    server.ctl("module", "load", HOST, "auth_internal_hashed")
    c.auth("PLAIN", sasl.plain("nobody", PASSWORD))
    fails(c, "not-authorized")
