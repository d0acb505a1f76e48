"""A server of the test's own: a folder, a configuration, free ports on loopback, one process."""
import contextlib
import csv
import fcntl
import itertools
import multiprocessing.util
import os
import pathlib
import random
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from client import DEADLINE, SCALE, Client

BUILD = pathlib.Path(os.environ.get("PC_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build-asan"))
WRAPPER = shlex.split(os.environ.get("PC_WRAPPER", ""))
# More options of the command line for every server: "io_threads=1 ...".
OPTIONS = os.environ.get("PC_OPTIONS", "").split()
PASSWORD = "secret"
HOST = "localhost"

# What sanitizers and valgrind print, and what the server says of its own mistakes.
TROUBLE = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|==\d+== (Invalid|Conditional|.*lost:)"
                     r"|programming error|soft assertion")

DEFAULTS = {
    "interfaces": '{ "127.0.0.1" }',
    "modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq" }',
    "modules_disabled": '{ "s2s" }',  # nobody is looked for outside
    "authentication": '"internal_hashed"',
    "c2s_require_encryption": "false",
    "allow_unencrypted_plain_auth": "true",
    "default_iteration_count": "4096",
    "c2s_close_timeout": "2",
    "s2s_ports": "{ }",
    "component_ports": "{ }",
    "limits": "{ }",
    "log": '{ { levels = { min = "debug" }, to = "console" } }',
}


