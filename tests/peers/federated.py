"""A server of ours with a real one of others: both on loopback, with domains, an authority and a DNS of the test's own.
Nobody has to be root, as each is told a port as its resolver.

A *pair* is a domain of ours with one of theirs, NAME.ours.example and NAME.peer.example. Each test has pairs of its own,
so that it begins without streams; all tests of a file share the two processes."""
import contextlib
import glob
import http.client
import multiprocessing.util
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from client import DEADLINE, SCALE, Client
from dns import Zone
from federation import Authority
from flow import PASSWORD, Skip
from server import Server, free_ports


@dataclass(frozen=True)
class Pair:
    """What the two domains have, and what they may do."""
    our_cert: bool = True     # of the authority; else of its own making, so that dialback has to prove the name
    their_cert: bool = True
    our_bidi: bool = True     # XEP-0288
    their_bidi: bool = True
    direct: bool = False      # only _xmpps-server (XEP-0368)
    we_insist: bool = False   # on a certificate of the authority
    they_insist: bool = False
    rooms: bool = False       # theirs is a service of rooms (XEP-0045)
    watched: bool = False     # we look at the streams again and again


def ours(name):
    return f"{name}.ours.example"


def theirs(name):
    return f"{name}.peer.example"


def wait_a_moment():
    select.select([], [], [], 0.02)


# ---- the other servers

class Peer:
    """`dir` is its own folder, with certs/DOMAIN.crt and .key; ports: for clients, for servers, for servers by TLS, and one
    for what else it needs."""

    command, environment, log = (), {}, ""

    def __init__(self, folder, ports, ca, zone, pairs):
        self.dir, self.ca, self.zone, self.pairs = folder, ca, zone, pairs
        self.c2s, self.s2s, self.s2s_tls, self.more = ports
        self.known, self.process = set(), None
        (folder / "certs").mkdir(parents=True)

    def start(self):
        with open(self.dir / "output", "ab") as output:
            self.process = subprocess.Popen([str(word) for word in self.command], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, env={**os.environ, **self.environment}, cwd=self.dir)
        # A worker of the tests that ends early leaves nothing behind.
        multiprocessing.util.Finalize(self, self.process.kill, exitpriority=2)
        deadline = time.monotonic() + 6 * DEADLINE
        for port in (self.c2s, self.s2s, self.s2s_tls):
            while not self.listens(port):
                assert self.process.poll() is None, f"the peer ended at once\n{self.output()}"
                assert time.monotonic() < deadline, f"the peer does not listen\n{self.output()}"
                wait_a_moment()
        return self

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        process, self.process = self.process, None
        if how == signal.SIGKILL:  # ejabberd may not have written yet who has an account
            self.known.clear()
        process.send_signal(how)
        try:
            process.wait(6 * DEADLINE)
        finally:
            process.kill()
            process.wait()

    def said(self):
        return (self.dir / "output").read_text(errors="replace")

    def output(self):
        return "\n".join(self.said().splitlines()[-30:])

    def client(self, user, host):
        """Online; the account is made (XEP-0077) where it may be missing."""
        if (user, host) not in self.known:
            c = Client(self.c2s, host)
            c.open()
            made = c.iq("set", f"<query xmlns='jabber:iq:register'><username>{user}</username>"
                               f"<password>{PASSWORD}</password></query>")
            assert made.get("type") == "result" or made.error()[1] == "conflict", str(made)
            c.close()
            self.known.add((user, host))
        return Client(self.c2s, host).login(user, PASSWORD, "r", roster=True, presence=True)


