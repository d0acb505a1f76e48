"""A server started by hand, for tests of what an operator sees of it: its standard error line by line, its exit status."""
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

from client import DEADLINE
from server import BUILD, OPTIONS, WRAPPER, Server

ROOT = os.geteuid() == 0


class Daemon:
    """`place`: a Server that is not started: its folder, ports and configuration. Use it in a `with`: the process is
    ended, and whether it has ended by itself is a matter of the test."""

    def __init__(self, place=None, *words, env=None, command=None, before=None, **config):
        self.place = place or Server(config, accounts=0)
        words = [*words, *(word for option in OPTIONS for word in ("-o", option))]
        command = command or [*WRAPPER, BUILD / "prosody-c", "-c", self.place.config_file, *words]
        self.seen, self.rest = "", b""
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**{k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}, **(env or {})}, preexec_fn=before,
            close_fds=before is None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.communicate(timeout=6 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        self.place.release()

    def expect(self, pattern):
        """The first line, from here on, that the pattern is found in."""
        deadline = time.monotonic() + 3 * DEADLINE
        while True:
            while b"\n" in self.rest:
                line, _, self.rest = self.rest.partition(b"\n")
                line = line.decode(errors="replace")
                self.seen += line + "\n"
                if re.search(pattern, line):
                    return line
            left = deadline - time.monotonic()
            more = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            more = more and os.read(self.process.stdout.fileno(), 65536)
            assert more, f"no line with {pattern!r}:\n{self.seen}{self.rest.decode(errors='replace')}"
            self.rest += more

    def ready(self):
        self.expect(r" is ready$")
        return self

    def ended(self):
        """(exit status, what it said)."""
        out = self.process.communicate(timeout=6 * DEADLINE)[0]
        return self.process.returncode, self.seen + (self.rest + out).decode(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.ended()


class Manager:
    """The side of systemd in sd_notify's protocol."""

    def __init__(self, folder, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = f"@pc-flow-{os.getpid()}-{id(self)}" if abstract else str(pathlib.Path(folder) / "manager")
        self.socket.bind(self.name.replace("@", "\0"))
        self.env = {"NOTIFY_SOCKET": self.name}

    def expect(self, pattern):
        """The next message that the pattern is found in, as a dictionary."""
        deadline = time.monotonic() + 3 * DEADLINE
        while True:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            text = self.socket.recv(4096).decode()
            if re.search(pattern, text, re.M):
                return dict(line.split("=", 1) for line in text.splitlines())


def await_end(pid):
    """Of a process that is no child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], 6 * DEADLINE)[0], f"process {pid} does not end"
    finally:
        os.close(fd)


def exits(*words, place=None, env=None, **config):
    """Of a server that ends by itself: (exit status, output)."""
    with Daemon(place, *words, env=env, **config) as d:
        return d.ended()
