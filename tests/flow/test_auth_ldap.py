"""Accounts of a directory: a real slapd, and servers that hang, die and talk nonsense."""
import socket
import time

import sasl
from client import SCALE
from flow import HOST, Server, equal, rows
from slapd import BASE, BIND, ENDLESS, EXTENDED, GARBAGE, READER, SEARCH, Directory, Scripted, found, result
from test_accounts import eventually

TIMEOUT = 1 * SCALE  # ldap_timeout
PEOPLE = [("juliet", "secret"), ("zoé", "geheimnis"), ("star*", "star"), ("(a)", "brackets"), ("back\\slash", "slash"),
          ("Montague, Romeo + others = #1", "romeo", "comma"), ("one", "twin", "secret"), ("two", "twin", "secret")]
HOSTILE = ("*", "jul*", "juliet)(uid=*", "*)(objectclass=*", "\\2a", "\\", "(", "nobody", "x" * 900)


class Served:
    """A server whose accounts are in the directory at that port."""

    def __init__(self, port, **options):
        self.server = Server(accounts=0, config={
            "authentication": '"ldap"', "ldap_server": f'"127.0.0.1:{port}"', "ldap_base": f'"{BASE}"',
            "ldap_rootdn": f'"{READER}"', "ldap_password": '"reader"', "ldap_timeout": str(TIMEOUT),
            "sasl_max_attempts": "1000", **options})

    def __enter__(self):
        return self.server.start()

    def __exit__(self, *error):
        self.server.release()
        if error[0]:
            self.server.kill()
        else:
            self.server.stop()


def begin(server, user, password):
    c = server.client()
    c.open()
    c.auth("PLAIN", sasl.plain(user, password))
    return c


def end(c):
    e = c.next(timeout=10 * TIMEOUT)
    return "success" if e.name == "success" else e.children[0].name


def attempt(server, user, password, mechanism="PLAIN"):
    if mechanism == "PLAIN":
        return end(begin(server, user, password))
    c = server.client()
    c.open()
    e = c.scram(mechanism, user, password)
    return "success" if e.name == "success" else e.children[0].name


def mechanisms(server):
    return [m.text for m in server.client().open().child("mechanisms").children]


def checks(server):
    for row in PEOPLE[:6]:
        user, password = row[-2:]
        equal((user, attempt(server, user, password)), (user, "success"))
        equal((user, attempt(server, user, password + "x")), (user, "not-authorized"))
    equal(attempt(server, "twin", "secret"), "not-authorized")
    for user in HOSTILE:
        for password in ("secret", "star", "administrator"):
            equal((user, attempt(server, user, password)), (user, "not-authorized"))


# ---- a real one

def test_bind():
    with Directory(PEOPLE) as directory, Served(directory.port) as server:
        equal(mechanisms(server), ["PLAIN"])
        checks(server)
        c = server.client().login("juliet", "secret", "balcony", mechanism="PLAIN", roster=True, presence=True)
        c.message(f"zoé@{HOST}", "kept")
        c.message(f"nobody@{HOST}", "not kept")
        equal(c.find("message", type="error").get("from"), f"nobody@{HOST}")
        other = server.client().login("zoé", "geheimnis", "r", mechanism="PLAIN", roster=True, presence=True)
        equal(other.find("message").child_text("body"), "kept")
        for command in (("adduser", f"kim@{HOST}", "x"), ("deluser", c.bare), ("passwd", c.bare, "x")):
            assert "cannot do that" in server.ctl(*command, check=False), command
        for word in ("secret", "geheimnis", "reader", "comma"):
            assert f'"{word}"' not in server.log() and f" {word}" not in server.log(), f"{word} is in the log"


def test_many_at_once():
    """More than there are connections for passwords; one connection lives through it all."""
    with Directory([(f"u{n}", f"p{n}") for n in range(20)]) as directory, Served(directory.port) as server:
        for _ in range(3):
            clients = [begin(server, f"u{n}", f"p{n if n % 3 else 'x'}") for n in range(20)]
            equal([end(c) for c in clients], ["success" if n % 3 else "not-authorized" for n in range(20)])