class Ports:
    """Ports that nobody else takes between their choice and their use. Each process has a range of its own, by a lock that
    it keeps, and goes through it. All lie below those that the kernel gives to connections."""
    FIRST, RANGES, SIZE = 10000, 20, 1100

    def __init__(self):
        self.pid, self.lock, self.first, self.next = None, None, None, 0

    def claim(self):
        """Also in a process that was forked from one with a range."""
        self.pid, self.next = os.getpid(), random.randrange(self.SIZE)
        for n in random.sample(range(self.RANGES), self.RANGES):
            self.first = self.FIRST + n * self.SIZE
            self.lock = open(pathlib.Path(tempfile.gettempdir()) / f"pc-flow-ports.{n}", "w")
            with contextlib.suppress(OSError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return

    def take(self):
        if self.pid != os.getpid():
            self.claim()
        while True:
            port = self.first + self.next
            self.next = (self.next + 1) % self.SIZE
            with socket.socket() as s, contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


PORTS = Ports()


def free_ports(n):
    return [PORTS.take() for _ in range(n)]


class Server:
    """`config`: option -> Lua text, over DEFAULTS (None leaves one out). `hosts`: host -> the same.
    `accounts`: how many are made before the start; account() hands them out one by one."""

    def __init__(self, config=None, hosts=None, accounts=60, extra=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pc-flow-"))
        # Not atexit: the processes of a pool end without it.
        multiprocessing.util.Finalize(None, shutil.rmtree, (self.dir, True), exitpriority=1)
        self.port, self.tls_port = free_ports(2)
        self.process, self.clients = None, []
        self.environment = {}  # more of it, for the next start
        self.config_file, self.log_file = self.dir / "prosody-c.conf", self.dir / "log"
        self.write_config(config or {}, hosts or {HOST: {}}, extra)
        self.names = [f"user{n}" for n in range(accounts)]
        self.fresh = iter(self.names)
        self.resources = itertools.count(1)
        if accounts:
            self.add_accounts([(name, HOST, PASSWORD) for name in self.names])

    def write_config(self, config, hosts, extra=""):
        options = {**DEFAULTS, "c2s_ports": f"{{ {self.port} }}", "c2s_direct_tls_ports": f"{{ {self.tls_port} }}",
                   "data_path": f'"{self.dir}/data"', "pidfile": f'"{self.dir}/pid"',
                   "certificates": f'"{self.dir}/certs"', **config}
        (self.dir / "data").mkdir(exist_ok=True)
        (self.dir / "certs").mkdir(exist_ok=True)
        lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
        for host, own in hosts.items():
            lines.append(f'VirtualHost "{host}"')
            lines += [f"    {key} = {value}" for key, value in own.items()]
        self.config_file.write_text("\n".join(lines) + "\n" + extra)

    def ctl(self, *args, check=True, input=None):
        """Runs prosody-ctl; its output."""
        done = subprocess.run([BUILD / "prosody-ctl", "-c", self.config_file, *args], input=input, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * SCALE,
                              stdin=None if input else subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"prosody-ctl {args}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def add_accounts(self, rows):
        """Of a server that does not run; rows of user, domain, password."""
        file = self.dir / "accounts.csv"
        with open(file, "w", newline="") as f:
            csv.writer(f).writerows(rows)
        self.ctl("adduser", "--csv", file)

    # ---- the process

    def start(self):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = str(self.dir / "notify")
        pathlib.Path(path).unlink(missing_ok=True)
        notify.bind(path)
        seen = len(self.log())
        options = [word for option in OPTIONS for word in ("-o", option)]
        self.process = subprocess.Popen(
            [*WRAPPER, BUILD / "prosody-c", "-c", self.config_file, *options], stdin=subprocess.DEVNULL,
            stdout=open(self.log_file, "ab"), stderr=subprocess.STDOUT, env={**os.environ, **self.environment, "NOTIFY_SOCKET": path})
        deadline = time.monotonic() + 3 * DEADLINE
        notify.settimeout(0.05)
        while not re.search(r" is ready$", self.log()[seen:], re.M):
            try:
                if b"READY=1" in notify.recv(4096):
                    break
            except TimeoutError:
                pass
            assert self.process.poll() is None, f"the server ended at once\n{self.log_tail()}"
            assert time.monotonic() < deadline, f"the server is not ready\n{self.log_tail()}"
        notify.close()
        return self

    def stop(self, expect_status=0):
        """SIGTERM, and then looks for what must not be in the log."""
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(6 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "none: it did not end"
            self.process.wait()
        self.process = None
        trouble = TROUBLE.search(self.log())
        assert not trouble, f"in the log:\n{self.log()[max(0, trouble.start() - 200):trouble.start() + 6000]}"
        assert status == expect_status, f"exit status {status}\n{self.log_tail()}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def died(self):
        """It has killed itself (PC_KILL_AT), or is about to."""
        status = self.process.wait(6 * DEADLINE)
        assert status == -signal.SIGKILL, f"exit status {status}\n{self.log_tail()}"
        self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_has(self, text, since=0):
        """Waits until the log says so behind that place."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.log()[since:]:
            assert time.monotonic() < deadline, f"the log does not say: {text}\n{self.log_tail()}"
            select.select([], [], [], 0.01)

    def log_tail(self):
        return "\n".join(self.log().splitlines()[-40:])

    # ---- clients. All are closed when the test ends (release).

    def client(self, host=HOST, tls=False, context=None, **args):
        c = Client(self.tls_port if tls else self.port, host, tls, context, **args)
        self.clients.append(c)
        return c

    def account(self):
        """The name of an account that no test has used yet."""
        name = next(self.fresh, None)
        assert name, "no account is left: SERVER = dict(accounts=...) says how many there are"
        return name

    def login(self, user=None, resource=None, **args):
        """A client that has bound a resource; of a fresh account where none is named."""
        resource = resource or f"r{next(self.resources)}"
        return self.client().login(user or self.account(), PASSWORD, resource, **args)

    def online(self, user=None, resource=None, **args):
        """The same with the roster asked for and presence sent."""
        return self.login(user, resource, roster=True, presence=args.pop("presence", True), **args)

    def friends(self):
        """Two clients of fresh accounts, online, subscribed both ways, with nothing on the wire."""
        a, b = self.online(), self.online()
        for one, other in ((a, b), (b, a)):
            one.presence(to=other.bare, type="subscribe")
            other.find("presence", type="subscribe")
            other.presence(to=one.bare, type="subscribed")
            one.find("presence", type="subscribed")
        settle(a, b)
        return a, b

    def release(self):
        for c in self.clients:
            c.abort()
        self.clients = []


def settle(*clients):
    """Everything that follows from what these clients have sent has come; it is thrown away, but
    for roster pushes, which are answered."""
    for _ in range(2):
        for c in clients:
            for element in c.sync():
                if element.matches("iq", type="set", has="query"):
                    c.send(f"<iq type='result' id='{element.get('id')}'/>")
