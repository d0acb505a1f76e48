"""The servers that are measured, each with a configuration, a port and a folder of its own, on loopback. They are started
and stopped as processes of ours, never as services."""
import glob
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess

from load import Failed

HOST = "localhost"


def free_port():
    """Below those that the kernel gives to connections: one of the thousands to come would be in the server's way."""
    while True:
        with socket.socket() as s:
            port = random.randrange(10000, 32000)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def make_certificate(folder):
    """Self-signed, ECDSA P-256: (certificate, key)."""
    cert, key = folder / f"{HOST}.crt", folder / f"{HOST}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "30", "-keyout", key, "-out", cert, "-subj", f"/CN={HOST}"], check=True, capture_output=True)
    return cert, key


def of_host(modules):
    """Rooms have a host of their own."""
    return [name for name in modules if name != "muc"]


def rooms(modules):
    return f'Component "conference.{HOST}" "muc"\n' if "muc" in modules else ""


class Server:
    """`dir` is its own; configure() writes what command() starts."""

    name = ""
    xmpp = True          # the floor speaks none
    ends_well = False    # with status 0, or something is wrong
    modules = frozenset()  # those that workloads may ask for

    def __init__(self, top, build, certificate):
        self.dir, self.build, self.certificate = top / self.name, build, certificate
        self.dir.mkdir()
        self.port = free_port()
        self.process, self.wrapper = None, []
        self.tls = True  # whether it is talked to under TLS

    @staticmethod
    def missing():
        """Why it cannot be measured here, or None."""
        return None

    def configure(self, registering, modules=()):
        """`registering`: anybody may make accounts; for setting up."""

    def environment(self):
        return {}

    def start(self):
        with open(self.dir / "output", "ab") as output:
            self.process = subprocess.Popen([*self.wrapper, *self.command()], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, env={**os.environ, **self.environment()}, cwd=self.dir)

    def stop(self):
        if not self.process:
            return
        process, self.process = self.process, None
        process.terminate()
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if self.ends_well and status != 0:
            raise Failed(f"{self.name} ended with status {status}:\n{self.output()}")

    def longest_turn(self):
        """Seconds, of servers that count them."""
        return None

    def output(self):
        return "\n".join((self.dir / "output").read_text(errors="replace").splitlines()[-20:])


class ProsodyC(Server):
    name = "prosody-c"
    ends_well = True

    def __init__(self, *args):
        super().__init__(*args)
        self.modules = frozenset(p.stem.removeprefix("mod_") for p in (self.build / "modules").glob("mod_*.so"))
        (self.dir / "certs").mkdir()
        for file in self.certificate:
            shutil.copy(file, self.dir / "certs")

    def configure(self, registering, modules=()):
        names = ["roster", "saslauth", "tls", "disco", "offline", "ping", *of_host(modules), *(["register"] if registering else [])]
        (self.dir / "conf").write_text(f"""
data_path = "data"; pidfile = "pid"; certificates = "certs"; log = {{ warn = "*console" }}
interfaces = {{ "127.0.0.1" }}; c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ }}; component_ports = {{ }}; s2s_ports = {{ }}
c2s_require_encryption = false; default_iteration_count = 4096
allow_registration = {str(registering).lower()}
modules_enabled = {{ {", ".join(f'"{name}"' for name in names)} }}
VirtualHost "{HOST}"
{rooms(modules)}""")

    def command(self):
        return [self.build / "prosody-c", "-c", self.dir / "conf"]

    def longest_turn(self):
        out = subprocess.run([self.build / "prosody-ctl", "-c", self.dir / "conf", "stats", "*loop_turn_seconds*"], text=True,
                             capture_output=True, timeout=60).stdout
        most = re.search(r"most (\S+)", out)
        return float(most.group(1)) if most else None


