"""In-band registration (XEP-0077): making accounts and its limits, new passwords, leaving; what comes of it elsewhere."""
from xml.sax.saxutils import escape

from adhoc import submit
from flow import HOST, NS, PASSWORD, Server, alone, equal, rows, settle
from test_accounts import attempt, eventually, kept

REGISTER = "jabber:iq:register"
FEATURE = "http://jabber.org/features/iq-register"
ENABLED = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "register", %s }'


def config(more="", **options):
    return {"modules_enabled": ENABLED % more, "allow_registration": "true", **options}


SERVER = dict(config=config('"tombstones"', additional_registration_fields='{ "email+", "nick" }'), accounts=30)


def query(inner):
    return f"<query xmlns='{REGISTER}'>{inner}</query>"


def fields(**values):
    return query("".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items()))


def stranger(server, **args):
    c = server.client(**args)
    c.open()
    return c


def register(server, user, password="pw", client=None, **more):
    """The error of it, or None."""
    c = client or stranger(server)
    reply = c.iq("set", fields(username=user, password=password, **more))
    return reply.error() if reply.get("type") == "error" else None


def condition(error):
    return error and error[1]


# ---- making an account

def test_offered_to_strangers_only(server):
    c = server.client()
    assert c.open().child("register", FEATURE) is not None
    c.authenticate(server.account(), PASSWORD)
    assert c.open().child("register", FEATURE) is None
    c.send(f"<iq type='get' id='x'>{query('')}</iq>")
    c.expect_stream_error("not-authorized")


def test_form(server):
    found = stranger(server).iq("get", query("")).child("query", REGISTER)
    equal([c.name for c in found.children], ["instructions", "username", "password", "email", "nick", "x"])
    form = found.child("x")
    wanted = {f.get("var"): f.child("required") is not None for f in form.all("field") if f.get("var") != "FORM_TYPE"}
    equal(wanted, {"username": True, "password": True, "email": True, "nick": False})
    equal(form.child("field").child_text("value"), REGISTER)


def test_registering_by_elements_and_by_form(server):
    c = stranger(server)
    equal(register(server, "Anna", "h\u00e4nd \u00ad5", c, email="a@b.example"), None)
    c.authenticate("anna", "h\u00e4nd 5", "PLAIN")  # on the same stream; prepared
    form = {"username": "bert", "password": "pw", "email": "b@b.example", "nick": "B"}
    equal(stranger(server).iq("set", query(submit(form, REGISTER))).get("type"), "result")
    equal(attempt(server, "bert", "pw", "SCRAM-SHA-256"), "success")
    equal(condition(register(server, "BERT", email="x@y.example")), "conflict")
    assert "h\u00e4nd" not in server.log(), "a password is in the log"


@rows(("no password", fields(username="carl", email="x"), "not-acceptable"),
      ("empty password", fields(username="carl", password="", email="x"), "not-acceptable"),
      ("no name", fields(password="pw", email="x"), "not-acceptable"),
      ("bad name", fields(username="ca rl", password="pw", email="x"), "not-acceptable"),
      ("name with a host", fields(username=f"carl@{HOST}", password="pw", email="x"), "not-acceptable"),
      ("bad password", fields(username="carl", password="a\u200e\u0627b", email="x"), "not-acceptable"),
      ("long password", fields(username="carl", password="p" * 1100, email="x"), "not-acceptable"),
      ("required field", fields(username="carl", password="pw"), "not-acceptable"),
      ("long field", fields(username="carl", password="pw", email="x" * 256), "not-acceptable"),
      ("form without a field", query(submit({"username": "carl", "password": "pw"}, REGISTER)), "not-acceptable"),
      ("form of another kind", query(submit({"username": "carl", "password": "pw", "email": "x"}, "other")),
       "not-acceptable"),
      ("leaving", query("<remove/>"), "unexpected-request"))
def test_refused(server, inner, wanted):
    reply = stranger(server).iq("set", inner)
    equal((condition(reply.error()), reply.child("query")), (wanted, None))
    equal(attempt(server, "carl", "pw", "PLAIN"), "not-authorized")


