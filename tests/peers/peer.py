"""What the tests with real clients share: programs that may be missing, and waiting for them."""
import pathlib
import re
import shutil
import subprocess
import time

from client import DEADLINE
from flow import PASSWORD, Skip

SERVER = dict(config={"c2s_require_encryption": "true", "allow_unencrypted_plain_auth": "false"}, accounts=20)
SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "prosody-c.conf"


def shipped(*more, **options):
    """A server with the modules of the configuration that is shipped, and these."""
    modules = re.findall(r'^\t"(\w+)";', SHIPPED.read_text(), re.M)
    text = ", ".join(f'"{m}"' for m in [*modules, *more])
    return {**SERVER, "config": {**SERVER["config"], "modules_enabled": f"{{ {text} }}", **options}}


def scripted(server, user=None, resource="here", presence=""):
    """A client of ours over TLS, online: whom a real one talks to."""
    c = server.client(tls=True)
    c.open()
    c.authenticate(user or server.account(), PASSWORD)
    c.open()
    c.bind(resource)
    c.roster()
    c.presence(presence)
    return c


def program(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def run(*args, input=None, timeout=2 * DEADLINE, env=None):
    """Output and errors of a program that must end by itself: (status, text)."""
    done = subprocess.run([str(a) for a in args], input=input, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, env=env)
    return done.returncode, done.stdout


def until(probe, what, timeout=2 * DEADLINE, wait=None):
    """Asks `probe` until it gives something true. `wait` (a function of seconds) is what stands
    between two tries; without one the probe itself must take its time."""
    deadline = time.monotonic() + timeout
    while True:
        got = probe()
        if got:
            return got
        assert time.monotonic() < deadline, f"did not happen: {what}\n{got}"
        if wait:
            wait(0.05)
