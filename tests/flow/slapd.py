"""A directory server for tests: a real slapd on a port of its own, and one that a test scripts byte by byte."""
import multiprocessing.util
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from client import DEADLINE
from flow import Skip
from sasl import b64
from server import free_ports

BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/bin:/sbin:/bin")

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {dir}/pid
TLSCertificateFile {dir}/server.crt
TLSCertificateKeyFile {dir}/server.key
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw administrator
directory {dir}/db
access to attrs=userPassword by dn="{reader}" {may} by anonymous auth by * none
access to * by dn="{reader}" read by * none
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def entry(name, uid, password):
    dn = "cn=" + re.sub(r"([,+<>;=#])", r"\\\1", name) + "," + BASE
    lines = [("dn", dn), ("objectClass", "inetOrgPerson"), ("cn", name), ("sn", uid), ("uid", uid), ("userPassword", password)]
    return "".join(f"{key}:: {b64(value.encode())}\n" for key, value in lines) + "\n"


class Directory:
    """`people`: rows of uid and password; or of name, uid and password."""

    def __init__(self, people, reads=False):
        if not SLAPD:
            raise Skip("no slapd is installed")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pc-slapd-"))
        multiprocessing.util.Finalize(None, shutil.rmtree, (self.dir, True), exitpriority=1)
        (self.dir / "db").mkdir()
        self.port, self.tls_port = free_ports(2)
        self.process = None
        self.certificates()
        (self.dir / "slapd.conf").write_text(
            CONFIG.format(dir=self.dir, base=BASE, reader=READER, may="read" if reads else "auth"))
        self.fill(people)

    def certificates(self):
        new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", "2")
        openssl(*new, "-subj", "/CN=root", "-keyout", f"{self.dir}/root.key", "-out", f"{self.dir}/root.crt")
        openssl(*new, "-subj", "/CN=directory", "-keyout", f"{self.dir}/server.key", "-out", f"{self.dir}/server.crt",
                "-CA", f"{self.dir}/root.crt", "-CAkey", f"{self.dir}/root.key", "-addext",
                "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost")

    def fill(self, people):
        ldif = (f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n"
                f"dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\n"
                "userPassword: reader\n\n")
        for number, row in enumerate(people):
            ldif += entry(*(row if len(row) == 3 else (f"person {number}", *row)))
        (self.dir / "people.ldif").write_text(ldif)
        subprocess.run([SLAPD, "-T", "add", "-f", self.dir / "slapd.conf", "-l", self.dir / "people.ldif"], check=True,
                       capture_output=True)

    def start(self):
        self.process = subprocess.Popen(
            [SLAPD, "-f", self.dir / "slapd.conf", "-d", "0", "-h",
             f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.tls_port)).close()
                return self
            except OSError:
                assert self.process.poll() is None, "slapd has ended"
                assert time.monotonic() < deadline, "slapd does not listen"

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- scripted. Lengths are below 128, message numbers below 128.

BIND, SEARCH, EXTENDED = 0x60, 0x63, 0x77
GARBAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
ENDLESS = b"\x30\x84\x7f\xff\xff\xff"  # a message of two gigabytes


def message(number, tag, content):
    op = bytes([tag, len(content)]) + content
    return b"\x30" + bytes([3 + len(op), 2, 1, number]) + op


def result(number, tag, code=0):
    return message(number, tag, bytes([10, 1, code, 4, 0, 4, 0]))


def found(number, dn):
    return message(number, 0x64, bytes([4, len(dn)]) + dn.encode() + b"\x30\x00")


class Scripted:
    """Each request of any connection is given to `script(op, number)`, which answers bytes, None for silence, or raises
    ConnectionError to hang up."""

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(conn)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            while True:
                head = conn.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                length = head[1]
                if length & 0x80:
                    length = int.from_bytes(conn.recv(length & 0x7f, socket.MSG_WAITALL), "big")
                body = conn.recv(length, socket.MSG_WAITALL)
                if len(body) < 4:
                    return
                self.asked.append(body[3])
                answer = self.script(body[3], body[2])
                if answer:
                    conn.sendall(answer)
        except (ConnectionError, OSError):
            conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for conn in self.open:
            conn.close()
