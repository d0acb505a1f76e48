"""GNU SASL's client library: somebody else's SCRAM, with channel binding and without. (Its program
speaks IMAP and SMTP only, so the library is called.)"""
import ctypes
import ctypes.util

import sasl
from flow import HOST, PASSWORD, Skip, alone, rows
from peer import SERVER as _SERVER

SERVER = _SERVER
AUTHID, PASSWORD_PROPERTY, CB_TLS_EXPORTER = 1, 3, 25  # gsasl.h
OK, NEEDS_MORE = 0, 1


class Gsasl:
    def __init__(self, mechanism, user, password, exporter=None):
        name = ctypes.util.find_library("gsasl")
        if not name:
            raise Skip("GNU SASL is not installed")
        self.lib = ctypes.CDLL(name)
        self.context, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.must(self.lib.gsasl_init(ctypes.byref(self.context)))
        self.must(self.lib.gsasl_client_start(self.context, mechanism.encode(), ctypes.byref(self.session)))
        self.set(AUTHID, user)
        self.set(PASSWORD_PROPERTY, password)
        if exporter:
            self.set(CB_TLS_EXPORTER, sasl.b64(exporter))

    def must(self, status):
        assert status in (OK, NEEDS_MORE), f"GNU SASL: error {status}"
        return status

    def set(self, key, value):
        self.lib.gsasl_property_set(self.session, key, value.encode())

    def step(self, text=""):
        out = ctypes.c_char_p()
        self.must(self.lib.gsasl_step64(self.session, text.encode(), ctypes.byref(out)))
        return out.value.decode()


def login(server, mechanism, user, password):
    c = server.client(tls=True)
    c.open()
    exporter = sasl.tls_exporter(c.sock) if mechanism.endswith("-PLUS") else None
    gsasl = Gsasl(mechanism, user, password, exporter)
    c.auth(mechanism, gsasl.step())
    answer = c.next()
    while answer.matches("challenge", "sasl"):
        c.respond(gsasl.step(answer.text))
        answer = c.next()
    if answer.matches("success", "sasl") and answer.text:
        gsasl.step(answer.text)  # fails where the server's signature is wrong
    return c, answer


@rows(*[(m, m) for m in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256")])
def test_login(server, mechanism):
    """Without binding data GNU SASL says `n`, that it cannot bind: which is accepted."""
    _, answer = login(server, mechanism, server.account(), PASSWORD)
    assert answer.matches("success", "sasl"), str(answer)


@rows(("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS"), ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"))
def test_login_bound_to_the_channel(server, mechanism):
    c, answer = login(server, mechanism, server.account(), PASSWORD)
    assert answer.matches("success", "sasl"), str(answer)
    c.open()
    c.bind("gsasl")


def test_wrong_password(server):
    _, answer = login(server, "SCRAM-SHA-256-PLUS", server.account(), "wrong")
    assert answer.matches("failure", "sasl") and answer.child("not-authorized"), str(answer)


@alone(config=_SERVER["config"], accounts=1)
def test_password_of_many_letters(server):
    password = "pass=word,é€ " + "x" * 50
    server.stop()
    server.add_accounts([("letters", HOST, password)])
    server.start()
    _, answer = login(server, "SCRAM-SHA-256-PLUS", "letters", password)
    assert answer.matches("success", "sasl"), str(answer)