def test_password_is_read():
    with Directory(PEOPLE + [("hashed", "{SSHA}AAAA")], reads=True) as directory, \
            Served(directory.port, ldap_mode='"getpasswd"') as server:
        equal(mechanisms(server), ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
        checks(server)
        for mechanism in mechanisms(server):
            equal(attempt(server, "juliet", "secret", mechanism), "success")
            for user in ("juliet", "nobody", "hashed", "*"):
                equal((user, attempt(server, user, "wrong", mechanism)), (user, "not-authorized"))
        salts = [challenge(server, user) for user in ("juliet", "juliet", "nobody", "nobody")]
        equal((salts[0], salts[2]), (salts[1], salts[3]))
        server.stop()
        server.start()
        equal([challenge(server, "juliet"), challenge(server, "nobody")], [salts[0], salts[2]])


def challenge(server, user):
    """The salt and the iterations."""
    c = server.client()
    c.open()
    exchange = sasl.Scram("SCRAM-SHA-256", user, "secret")
    c.auth("SCRAM-SHA-256", exchange.first())
    text = c.expect("challenge", "sasl").text
    return sasl.unb64(text).decode().split(",")[1:3]


@rows(("nobody may read", {"ldap_rootdn": None}, "users cannot be searched for: No such object"),
      ("base that is not there", {"ldap_base": '"dc=nowhere"'}, "users cannot be searched for: "),
      ("base that is none", {"ldap_base": '"nowhere"'}, "users cannot be searched for: Invalid DN syntax"),
      ("filter that is none", {"ldap_filter": '"(uid=$user"'}, "ldap_filter makes is impossible: Bad search filter"),
      ("wrong password of ours", {"ldap_password": '"wrong"'}, "ldap_rootdn may not bind: Invalid credentials"))
def test_misconfigured(options, why):
    with Directory(PEOPLE) as directory, Served(directory.port, **options) as server:
        for _ in range(2):
            equal(attempt(server, "juliet", "secret"), "temporary-auth-failure")
        equal(server.log().count(why), 1)


@rows(("no base", {"ldap_base": None}, "ldap_base is not set"),
      ("no server", {"ldap_server": '"a:b"'}, "ldap_server is no list of servers"),
      ("no password of ours", {"ldap_password": None}, "ldap_password is not"))
def test_refused_at_the_start(options, why):
    served = Served(1, **options)
    try:
        served.server.start()
    except AssertionError:
        pass
    try:
        served.server.log_has(why)
    finally:
        served.server.kill()


def test_scope_and_filter():
    with Directory(PEOPLE) as directory:
        with Served(directory.port, ldap_scope='"base"') as server:
            equal(attempt(server, "juliet", "secret"), "not-authorized")
        with Served(directory.port, ldap_scope='"onelevel"',
                    ldap_filter='"(&(objectClass=inetOrgPerson)(uid=$user)(!(sn=$host)))"') as server:
            equal(attempt(server, "juliet", "secret"), "success")
        with Served(directory.port, ldap_filter='"(&(uid=$user)(sn=$host))"') as server:
            equal(attempt(server, "juliet", "secret"), "not-authorized")


def tls(directory, server, **options):
    return Served(0, ldap_server=f'"{server}"', ssl=f'{{ cafile = "{directory.dir}/root.crt" }}', **options)


def test_tls():
    with Directory(PEOPLE) as directory:
        plain, secure = f"localhost:{directory.port}", f"ldaps://localhost:{directory.tls_port}"
        for served in (tls(directory, plain, ldap_tls="true"), tls(directory, secure)):
            with served as server:
                equal(attempt(server, "juliet", "secret"), "success")
                equal(attempt(server, "juliet", "wrong"), "not-authorized")


def test_tls_with_somebody_else():
    """For another name, of an authority that nobody trusts, or of somebody who does not speak TLS."""
    with Directory(PEOPLE) as directory:
        numeric = tls(directory, f"ldaps://127.0.0.1:{directory.tls_port}")
        unknown = Served(0, ldap_server=f'"localhost:{directory.port}"', ldap_tls="true")
        no_tls = tls(directory, f"ldaps://localhost:{directory.port}")
        for served, why in ((numeric, "is not for 127.0.0.1"), (unknown, "is not trusted"), (no_tls, "away")):
            with served as server:
                equal(attempt(server, "juliet", "secret"), "temporary-auth-failure")
                server.log_has(why)


# ---- away

def gone(server):
    return server.log().count("the directory is away")


def test_away_and_back():
    directory = Directory(PEOPLE)
    try:
        with Served(directory.port) as server:
            for _ in range(3):
                equal(attempt(server, "juliet", "secret"), "temporary-auth-failure")
            directory.start()
            server.log_has("the directory is back")
            equal(attempt(server, "juliet", "secret"), "success")
            equal(gone(server), 1)
            directory.stop()
            eventually(lambda: attempt(server, "juliet", "secret") == "temporary-auth-failure")
            directory.start()
            eventually(lambda: attempt(server, "juliet", "secret") == "success")
    finally:
        directory.__exit__()


def test_next_server():
    with socket.create_server(("127.0.0.1", 0)) as busy, Directory(PEOPLE) as directory:
        dead = busy.getsockname()[1]
        busy.close()
        with Served(0, ldap_server=f'"localhost:{dead} 127.0.0.1:{directory.port}"') as server:
            equal(attempt(server, "juliet", "secret"), "success")


def test_server_by_its_name():
    with Directory(PEOPLE) as directory:
        (directory.dir / "hosts.txt").write_text("127.0.0.1 directory.example\n")
        unbound = f'{{ hoststxt = "{directory.dir}/hosts.txt" }}'
        name = f'"nowhere.invalid:{directory.port} directory.example:{directory.port}"'
        with Served(0, ldap_server=name, unbound=unbound) as server:
            equal(attempt(server, "juliet", "secret"), "success")
        with Served(0, ldap_server='"nowhere.invalid"', unbound=unbound) as server:
            equal(attempt(server, "juliet", "secret"), "temporary-auth-failure")
            equal(gone(server), 1)


# ---- scripted ones

DN = f"uid=juliet,{BASE}"


def normal(op, number):
    if op == SEARCH:
        return found(number, DN) + result(number, 0x65)
    return result(number, 0x61) if op == BIND else None


def silent(op, number):
    return None


def deaf_to(wanted):
    return lambda op, number: None if op == wanted else normal(op, number)


def hangs_up_at(wanted):
    def script(op, number):
        if op == wanted:
            raise ConnectionError
        return normal(op, number)
    return script


def says(wanted, what):
    return lambda op, number: what if op == wanted else normal(op, number)


def test_scripted_is_understood():
    with Scripted(normal) as directory, Served(directory.port) as server:
        equal(attempt(server, "juliet", "any"), "success")


@rows(("silence", silent, {}), ("silence at the search", deaf_to(SEARCH), {}),
      ("silence at StartTLS", silent, {"ldap_tls": "true"}),
      ("silence of TLS", lambda op, number: result(number, 0x78), {"ldap_tls": "true"}))
def test_silent(script, options):
    """Somebody else's connection goes on meanwhile."""
    with Scripted(script) as directory, Served(directory.port, **options) as server:
        begun = time.monotonic()
        waiting = [begin(server, f"u{n}", "any") for n in range(3)]
        while time.monotonic() - begun < TIMEOUT / 2:
            asked = time.monotonic()
            server.client().open()
            assert time.monotonic() - asked < TIMEOUT / 2, "somebody else had to wait"
        equal([end(c) for c in waiting], ["temporary-auth-failure"] * 3)
        eventually(lambda: gone(server) == 1)
        directory.script = normal
        if not options:
            eventually(lambda: attempt(server, "juliet", "any") == "success")


@rows(("dies at our bind", hangs_up_at(BIND)), ("dies at the search", hangs_up_at(SEARCH)),
      ("nonsense", says(SEARCH, GARBAGE)), ("endless", says(SEARCH, ENDLESS)),
      ("half an answer", says(SEARCH, b"\x30\x20\x02\x01")),
      ("answer of another kind", says(BIND, result(1, 0x65))))
def test_broken(script):
    with Scripted(script) as directory, Served(directory.port) as server:
        for _ in range(3):
            equal(attempt(server, "juliet", "any"), "temporary-auth-failure")
        equal(gone(server), 1)
        directory.script = normal
        eventually(lambda: attempt(server, "juliet", "any") == "success")


def once_then(first, then):
    """The first bind is ours; what becomes of those of users?"""
    state = {"binds": 0}

    def script(op, number):
        if op == BIND:
            state["binds"] += 1
            if state["binds"] > 1:
                return first(op, number)
        return then(op, number)
    return script


@rows(("silence", silent), ("hang-up", hangs_up_at(BIND)), ("nonsense", says(BIND, GARBAGE)))
def test_password_connection_fails(script):
    with Scripted(once_then(script, normal)) as directory, Served(directory.port) as server:
        for _ in range(2):
            equal(attempt(server, "juliet", "any"), "temporary-auth-failure")
        equal(server.log().count("passwords cannot be checked"), 1)
        equal(gone(server), 0)
        directory.script = normal
        eventually(lambda: attempt(server, "juliet", "any") == "success")


@rows(*((str(code), code, wanted) for code, wanted in (
    (49, "not-authorized"), (48, "not-authorized"), (53, "not-authorized"), (51, "temporary-auth-failure"),
    (52, "temporary-auth-failure"), (8, "temporary-auth-failure"), (10, "temporary-auth-failure"))))
def test_what_a_bind_says(code, wanted):
    with Scripted(once_then(lambda op, number: result(number, 0x61, code), normal)) as directory, \
            Served(directory.port) as server:
        equal(attempt(server, "juliet", "any"), wanted)


def test_nobody_is_bound_in_vain():
    """Who is not there takes the same way, and a success of it lets nobody in."""
    def script(op, number):
        return result(number, 0x65) if op == SEARCH else normal(op, number)
    with Scripted(script) as directory, Served(directory.port) as server:
        equal(attempt(server, "nobody", "any"), "not-authorized")
        equal(directory.asked.count(BIND), 2)


def test_injected_in_front_of_tls():
    """Behind the answer to StartTLS, in the clear: an answer that was not asked for."""
    with Scripted(lambda op, number: result(number, 0x78) + result(2, 0x61)) as directory, \
            Served(directory.port, ldap_tls="true") as server:
        equal(attempt(server, "juliet", "any"), "temporary-auth-failure")
        server.log_has("bytes came in front of TLS")
        assert EXTENDED in directory.asked and BIND not in directory.asked, directory.asked


def test_module_goes_while_it_waits():
    with Scripted(deaf_to(SEARCH)) as directory, Served(directory.port, ldap_timeout="15") as server:
        waiting = begin(server, "juliet", "any")
        eventually(lambda: SEARCH in directory.asked)
        directory.script = normal
        server.ctl("module", "reload", HOST, "auth_ldap")
        equal(end(waiting), "temporary-auth-failure")
        equal(attempt(server, "juliet", "any"), "success")
