"""The log as an operator reads it: where lines go, what is in them, and what never is."""
import base64
import json
import os
import pty
import re
import signal

import sasl
from daemon import Daemon
from flow import HOST, equal, rows
from server import PASSWORD, Server

LOG = "log.txt"


def place(log, accounts=0, **more):
    return Server({"log": log, "c2s_require_encryption": "false", "allow_unencrypted_plain_auth": "true", **more},
                  accounts=accounts)


def read(where, name=LOG):
    return (where.dir / name).read_text()


def both(level, text):
    """What the test waits for goes to standard error afterwards."""
    return f'{{ {text}; {{ levels = "{level}"; to = "console" }} }}'


def test_reopened():
    where = place(both("info", f'{{ levels = "info"; to = "file"; filename = "{LOG}" }}'))
    with Daemon(where) as d:
        d.ready()
        (where.dir / LOG).rename(where.dir / "old")
        d.signal(signal.SIGHUP)
        d.expect("the configuration was reloaded")
        assert "reloaded" in read(where) and "reloaded" not in read(where, "old")
        # A broken configuration does not keep the file open.
        (where.dir / LOG).rename(where.dir / "older")
        where.config_file.write_text("broken broken")
        d.signal(signal.SIGHUP)
        d.expect("stays as it was")
        assert "stays as it was" in read(where)


def test_file_that_cannot_be_written():
    where = place('{ info = "/nowhere/x.log"; error = "err.txt" }')
    with Daemon(where) as d:
        d.expect("the log file /nowhere/x.log cannot be opened: No such file or directory")
        d.signal(signal.SIGTERM)
        d.ended()
    where = place('"/nowhere/x.log"')
    with Daemon(where) as d:
        d.expect("lines go to standard error")
        d.ready()
        where.config_file.write_text(where.config_file.read_text().replace("/nowhere/x.log", "/nowhere/else.log"))
        d.signal(signal.SIGHUP)
        d.expect("the log file /nowhere/else.log cannot be opened")
        d.expect("the configuration was reloaded")


def test_json():
    where = place(both("info", f'{{ levels = {{ min = "debug" }}; to = "file"; filename = "{LOG}"; format = "json" }}'), 1)
    with Daemon(where) as d:
        d.ready()
        where.client().login(where.account(), PASSWORD, "r").close()
        d.expect("is connected")
    lines = [json.loads(line) for line in read(where).splitlines()]
    about = [o for o in lines if "session" in o]
    assert {"debug", "info"} <= {o["level"] for o in lines} and about
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", o["time"]) for o in lines)
    equal({o["ip"] for o in about if "ip" in o}, {"127.0.0.1"})
    assert any(o["text"] == "logged in as user0 by SCRAM-SHA-256" or "logged in" in o["text"] for o in about), about


def on_terminal(env):
    where = place('{ { levels = "warn"; to = "console" }; { levels = "info"; to = "stdout" } }')
    master, slave = pty.openpty()
    with Daemon(where, env={"TERM": "xterm", **env}, before=lambda: os.dup2(slave, 2)) as d:
        d.ready()
        d.stop()
    os.close(slave)
    seen = os.read(master, 65536).decode()
    os.close(master)
    assert "\x1b" not in d.seen
    return seen


@rows(("colour", {}, True), ("NO_COLOR", {"NO_COLOR": "1"}, False), ("a dumb terminal", {"TERM": "dumb"}, False))
def test_colour_on_a_terminal_only(env, colour):
    seen = on_terminal(env)
    assert "warn" in seen and ("\x1b[33mwarn" in seen) == colour, seen


def test_each_line_names_its_session():
    where = place('{ debug = "*console" }', 2)
    with Daemon(where) as d:
        d.ready()
        client = where.client()
        client.login(where.account(), PASSWORD, "r")
        line = d.expect("is connected")
        number = re.search(r"\[(\d+) 127\.0\.0\.1\] ", line).group(1)
        client.send("<iq type='get' id='x' to='nowhere.example'><query xmlns='jabber:iq:version'/></iq></stream:stream>")
        assert f"[{number} 127.0.0.1] " in d.expect("c2s ended")


def test_bytes_of_others_are_escaped():
    where = place('{ debug = "*console" }', 1)
    with Daemon(where) as d:
        d.ready()
        client = where.client()
        client.open()
        name = "eve\x1b[2J\u202e\n2026-01-01 forged error line"
        client.auth("PLAIN", b"\0" + name.encode() + b"\0x")
        client.expect("failure", "sasl")
        d.expect("log-in")
        d.stop()
    assert "\x1b" not in d.seen and "\u202e" not in d.seen
    assert not re.search("^2026-01-01 forged", d.seen, re.M)


def secrets_of(password, *more):
    text = [password, *more]
    return text + [base64.b64encode(t.encode()).decode().rstrip("=") for t in text]


def test_no_secret_at_any_level():
    """Log-ins that succeed and fail, and commands that set passwords."""
    where = place('{ debug = "*console" }', 1)
    first, second = "Zebra-crossing-17", "Quagga-stripes-23"
    with Daemon(where) as d:
        d.ready()
        where.ctl("adduser", f"kim@{HOST}", input=first + "\n")
        where.ctl("register", "lee", HOST, first)
        where.client().login("kim", first, "r", mechanism="PLAIN").close()
        where.ctl("passwd", f"kim@{HOST}", input=second + "\n")
        exchange = sasl.Scram("SCRAM-SHA-256", "kim", second)
        client = where.client()
        client.open()
        client.auth("SCRAM-SHA-256", exchange.first())
        final = exchange.final(client.expect("challenge", "sasl").text)
        client.respond(final)
        client.expect("success", "sasl")
        other = where.client()
        other.open()
        plain = b"\0lee\0" + second.encode()
        other.auth("PLAIN", plain)
        other.expect("failure", "sasl")
        where.ctl("user", "nonsense", first, check=False)
        where.ctl("passwd", f"nobody@{HOST}", input=second + "\n", check=False)
        _, said = d.stop()
    proof = (final if isinstance(final, str) else final.decode()).rpartition("p=")[2]
    for secret in [*secrets_of(first), *secrets_of(second), base64.b64encode(plain).decode(), proof]:
        assert secret not in said, f"{secret!r} is in the log"
    assert "kim" in said


def test_a_pipe_that_nobody_reads():
    """The server goes on, and says what was lost when somebody reads."""
    where = place('{ debug = "*stdout"; { levels = "info"; to = "console" } }', 1)
    pipe = os.pipe()
    with Daemon(where, before=lambda: os.dup2(pipe[1], 1)) as d:
        d.ready()
        lost = 0
        for _ in range(600):
            where.client().login("user0", PASSWORD, "r").abort()
            lost = int(re.search(r"^log: +(\d+) lines", where.ctl("stats"), re.M).group(1)) if _ % 20 == 0 else lost
            if lost:
                break
        assert lost, "nothing was dropped"
        os.set_blocking(pipe[0], False)
        try:
            while os.read(pipe[0], 65536):
                pass
        except BlockingIOError:
            pass
        where.client().login("user0", PASSWORD, "r2").close()
        d.stop()
    os.set_blocking(pipe[0], False)
    text = os.read(pipe[0], 1 << 20).decode(errors="replace")
    os.close(pipe[0])
    os.close(pipe[1])
    assert re.search(r"log +warn +\d+ lines could not be written here", text), text[:500]