def test_cancelled_form(server):
    equal(stranger(server).iq("set", query("<x xmlns='jabber:x:data' type='cancel'/>")).get("type"), "result")


def test_one_account_a_stream(server):
    c = stranger(server)
    equal(register(server, "first", client=c, email="x"), None)
    equal(register(server, "second", client=c, email="x"), ("cancel", "not-acceptable"))
    c = stranger(server)
    for _ in range(5):
        equal(register(server, "first", client=c, email="x"), ("cancel", "conflict"))
    equal(register(server, "third", client=c, email="x"), ("cancel", "not-acceptable"))


def test_same_name_at_the_same_time(server):
    clients = [stranger(server) for _ in range(8)]
    for n, c in enumerate(clients):
        c.iq("set", fields(username="race", password=f"pw{n}", email="x"), wait=False, ident="r")
    results = [c.find("iq", id="r") for c in clients]
    winners = [n for n, r in enumerate(results) if r.get("type") == "result"]
    equal(len(winners), 1)
    equal({condition(r.error()) for n, r in enumerate(results) if n not in winners}, {"conflict"})
    equal(attempt(server, "race", f"pw{winners[0]}", "SCRAM-SHA-1"), "success")


def test_gone_before_the_answer(server):
    for n in range(5):
        c = stranger(server)
        c.iq("set", fields(username=f"gone{n}", password="pw", email="x"), wait=False)
        c.abort()
    server.login().sync()


@alone(config={"modules_enabled": ENABLED % ""}, accounts=0)
def test_off_by_default(server):
    c = server.client()
    assert c.open().child("register", FEATURE) is None
    for kind in ("get", "set"):
        equal(condition(c.iq(kind, fields(username="x", password="y")).error()), "service-unavailable")


@alone(config=config(c2s_require_encryption="true"), accounts=0)
def test_only_under_tls(server):
    c = server.client()
    assert c.open().child("register", FEATURE) is None
    equal(condition(c.iq("set", fields(username="x", password="y")).error()), "policy-violation")
    c = server.client(tls=True)
    assert c.open().child("register", FEATURE) is not None
    equal(register(server, "x", client=c), None)


# ---- limits

@alone(config=config(registration_allowlist='{ "127.0.9.0/24" }', registration_blocklist='{ "127.0.0.66", "127.0.7.0/24" }',
                     min_seconds_between_registrations='"1 hour"', registration_throttle_network_max="3"), accounts=0)
def test_limits(server):
    def by(source, user):
        return register(server, user, client=stranger(server, source=source))
    equal(by("127.0.0.1", "a"), None)
    equal(by("127.0.0.1", "b"), ("wait", "policy-violation"))
    equal(by("127.0.0.2", "a"), ("cancel", "conflict"))  # the attempt counts
    equal(by("127.0.0.2", "b"), ("wait", "policy-violation"))
    equal(by("127.0.0.3", "b"), None)
    equal(by("127.0.0.4", "c"), ("wait", "policy-violation"))  # the network has had its three
    for source in ("127.0.0.66", "127.0.7.1"):
        equal(by(source, "c"), ("auth", "forbidden"))
    for n in range(4):
        equal(by("127.0.9.5", f"free{n}"), None)
    equal(sorted(server.ctl("-q", "user", "list", HOST).split()), [f"{u}@{HOST}" for u in ("a", "b", "free0", "free1", "free2",
                                                                                          "free3")])


@alone(config=config(allowlist_registration_only="true", registration_whitelist='{ "127.0.0.5" }'), accounts=0)
def test_allowed_addresses_only(server):
    equal(register(server, "a", client=stranger(server, source="127.0.0.5")), None)
    equal(register(server, "b"), ("auth", "forbidden"))


@alone(config=config(registration_throttle_max="1", registration_throttle_period='"0.4 seconds"', registration_allowlist="{ }"),
       accounts=0)
def test_limit_passes(server):
    tries = iter(range(1000))
    equal(register(server, "a"), None)
    eventually(lambda: register(server, f"b{next(tries)}") is None)