class Floor(Server):
    """Two relays: in clear and under TLS. One runs at a time, so that its memory is its own."""

    name = "floor"
    xmpp = False

    def command(self):
        return [self.build / "tests" / "bench-floor", str(self.port), *(self.certificate if self.tls else ())]


class Prosody(Server):
    name = "prosody"
    modules = frozenset(("mam", "carbons", "smacks", "muc"))

    @staticmethod
    def missing():
        return None if shutil.which("prosody") else "prosody is not installed"

    def configure(self, registering, modules=()):
        names = ["roster", "saslauth", "tls", "disco", "offline", "ping", *of_host(modules), *(["register_ibr"] if registering else [])]
        (self.dir / "data").mkdir(exist_ok=True)
        (self.dir / "conf.cfg.lua").write_text(f"""
run_as_root = true; data_path = "{self.dir}/data"; pidfile = "{self.dir}/pid"; log = {{ warn = "*console" }}
interfaces = {{ "127.0.0.1" }}; c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ }}; s2s_ports = {{ }}; http_ports = {{ }}; https_ports = {{ }}
c2s_require_encryption = false; default_iteration_count = 4096; authentication = "internal_hashed"
allow_registration = {str(registering).lower()}
ssl = {{ certificate = "{self.certificate[0]}"; key = "{self.certificate[1]}" }}
modules_enabled = {{ {", ".join(f'"{name}"' for name in names)} }}
modules_disabled = {{ "s2s", "s2s_auth_certs" }}
VirtualHost "{HOST}"
{rooms(modules)}""")

    def command(self):
        return ["prosody", "--config", self.dir / "conf.cfg.lua", "-F"]


class Ejabberd(Server):
    """Without busy waiting of its schedulers, which would count as work."""

    name = "ejabberd"
    modules = frozenset(("mam", "carbons", "smacks", "muc"))
    MORE = {"mam": "mod_mam: { default: always }", "carbons": "mod_carboncopy: {}", "smacks": "mod_stream_mgmt: {}",
            "muc": "mod_muc: { host: conference.localhost, max_users: 5000, min_message_interval: 0, min_presence_interval: 0 }"}

    @staticmethod
    def libraries():
        found = sorted(glob.glob("/usr/lib/*/ejabberd-*/ebin") + glob.glob("/usr/lib/erlang/lib/ejabberd-*/ebin"))
        return pathlib.Path(found[0]).parent.parent if found else None

    @classmethod
    def missing(cls):
        return None if cls.libraries() and shutil.which("erl") else "ejabberd is not installed"

    def configure(self, registering, modules=()):
        both = self.dir / "both.pem"
        both.write_text("".join(file.read_text() for file in self.certificate))
        more = [self.MORE[m] for m in modules] + (["mod_register: { access: all, ip_access: all }"] if registering else [])
        (self.dir / "conf.yml").write_text(f"""
hosts: [{HOST}]
loglevel: warning
certfiles: ["{both}"]
auth_method: internal
auth_password_format: scram
registration_timeout: infinity
listen:
  - {{ port: {self.port}, ip: "127.0.0.1", module: ejabberd_c2s, shaper: none, access: all, starttls: true, backlog: 4096 }}
shaper_rules: {{ max_user_sessions: 10000, max_user_offline_messages: 100 }}
modules:
""" + "".join(f"  {m}\n" for m in ("mod_disco: {}", "mod_offline: {}", "mod_ping: {}", "mod_roster: {}", *more)))

    def environment(self):
        return {"ERL_LIBS": str(self.libraries()), "EJABBERD_CONFIG_PATH": str(self.dir / "conf.yml"),
                "EJABBERD_LOG_PATH": str(self.dir / "log"), "ERL_CRASH_DUMP_BYTES": "0", "HOME": str(self.dir)}

    def command(self):
        return ["erl", "-noinput", "+K", "true", "+P", "250000", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
                "-mnesia", "dir", f'"{self.dir}/db"', "-s", "ejabberd"]


PEERS = {s.name: s for s in (Prosody, Ejabberd)}
