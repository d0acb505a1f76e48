"""Clients with certificates: ssl = { cafile = ..., verify = ... } and c2s_ssl."""
import subprocess
import tempfile

from client import tls_context
from flow import PASSWORD, Server, equal


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make(folder, name, *issuer):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-subj", f"/CN={name}",
            "-days", "2", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", *issuer)


def context(folder, name):
    c = tls_context()
    if name:
        c.load_cert_chain(f"{folder}/{name}.crt", f"{folder}/{name}.key")
    return c


def log_in(server, folder, name, tls):
    """Does it come to a log-in?"""
    try:
        c = server.client(tls=tls, context=context(folder, name))
        c.login(server.account(), PASSWORD, tls=not tls)
        return True
    except (AssertionError, OSError):
        return False


def with_verify(words):
    """Who gets in: one with a trusted certificate, one with a certificate of his own making, one without."""
    with tempfile.TemporaryDirectory() as folder:
        make(folder, "root")
        make(folder, "trusted", "-CA", f"{folder}/root.crt", "-CAkey", f"{folder}/root.key", "-addext",
             "basicConstraints=critical,CA:FALSE")
        make(folder, "own")
        server = Server(accounts=12, config={"ssl": f'{{ cafile = "{folder}/root.crt" }}', "c2s_ssl": f"{{ verify = {words} }}"})
        try:
            server.start()
            return [[log_in(server, folder, name, tls) for name in ("trusted", "own", None)] for tls in (True, False)]
        finally:
            server.release()
            server.stop()


def test_required():
    equal(with_verify('{ "peer", "fail_if_no_peer_cert" }'), [[True, False, False]] * 2)


def test_asked_for():
    equal(with_verify('"peer"'), [[True] * 3] * 2)


def test_not_asked_for():
    equal(with_verify('"none"'), [[True] * 3] * 2)


def test_missing_roots_are_told():
    server = Server(accounts=1, config={"ssl": '{ cafile = "nowhere.pem" }'})
    try:
        server.start()
        assert "TLS settings are refused" in server.log() and "nowhere.pem" in server.log()
    finally:
        server.stop()
