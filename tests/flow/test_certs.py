"""Certificates over the life of a server: a reload takes new ones and leaves who is connected alone;
what is broken or missing leaves the old ones in use."""
import os
import re
import signal
import subprocess

from client import Client
from flow import HOST, alone, equal, rows

OTHER = "other.localhost"


def openssl(*args, **more):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, **more).stdout


def make(server, host, number, days=100):
    """A self-signed certificate with that serial number in the folder `certificates`; made aside and
    moved there, as by those who renew."""
    path = f"{server.dir}/certs/{host}"
    request = openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
                      "-keyout", f"{path}.newkey")
    extensions = server.dir / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-signkey", f"{path}.newkey", "-set_serial", str(number), "-days", str(days),
            "-extfile", extensions, "-out", f"{path}.newcrt", input=request)
    os.replace(f"{path}.newkey", f"{path}.key")
    os.replace(f"{path}.newcrt", f"{path}.crt")


def number_of(sock):
    """The serial number of the peer's certificate."""
    shown = openssl("x509", "-inform", "DER", "-noout", "-serial", input=sock.getpeercert(binary_form=True))
    return int(shown.decode().strip().partition("=")[2], 16)


def served(server, host=HOST):
    c = Client(server.port, host)
    c.open()
    c.starttls()
    number = number_of(c.sock)
    c.abort()
    direct = Client(server.tls_port, host, True)
    equal(number_of(direct.sock), number)
    direct.abort()
    return number


def reload(server, how="SIGHUP"):
    """What it says meanwhile."""
    before = len(server.log())
    if how == "SIGHUP":
        server.process.send_signal(signal.SIGHUP)
        server.log_has("the configuration was reloaded", before)
    else:
        server.ctl("reload")
    return server.log()[before:]


def chat(a, b):
    for one, other in ((a, b), (b, a)):
        one.message(other.jid, "still there?")
        equal(other.find("message").child_text("body"), "still there?")


TWO_HOSTS = dict(hosts={HOST: {}, OTHER: {}}, accounts=2)


def two_with_certificates(server):
    """Certificates 11 and 12, and two clients of the first host under TLS."""
    make(server, HOST, 11)
    make(server, OTHER, 12)
    reload(server)
    equal((served(server), served(server, OTHER)), (11, 12))
    return [server.online(tls=True) for _ in range(2)]


@alone(**TWO_HOSTS)
@rows(("SIGHUP", "SIGHUP"), ("ctl", "ctl"))
def test_new_certificate(server, how):
    clients = two_with_certificates(server)
    make(server, HOST, 21, days=200)
    equal(served(server), 11)
    assert f"{HOST} has a new certificate: {server.dir}/certs/{HOST}.crt" in reload(server, how)
    equal((served(server), served(server, OTHER)), (21, 12))
    chat(*clients)
    equal([number_of(c.sock) for c in clients], [11, 11])


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


def other_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


@alone(**TWO_HOSTS)
@rows(("half_a_certificate", "crt", truncate, "cannot be used"), ("half_a_key", "key", truncate, "cannot be used"),
      ("another_key", "key", other_key, "cannot be used"), ("empty", "crt", lambda p: p.write_bytes(b""), "cannot be used"),
      ("a_folder", "crt", lambda p: (p.unlink(), p.mkdir()), "cannot be used"),
      ("no_certificate", "crt", lambda p: p.unlink(), "is found any more"),
      ("no_key", "key", lambda p: p.unlink(), "is found any more"))
def test_broken_one_leaves_the_old_in_use(server, end, spoil, says):
    """And other hosts get their new ones."""
    clients = two_with_certificates(server)
    make(server, HOST, 21)
    make(server, OTHER, 22, days=200)
    spoil(server.dir / "certs" / f"{HOST}.{end}")
    said = reload(server)
    assert says in said and f"the certificate of {HOST} that is in use stays in use" in said, said
    equal((served(server), served(server, OTHER)), (11, 22))
    chat(*clients)
    said = reload(server)
    assert "stays in use" in said, said
    equal(served(server), 11)
    path = server.dir / "certs" / f"{HOST}.{end}"
    if path.is_dir():
        path.rmdir()
    make(server, HOST, 31)
    reload(server)
    equal((served(server), served(server, OTHER)), (31, 22))
    chat(*clients)


@alone(**TWO_HOSTS)
@rows(("settings", 'ssl = { priorities = "NONSENSE" }', "TLS settings are refused"),
      ("syntax", "ssl = {", "the configuration stays as it was"))
def test_broken_configuration(server, line, says):
    clients = two_with_certificates(server)
    make(server, HOST, 21)
    before = len(server.log())
    server.config_file.write_text(line + "\n" + server.config_file.read_text())
    server.process.send_signal(signal.SIGHUP)
    server.log_has(says, before)
    equal((served(server), served(server, OTHER)), (11, 12))
    chat(*clients)


@alone(**TWO_HOSTS)
def test_without_one_it_makes_its_own(server):
    """And drops that for a real one; a second one is not made."""
    own = served(server)
    reload(server)
    equal(served(server), own)
    make(server, HOST, 11)
    reload(server)
    equal(served(server), 11)


@rows(("soon", 5, f"warn  the certificate of {HOST} expires in [45] days"),
      ("over", 0, f"error the certificate of {HOST} has expired"), ("far", 100, None))
@alone(accounts=0)
def test_expiry_is_told(server, days, says):
    """At the start and at a reload."""
    make(server, HOST, 11, days)
    said = reload(server)
    assert re.search(says, said) if says else "expire" not in said, said
    server.stop()
    before = len(server.log())
    server.start()
    said = server.log()[before:]
    assert re.search(says, said) if says else "expire" not in said, said
    equal(served(server), 11)
