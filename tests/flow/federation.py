"""Servers that speak to each other on loopback: an authority of the test's own, a DNS of its own, and scripted servers of
either direction, whose every byte is the test's."""
import base64
import collections
import contextlib
import datetime
import hashlib
import hmac
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from client import DEADLINE, Client
from component import SECRET as COMPONENT_SECRET
from component import port_options
from dns import Zone
from flow import PASSWORD, Server
from server import free_ports
from xmlstream import NS

A, B, C = "a.example", "b.example", "c.example"
SECRET = "the secret of a"


# ---- certificates

def openssl(*args, input=None):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, input=input).stdout


class Authority:
    def __init__(self, name="root"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pc-flow-ca-"))
        self.root = self.dir / "root.crt"
        self.make("root", subject=name)

    def make(self, name, *names, subject=None, days=60, issuer=True):
        """NAME.crt and NAME.key for these domains (DNS-IDs), or other names with their kinds ("otherName:...")."""
        own = ["-CA", self.root, "-CAkey", self.dir / "root.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        alt = ",".join(n if ":" in n else f"DNS:{n}" for n in names)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", days,
                "-subj", f"/CN={subject or name}", "-keyout", self.dir / f"{name}.key", "-out", self.dir / f"{name}.crt",
                *(own if issuer and names else []), *(["-addext", f"subjectAltName={alt}"] if names else []))
        return name

    def expired(self, name, domain):
        csr = self.dir / f"{name}.csr"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={domain}", "-keyout",
                self.dir / f"{name}.key", "-out", csr, "-addext", f"subjectAltName=DNS:{domain}")
        openssl("x509", "-req", "-in", csr, "-CA", self.root, "-CAkey", self.dir / "root.key", "-days", -1, "-copy_extensions",
                "copy", "-out", self.dir / f"{name}.crt")

    def ending(self, name, domain, seconds, issuer=True):
        """One that is over after so many seconds, or one more, as certificates know no parts of them."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        now = datetime.datetime.now(datetime.timezone.utc)
        self.make(name, domain, issuer=issuer)
        cert = x509.load_pem_x509_certificate((self.dir / f"{name}.crt").read_bytes())
        key = serialization.load_pem_private_key((self.dir / ("root.key" if issuer else f"{name}.key")).read_bytes(), None)
        shorter = x509.CertificateBuilder(cert.issuer, cert.subject, cert.public_key(), cert.serial_number,
                                          now - datetime.timedelta(minutes=1), now + datetime.timedelta(seconds=seconds),
                                          list(cert.extensions))
        pem = shorter.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (self.dir / f"{name}.crt").write_bytes(pem)
        return name

    def content(self, name, selector):
        """What of NAME.crt a TLSA record is about: all of it (0), or its key (1)."""
        args = ["x509", "-in", self.dir / f"{name}.crt", *(["-noout", "-pubkey"] if selector else ["-outform", "der"])]
        out = openssl(*args)
        return openssl("pkey", "-pubin", "-outform", "der", input=out) if selector else out

    def tlsa(self, name, usage=3, selector=1, matching=1):
        data = self.content(name, selector)
        return bytes([usage, selector, matching]) + [data, hashlib.sha256(data).digest(), hashlib.sha512(data).digest()][matching]

    def context(self, name=None, server=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if name:
            context.load_cert_chain(self.dir / f"{name}.crt", self.dir / f"{name}.key")
        return context

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- a key of dialback as XEP-0185 makes it

def key(secret, receiving, originating, ident):
    text = f"{receiving} {originating} {ident}".encode()
    return hmac.new(hashlib.sha256(secret.encode()).hexdigest().encode(), text, hashlib.sha256).hexdigest()


# ---- scripted servers

class Link(Client):
    """A stream with a server, of either side."""

    def __init__(self, sock, context, here, there, accepted):
        self.host, self.context, self.here, self.accepted = there, context, here, accepted
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.jid = self.bare = self.user = self.seen_header = None
        self.eof = self.ended = False
        self.queue = collections.deque()
        self.restart_parser()

    @classmethod
    def connect(cls, port, here, there, context, direct_tls=False, source="127.0.0.1"):
        sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE, source_address=(source, 0))
        link = cls(sock, context, here, there, False)
        if direct_tls:
            link.start_tls_layer()
        return link

    def start_tls_layer(self):
        self.sock.settimeout(DEADLINE)
        self.sock = self.context.wrap_socket(self.sock, server_side=self.accepted,
                                             server_hostname=None if self.accepted else self.host)

    def begin(self, from_=None, to=None, **args):
        """Our header; the features that answer it."""
        from_ = self.here if from_ is None else from_
        said = f" from='{from_}'" if from_ else ""
        return self.open(to=to, xmlns="jabber:server", extra=f"{said} xmlns:db='jabber:server:dialback'", **args)

    def begin_tls(self, **args):
        self.begin(**args)
        self.starttls()
        return self.begin(**args)

    def external(self, bidi=False, **args):
        """Proves the name by its certificate; `bidi`: answers come on this stream (XEP-0288)."""
        features = self.begin_tls(**args)
        assert features.child("mechanisms", "sasl"), f"EXTERNAL is not offered: {features}"
        if bidi:
            self.send("<bidi xmlns='urn:xmpp:bidi'/>")
        self.auth("EXTERNAL", "=")
        self.expect("success", "sasl")
        self.features = self.begin(**args)
        return self

    def result(self, text, from_=None, to=None, **attrs):
        more = "".join(f" {k}='{v}'" for k, v in attrs.items())
        self.send(f"<db:result xmlns:db='jabber:server:dialback' from='{from_ or self.here}' to='{to or self.host}'{more}>"
                  f"{text}</db:result>")

    def verify(self, text, ident, from_=None, to=None, **attrs):
        more = "".join(f" {k}='{v}'" for k, v in attrs.items())
        self.send(f"<db:verify xmlns:db='jabber:server:dialback' from='{from_ or self.here}' to='{to or self.host}'"
                  f" id='{ident}'{more}>{text}</db:verify>")

    # ---- as the one who was connected to

    def answer(self, features, ident="some-id", version=True, from_=None):
        """Waits for its header, answers by ours and these features."""
        self.restart_parser() if self.ended else None
        header = self.expect_header()
        self.send("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback'"
                  f" xmlns:stream='http://etherx.jabber.org/streams' id='{ident}' from='{from_ or self.here}'"
                  f" to='{self.host}'{' version=' + chr(39) + '1.0' + chr(39) if version else ''}>")
        if features is not None:
            self.send(f"<stream:features>{features}</stream:features>")
        return header

    def answer_tls(self, features, ident="some-id"):
        self.answer(f"<starttls xmlns='{NS['tls']}'><required/></starttls>", "before-tls")
        self.expect("starttls", "tls")
        self.send(f"<proceed xmlns='{NS['tls']}'/>")
        self.start_tls_layer()
        self.restart_parser()
        return self.answer(features, ident)

    def take_external(self, features=""):
        auth = self.expect("auth", "sasl")
        assert auth.get("mechanism") == "EXTERNAL", str(auth)
        assert base64.b64decode(auth.text).decode() == self.host, str(auth)
        self.send(f"<success xmlns='{NS['sasl']}'/>")
        self.restart_parser()
        self.answer(features)


EXTERNAL = f"<mechanisms xmlns='{NS['sasl']}'><mechanism>EXTERNAL</mechanism></mechanisms>"
DIALBACK = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
BIDI = "<bidi xmlns='urn:xmpp:features:bidi'/>"


class Remote:
    """A domain whose server is the test: a socket that listens."""

    def __init__(self, domain, port, context):
        self.domain, self.context = domain, context
        self.sock = socket.create_server(("127.0.0.1", port))
        self.links = []

    def accept(self, there=A):
        self.sock.settimeout(DEADLINE)
        link = Link(self.sock.accept()[0], self.context, self.domain, there, True)
        self.links.append(link)
        return link

    def nobody(self):
        """Nobody has connected."""
        self.sock.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            self.sock.accept()
            raise AssertionError("somebody connects")

    def close(self):
        for link in self.links:
            link.abort()
        self.sock.close()


class Proxy:
    """A way to a port that can be cut at any moment, in both directions, with what is in it."""

    def __init__(self, port):
        self.target, self.pairs = port, []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                here = self.sock.accept()[0]
                there = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.pairs.append((here, there))
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(4096):
                other.sendall(data)
        for sock in (one, other):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for sock in (s for pair in pairs for s in pair):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        return len(pairs)

    def close(self):
        self.sock.close()
        self.cut()


# ---- servers of ours

class Federation:
    """`servers`: (its hosts, options) of each. Each host has a certificate of the authority unless `certs` gives it another
    (None: of its own making). Domains in `remotes` are the test's own. Options that are not the server's: `extra` is the end
    of the file, `components` are domains of Components that programs connect for, where other servers look for them."""

    def __init__(self, servers, remotes=(), certs=None, direct_tls=False, srv=True, sign=None):
        self.ca, self.links, self.stack = Authority(), [], contextlib.ExitStack()
        domains = [d for hosts, _ in servers for d in hosts]
        servers = [(hosts, dict(options)) for hosts, options in servers]
        components = [options.pop("components", []) for _, options in servers]
        self.ports = {}
        table = {("xmpp.example", "A"): ["127.0.0.1"]}
        for hosts, _ in servers:
            self.ports.update(dict.fromkeys(hosts, free_ports(1)[0]))
        for (hosts, _), below in zip(servers, components):
            self.ports.update(dict.fromkeys(below, self.ports[hosts[0]]))
        self.ports.update({d: free_ports(1)[0] for d in remotes})
        kind = "_xmpps-server._tcp" if direct_tls else "_xmpp-server._tcp"
        for domain, port in self.ports.items():
            if srv:
                table[(f"{kind}.{domain}", "SRV")] = [(10, 0, port, "xmpp.example")]
        self.zone = self.stack.enter_context(Zone(table, sign))
        certs = certs or {}
        for domain in (*domains, *remotes):
            if domain not in certs:
                self.ca.make(domain, domain)
        self.remotes = {d: Remote(d, self.ports[d], self.ca.context(certs.get(d, d), server=True)) for d in remotes}
        self.servers = [self.server(hosts, options, certs, direct_tls, below)
                        for (hosts, options), below in zip(servers, components)]

    def server(self, hosts, options, certs, direct_tls, components):
        config = {"modules_disabled": None, "unbound": self.zone.option, "ssl": f'{{ cafile = "{self.ca.root}" }}',
                  "s2s_direct_tls_ports" if direct_tls else "s2s_ports": f"{{ {self.ports[hosts[0]]} }}",
                  **{k: v for k, v in options.items() if k != "extra"}}
        if components:
            config.update(port_options())
        extra = options.get("extra", "") + "".join(
            f'Component "{c}"\n    component_secret = "{COMPONENT_SECRET}"\n' for c in components)
        server = Server(config=config, hosts={h: {} for h in hosts}, accounts=0, extra=extra)
        for host in hosts:
            name = certs.get(host, host)
            if name:
                for kind in ("crt", "key"):
                    shutil.copy(self.ca.dir / f"{name}.{kind}", server.dir / "certs" / f"{host}.{kind}")
        server.add_accounts([(user, host, PASSWORD) for host in hosts for user in ("ann", "bob")])
        return server.start()

    def online(self, user, host, resource="r"):
        server = next(s for s in self.servers if f'VirtualHost "{host}"' in s.config_file.read_text())
        return server.client(host=host).login(user, PASSWORD, resource, roster=True, presence=True)

    def connect(self, here=C, there=A, cert=None, **args):
        """A scripted server connects to one of ours."""
        port = self.ports.get(there) or next(iter(self.ports.values()))
        self.links.append(Link.connect(port, here, there, self.ca.context(cert), **args))
        return self.links[-1]

    def ours_both_ways(self, user):
        """The stream that we open to C, where that is the test's, proved for either direction; behind a first message."""
        user.message(f"eve@{C}", "x")
        link = self.remotes[C].accept()
        link.answer_tls(EXTERNAL + BIDI)
        link.expect("bidi", "bidi")
        link.take_external()
        link.expect("message")
        return link

    def listen(self, domain, cert):
        """A domain of the test's own from now on, with that certificate."""
        port = free_ports(1)[0]
        self.zone.table[(f"_xmpp-server._tcp.{domain}", 33)] = ("SRV", [(10, 0, port, "xmpp.example")])
        self.remotes[domain] = Remote(domain, port, self.ca.context(cert, server=True))
        return self.remotes[domain]

    def through(self, domain):
        """Whoever looks for the domain from now on finds a way that can be cut."""
        proxy = Proxy(self.ports[domain])
        self.stack.callback(proxy.close)
        self.zone.table[(f"_xmpp-server._tcp.{domain}", 33)] = ("SRV", [(10, 0, proxy.port, "xmpp.example")])
        return proxy

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        try:
            for server in self.servers if failed else ():
                print(f"--- the log of {server.config_file}\n{server.log_tail()}")
            for server in self.servers:
                server.release()
            for remote in self.remotes.values():
                remote.close()
            for link in self.links:
                link.abort()
            for server in self.servers:
                server.stop()
        finally:
            for server in self.servers:
                if server.process:
                    server.kill()
            self.stack.close()
            self.ca.close()


def one(remotes=(), certs=None, hosts=(A,), sign=None, **options):
    """A server of ours alone, among those of the test."""
    config = {"dialback_secret": f'"{SECRET}"', "s2s_retry_after": "0.01", **{k: v if k == "components" else str(v) for k, v in options.items()}}
    return Federation([(list(hosts), config)], remotes=remotes, certs=certs, sign=sign)