@alone(config=config(registration_throttle_max="1", registration_throttle_period='"1 hour"', registration_allowlist="{ }",
                     registration_throttle_cache_size="5", blocklist_on_registration_throttle_overload="true"), accounts=0)
def test_overloaded_table(server):
    """A flood from many addresses: those that fall out of the table stay out of the door."""
    for n in range(1, 30):
        equal(register(server, f"u{n}", client=stranger(server, source=f"127.{n}.0.1")), None)
    for n in range(1, 25):
        equal(register(server, f"v{n}", client=stranger(server, source=f"127.{n}.0.1")), ("auth", "forbidden"))
    for n in range(25, 30):
        equal(register(server, f"v{n}", client=stranger(server, source=f"127.{n}.0.1")), ("wait", "policy-violation"))


# ---- those who have one

def test_what_is_registered(server):
    c = server.login()
    for to in (None, HOST, c.bare):
        found = c.iq("get", query(""), to=to).child("query", REGISTER)
        equal([(x.name, x.text) for x in found.children], [("registered", ""), ("username", c.user), ("password", "")])
    info = c.iq("get", f"<query xmlns='{NS['disco#info']}'/>", to=HOST).child("query")
    assert REGISTER in [f.get("var") for f in info.all("feature")]
    other = server.account()
    for kind in ("get", "set"):
        equal(condition(c.iq(kind, query(""), to=f"{other}@{HOST}").error()), "service-unavailable")


def test_new_password(server):
    user = server.account()
    c, other = server.login(user), server.login(user)
    equal(c.iq("set", fields(username=user.upper(), password="n\u00ad\u00e9w")).get("type"), "result")
    other.expect_stream_error("reset")
    equal(attempt(server, user, PASSWORD, "SCRAM-SHA-1"), "not-authorized")
    equal(attempt(server, user, "n\u00e9w", "SCRAM-SHA-1"), "success")
    equal(c.iq("set", fields(username=user, password="again"), to=HOST).get("type"), "result")
    server.ctl("passwd", c.bare, "third")
    c.expect_stream_error("reset")
    equal(attempt(server, user, "third", "PLAIN"), "success")
    assert "third" not in server.log() and "again" not in server.log()


@rows(("no name", fields(password="new"), "bad-request"), ("no password", "NAME", "bad-request"),
      ("empty", fields(username="NAME", password=""), "bad-request"),
      ("another's", fields(username="user0", password="new"), "bad-request"),
      ("bad", fields(username="NAME", password="a\u200e\u0627b"), "not-acceptable"),
      ("too long", fields(username="NAME", password="p" * 2000), "not-acceptable"))
def test_bad_passwords(server, inner, wanted):
    c = server.login()
    inner = fields(username=c.user) if inner == "NAME" else inner.replace("NAME", c.user)
    reply = c.iq("set", inner)
    equal((condition(reply.error()), reply.child("query")), (wanted, None))
    equal(attempt(server, c.user, PASSWORD, "SCRAM-SHA-1"), "success")


def test_leaving(server):
    user = server.account()
    c, other = server.online(user), server.online(user)
    c.roster_set("friend@elsewhere.example")
    equal(condition(c.iq("set", query("<remove/><username>x</username>")).error()), "bad-request")
    ident = c.iq("set", query("<remove/>"), wait=False)
    equal(c.find("iq", id=ident).get("type"), "result")
    other.find("error", "stream")
    c.find("error", "stream")
    equal(attempt(server, user, PASSWORD, "PLAIN"), "not-authorized")
    equal(kept(server, user), {})


@rows(("online", True), ("offline", False))
def test_contacts_are_told(server, online):
    """Subscriptions end with the account."""
    friend, leaver = server.friends()
    asked, asking = server.online(), server.online()
    leaver.presence(to=asked.bare, type="subscribe")
    asked.find("presence", type="subscribe")
    asking.presence(to=leaver.bare, type="subscribe")
    leaver.find("presence", type="subscribe")
    settle(friend, leaver, asked, asking)
    if not online:
        leaver.close()
    server.ctl("deluser", leaver.bare)
    for who, kind in ((friend, "unsubscribed"), (asking, "unsubscribed")):
        equal(who.find("presence", type=kind).get("from"), leaver.bare)
    equal(friend.roster()[leaver.bare].get("subscription"), "none")
    assert leaver.bare not in asked.roster(), "a request is still there"
    equal(asking.roster()[leaver.bare].get("ask"), None)