class Prosody(Peer):
    log = "debug"

    @staticmethod
    def missing():
        if not shutil.which("prosody"):
            return "prosody is not installed"
        # Its own resolver asks port 53 only, libunbound any.
        lua = pathlib.Path(shutil.which("prosody")).read_text(errors="replace").split("\n")[0].split("/")[-1].split()[-1]
        done = subprocess.run([lua, "-e", "require 'lunbound'"], capture_output=True)
        return "lua-unbound is not installed" if done.returncode else None

    @staticmethod
    def host(name, pair):
        head = f'Component "{theirs(name)}" "muc"' if pair.rooms else f'VirtualHost "{theirs(name)}"'
        return head + ('\nmodules_enabled = { "s2s_bidi" }' if pair.their_bidi else "")

    def configure(self):
        hosts = "\n".join(self.host(name, pair) for name, pair in self.pairs.items())
        (self.dir / "data").mkdir()
        (self.dir / "prosody.cfg.lua").write_text(f"""
run_as_root = true; data_path = "{self.dir}/data"; pidfile = "{self.dir}/pid"; log = {{ {self.log} = "*console" }}
certificates = "{self.dir}/certs"; ssl = {{ cafile = "{self.ca.root}" }}
interfaces = {{ "127.0.0.1" }}; c2s_ports = {{ {self.c2s} }}; c2s_direct_tls_ports = {{ }}
s2s_ports = {{ {self.s2s} }}; s2s_direct_tls_ports = {{ {self.s2s_tls} }}; http_ports = {{ }}; https_ports = {{ }}
s2s_direct_tls_certificate = "{self.dir}/certs/{theirs(next(iter(self.pairs)))}.crt"
unbound = {self.zone.option}; use_dane = {str(bool(self.zone.signer)).lower()}
s2s_secure_domains = {{ {", ".join(f'"{ours(name)}"' for name, pair in self.pairs.items() if pair.they_insist)} }}
c2s_require_encryption = false; authentication = "internal_hashed"; default_iteration_count = 4096
allow_registration = true
modules_enabled = {{ "roster", "saslauth", "tls", "dialback", "disco", "ping", "register_ibr", "offline", "smacks" }}
{hosts}
""")
        self.command = ["prosody", "--config", self.dir / "prosody.cfg.lua", "-F"]

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class Ejabberd(Peer):
    """23.01 knows nothing of XEP-0288. A certificate with an xmppAddr would end its stream by a crash."""
    log = "info"

    @staticmethod
    def libraries():
        found = sorted(glob.glob("/usr/lib/*/ejabberd-*/ebin") + glob.glob("/usr/lib/erlang/lib/ejabberd-*/ebin"))
        return pathlib.Path(found[0]).parent.parent if found else None

    @classmethod
    def missing(cls):
        if not cls.libraries() or not shutil.which("erl"):
            return "ejabberd is not installed"
        with contextlib.suppress(OSError):
            if "127.0.0.1" in socket.gethostbyname_ex("localhost")[2]:
                return None
        return "ejabberd asks the system where localhost is, and nothing here knows (no /etc/hosts)"

    def configure(self):
        # The emulator's own resolver takes a port, and knows of no other place where names could stand.
        (self.dir / "inetrc").write_text('{resolv_conf, ""}. {hosts_file, ""}. {lookup, [dns]}. clear_ns.\n'
                                         f'{{nameserver, {{127,0,0,1}}, {self.zone.port}}}.\n')
        certs = [f'"{self.dir}/certs/{theirs(name)}.{kind}"' for name in self.pairs for kind in ("crt", "key")]
        (self.dir / "ejabberd.yml").write_text(f"""
hosts: [{", ".join(theirs(name) for name, pair in self.pairs.items() if not pair.rooms)}]
loglevel: {self.log}
certfiles: [{", ".join(certs)}]
ca_file: "{self.ca.root}"
auth_method: internal
auth_password_format: scram
registration_timeout: infinity
s2s_use_starttls: required
s2s_max_retry_delay: 1
listen:
  - {{ port: {self.c2s}, ip: "127.0.0.1", module: ejabberd_c2s, access: all }}
  - {{ port: {self.s2s}, ip: "127.0.0.1", module: ejabberd_s2s_in }}
  - {{ port: {self.s2s_tls}, ip: "127.0.0.1", module: ejabberd_s2s_in, tls: true }}
  - {{ port: {self.more}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {{ /api: mod_http_api }} }}
api_permissions: {{ reload: {{ from: mod_http_api, who: {{ ip: 127.0.0.1 }}, what: reload_config }} }}
modules:
  mod_disco: {{}}
  mod_muc: {{ hosts: [{", ".join(theirs(name) for name, pair in self.pairs.items() if pair.rooms)}] }}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_register: {{ access: all, ip_access: all }}
  mod_roster: {{}}
  mod_s2s_dialback: {{}}
""")
        self.environment = {"ERL_LIBS": str(self.libraries()), "ERL_INETRC": str(self.dir / "inetrc"), "HOME": str(self.dir),
                            "ERL_CRASH_DUMP_BYTES": "0", "EJABBERD_CONFIG_PATH": str(self.dir / "ejabberd.yml"),
                            "EJABBERD_LOG_PATH": str(self.dir / "ejabberd.log")}
        self.command = ["erl", "-noinput", "-mnesia", "dir", f'"{self.dir}/db"', "-s", "ejabberd"]

    def reload(self):
        """Done when it answers."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.more, timeout=2 * DEADLINE)) as api:
            api.request("POST", "/api/reload_config", "{}")
            said = api.getresponse().read()
        assert said == b"0", said


# ---- ours with one of them

class Bed(Server):
    """`pairs`: name -> Pair."""

    sign = None  # a zone that is signed, with all that is in it

    # ejabberd asks libc for the address of a target, which knows of no port: that must be a name that all know.
    @staticmethod
    def target(domain):
        return "localhost"

    def __init__(self, peer, pairs):
        if peer.missing():
            raise Skip(peer.missing())
        self.ca, self.pairs, self.peer = Authority(), pairs, None
        ports, their_ports = free_ports(2), free_ports(4)
        self.at, table = {}, {}
        for name, pair in pairs.items():
            service = "_xmpps-server._tcp" if pair.direct else "_xmpp-server._tcp"
            for domain, port in ((ours(name), ports[pair.direct]), (theirs(name), their_ports[1 + pair.direct])):
                self.at[domain] = port
                table[(f"{service}.{domain}", "SRV")] = [(0, 0, port, self.target(domain))]
                table[(self.target(domain), "A")] = ["127.0.0.1"]
        self.zone = Zone(table, self.sign)
        # Attempts follow each other at once: the tests wait for the one that succeeds.
        config = {"modules_disabled": None, "unbound": self.zone.option, "ssl": f'{{ cafile = "{self.ca.root}" }}',
                  "s2s_ports": f"{{ {ports[0]} }}", "s2s_direct_tls_ports": f"{{ {ports[1]} }}", "s2s_retry_after": "0.05",
                  "use_dane": str(bool(self.sign)).lower()}
        super().__init__(config=config, accounts=0,
                         hosts={ours(name): {"s2s_bidi": str(pair.our_bidi).lower(), "s2s_secure_auth": str(pair.we_insist).lower(),
                                             **({"s2s_idle_timeout": str(6 * SCALE)} if pair.watched else {})}
                                for name, pair in pairs.items()})
        self.add_accounts([("ann", ours(name), PASSWORD) for name in pairs])
        self.peer = peer(self.dir / "peer", their_ports, self.ca, self.zone, pairs)
        for name, pair in pairs.items():
            self.certify(ours(name), pair.our_cert)
            self.certify(theirs(name), pair.their_cert)
        self.peer.configure()

    def certify(self, domain, good):
        """A certificate for that domain from now on; who has it open must be told."""
        self.ca.make(domain, domain, issuer=good)
        self.show(domain, self.ca)

    def show(self, domain, ca):
        """ejabberd reads those again that are of another second."""
        folder = self.dir / "certs" if domain.endswith(".ours.example") else self.peer.dir / "certs"
        for kind in ("crt", "key"):
            file = folder / f"{domain}.{kind}"
            before = file.stat().st_mtime if file.exists() else 0
            shutil.copy(ca.dir / f"{domain}.{kind}", folder)
            now = max(file.stat().st_mtime, before + 1)
            os.utime(file, (now, now))

    def start(self):
        try:
            self.zone.__enter__()
            self.peer.start()
            return super().start()
        except BaseException:
            self.end()
            raise

    def stop(self, expect_status=0):
        try:
            super().stop(expect_status)
        finally:
            self.end()

    def end(self):
        if self.process:
            self.kill()
        self.peer.stop(signal.SIGKILL)
        self.zone.__exit__()
        self.ca.close()

    def restart(self, how):
        """Of ours; the peer goes on."""
        if how == signal.SIGKILL:
            self.kill()
        else:
            super().stop()
        super().start()

    # ---- who talks

    def both(self, name):
        """Ann at our domain of the pair, Bob at theirs."""
        if self.peer.process is None:  # a test has failed meanwhile
            self.peer.start()
        return self.ann(name), self.bob(name)

    def ann(self, name):
        return self.client(host=ours(name)).login("ann", PASSWORD, "r", roster=True, presence=True)

    def bob(self, name):
        bob = self.peer.client("bob", theirs(name))
        self.clients.append(bob)
        return bob

    def streams(self, name):
        """Those of the pair that are proved: "out", "in"."""
        lines = self.ctl("s2s", "list", ours(name)).splitlines()
        return sorted("out" if "->" in line else "in" for line in lines if theirs(name) in line and " open" in line)

    def no_streams(self, name):
        until(lambda: not self.streams(name), "the streams have ended")

    def log_tail(self):
        return f"{super().log_tail()}\n--- the peer\n{self.peer.output()}" if self.peer else super().log_tail()


def until(probe, what):
    deadline = time.monotonic() + 2 * DEADLINE
    while not probe():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        wait_a_moment()