# ---- tombstones

def test_tombstone(server):
    friend = server.online()
    user = server.account()
    c = server.online(user)
    c.presence(to=friend.bare, type="subscribe")
    friend.find("presence", type="subscribe")
    friend.presence(to=c.bare, type="subscribed")
    friend.presence(to=c.bare, type="subscribe")
    c.find("presence", type="subscribe")
    c.presence(to=friend.bare, type="subscribed")
    friend.find("presence", type="subscribed")
    server.ctl("deluser", c.bare)
    equal(register(server, user, email="x"), ("cancel", "conflict"))
    friend.sync()
    late = server.online()
    late.presence(to=c.bare, type="subscribe")
    equal(late.find("presence", type="unsubscribed").get("from"), c.bare)
    late.presence(to=c.bare, type="probe")
    late.sync()
    server.ctl("adduser", c.bare, "pw")  # an administrator may
    friend.presence(to=c.bare, type="subscribe")
    friend.sync()
    c = server.client().login(user, "pw", "r", roster=True, presence=True)
    equal(c.find("presence", type="subscribe").get("from"), friend.bare)


def test_tombstone_outlives_the_server_but_not_its_time():
    server = Server(**{**SERVER, "accounts": 2})
    try:
        server.start()
        server.ctl("deluser", f"user0@{HOST}")
        server.stop()
        server.start()
        equal(register(server, "user0", email="x"), ("cancel", "conflict"))
        server.stop()
        server.write_config({**SERVER["config"], "user_tombstone_expiry": "1"}, {HOST: {}})
        server.start()
        eventually(lambda: register(server, "user0", email="x") is None)
    finally:
        server.release()
        server.stop()


# ---- leaving with time to think

GRACE = config(registration_delete_grace_period='"1 hour"', user_account_management_cleanup_period="1")


def leave(server, user):
    c = server.login(user)
    equal(c.iq("set", query("<remove/>")).get("type"), "result")
    c.expect_stream_error("not-authorized")


def test_grace_period():
    server = Server(config=GRACE, accounts=2).start()
    try:
        leave(server, "user0")
        leave(server, "user1")
        equal(attempt(server, "user0", PASSWORD, "PLAIN"), "account-disabled")
        server.ctl("user", "enable", f"user1@{HOST}")
        server.release()
        server.stop()
        server.write_config({**GRACE, "registration_delete_grace_period": "1"}, {HOST: {}})
        server.start()
        equal(attempt(server, "user0", PASSWORD, "PLAIN"), "account-disabled")  # its hour is not over
        server.ctl("user", "enable", f"user0@{HOST}")
        leave(server, "user0")
        eventually(lambda: attempt(server, "user0", PASSWORD, "PLAIN") == "not-authorized")
        equal(attempt(server, "user1", PASSWORD, "PLAIN"), "success")
    finally:
        server.release()
        server.stop()


# ---- who is told

@alone(config=config('"welcome", "watchregistrations"', admins='{ "user0@localhost" }',
                     registration_notification='"$username@$host from $ip by $source; $5"',
                     welcome_message='"Hello $username on $host"'), accounts=2)
def test_welcome_and_watchers(server):
    watcher = server.online("user0")
    equal(register(server, "new"), None)
    told = watcher.find("message")
    equal((told.get("from"), told.get("type"), told.child_text("body")),
          (HOST, "chat", f"new@{HOST} from 127.0.0.1 by mod_register_ibr; $5"))
    c = server.client().login("new", "pw", "r", presence=True)
    welcome = c.find("message")
    equal((welcome.get("from"), welcome.child_text("body")), (HOST, f"Hello new on {HOST}"))
    equal(condition(register(server, "new")), "conflict")
    watcher.nothing()
