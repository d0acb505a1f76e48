"""prosody-ctl shell: over a pipe, and on a terminal with editing, completion and history."""
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import time

from client import DEADLINE
from flow import HOST, alone, equal, rows
from server import BUILD, PASSWORD, SCALE

SERVER = dict(accounts=6)
PROMPT = "prosody-ctl> "


def shell(server, text, status=0, args=()):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args, "shell"], input=text, text=True,
                          capture_output=True, timeout=60 * SCALE)
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def test_pipe(server):
    out, err = shell(server, f"# a comment\n\n  user list '{HOST}' \"user0\"\nadduser kim@{HOST}\none two\nhost list\n")
    assert f"user0@{HOST}" in out and "1 account" in out and f"kim@{HOST}: account created" in out, out
    assert HOST + "  virtual host" in out and err == "" and PROMPT not in out
    server.client().login("kim", "one two", "r").close()
    out, _ = shell(server, "host list\nexit\nhost list\n")
    equal(out.count(HOST), 1)


def test_json(server):
    out, err = shell(server, "host list\nnonsense\n--nonsense\n", 5, args=["--json"])
    equal([json.loads(line)["status"] for line in out.splitlines()], [0, 4, 2])
    out, _ = shell(server, "host list --json\nversion\n")
    equal((json.loads(out.splitlines()[0])["rows"][0]["host"], out.splitlines()[1][:9]), (HOST, "prosody-c"))


@rows(("all fail alike", "nonsense\n", 4), ("some fail", "version\nnonsense\n", 5), ("a quotation mark", "version '\n", 2),
      ("within itself", "shell\n", 2), ("start", "start\n", 2), ("another server", "-c /nowhere status\n", 2),
      ("too many words", "help " + "x " * 100 + "\n", 2), ("control characters", "help a\x01b\n", 2), ("nothing", "\n", 0),
      ("version of everything", "about --reference json\n", 0))
def test_status(server, text, status):
    shell(server, text, status)


@alone(accounts=1)
def test_outlives_the_server(server):
    out, err = shell(server, f"stop\nstatus\nuser list {HOST}\ncheck nonsense\n", 5)
    assert "not running" in err and "1 account" in out, (out, err)
    equal(server.process.wait(DEADLINE), 0)
    server.process = None


class Terminal:
    """prosody-ctl on a pseudo-terminal."""

    def __init__(self, server, *args, state=None):
        self.state = state or server.dir / "state"
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(XDG_STATE_HOME=str(self.state), TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(BUILD / "prosody-ctl", ["prosody-ctl", "-c", str(server.config_file), *args])
        self.pid = pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)

    def wait(self, text):
        """Waits until that has been written behind what was waited for before; all up to it."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.seen:
            left = deadline - time.monotonic()
            try:
                more = left > 0 and select.select([self.fd], [], [], left)[0] and os.read(self.fd, 65536)
            except OSError:
                more = b""
            assert more, f"no {text!r}: {self.seen!r}"
            # without the sequences that move the cursor
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", more.decode(errors="replace")).replace("\r", "")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, line):
        self.type(line + "\n")
        return self.wait(PROMPT)

    def ended(self):
        """Its exit status."""
        deadline = time.monotonic() + DEADLINE
        while True:  # what it writes must be read for it to end
            try:
                ready = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]
                if not (ready and os.read(self.fd, 65536)):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal(server):
    with Terminal(server) as t:  # without a command, as there is a terminal
        t.wait(PROMPT)
        assert f"{HOST}  virtual host" in t.run("host list")
        assert "no such command" in t.run("nonsense")
        t.type("user lis\x03")  # Ctrl-C forgets the line
        t.wait("^C")
        t.wait(PROMPT)
        assert f"user0@{HOST}" in t.run(f"user list {HOST} user0")
        t.type("exit\n")
        equal(t.ended(), 0)
    with Terminal(server, "shell") as t:
        t.wait(PROMPT)
        t.type("\x04")
        equal(t.ended(), 0)


def test_completion(server):
    client = server.online()
    with Terminal(server, "shell") as t:
        t.wait(PROMPT)
        t.type("user li\t")
        t.wait("user list ")
        t.type(f"{HOST[:4]}\t\n")
        assert "accounts" in t.wait(PROMPT)
        t.type("module re\tpin\t\n")  # [HOST] may be left out
        assert f"{HOST}: done" in t.wait(PROMPT)
        t.type("module \t")
        offered = t.wait(PROMPT)
        for name in ("info", "list", "load", "reload", "unload"):
            assert name in offered.split(), offered
        t.type("\x03")
        t.wait(PROMPT)
        t.type("che\tconf\t\n")  # what prosody-ctl does by itself
        assert "errors" in t.wait(PROMPT) or "warning" in t.seen
        t.type(f"c2s close {client.bare[:-3]}\t bye\n")
        assert "1 closed" in t.wait(PROMPT)
        t.type("log level all de\t\n")
        assert "debug and above" in t.wait(PROMPT)
        t.type("nothing-like-this\t\x03")
        t.wait("^C")


def test_password_prompt(server):
    with Terminal(server, "shell") as t:
        t.wait(PROMPT)
        for first, second, says in (("Zebra-17", "Zebra-18", "differ"), ("Zebra-17", "Zebra-17", "account created")):
            t.type(f"adduser lee@{HOST}\n")
            t.wait("Password: ")
            t.type(first + "\n")
            t.wait("And again: ")
            t.type(second + "\n")
            answer = t.wait(PROMPT)
            assert says in answer and "Zebra" not in answer, answer
        for _ in range(20):  # as soon as there is a prompt, it may be interrupted
            t.type(f"passwd lee@{HOST}\n")
            t.wait("Password: ")
            t.type("\x03")
            assert "there is no password" in t.wait(PROMPT)
        t.run("version")
    server.client().login("lee", "Zebra-17", "r").close()


def test_history(server):
    state = server.dir / "more" / "state"
    (server.dir / "more").mkdir()
    with Terminal(server, "shell", state=state) as t:
        t.wait(PROMPT)
        for line in (f"adduser mo@{HOST} Quagga-1", f"passwd mo@{HOST} Quagga-2", f"register nu {HOST} Quagga-3",
                     f"user create ov@{HOST} Quagga-4", f"user password ov@{HOST} Quagga-5", f"aduser pi@{HOST} Quagga-6",
                     f"adduser --quiet qi@{HOST} Quagga-8", f"adduser 'ro@{HOST} Quagga-7", "host list", f"user list {HOST}"):
            t.run(line)
    file = state / "prosody-c" / "history"
    text = file.read_text()
    assert "Quagga" not in text and "host" in text, text
    equal((stat.S_IMODE(os.stat(file).st_mode), stat.S_IMODE(os.stat(file.parent).st_mode)), (0o600, 0o700))
    with Terminal(server, "shell", state=state) as t:
        t.wait(PROMPT)
        t.type("\x1b[A\x1b[A\n")  # two lines up
        assert f"{HOST}  virtual host" in t.wait(PROMPT)


def test_watch_ends_by_interrupt(server):
    client = server.online()
    with Terminal(server, "shell") as t:
        t.wait(PROMPT)
        t.type(f"watch {client.bare}\n")
        t.wait("Ctrl-C ends it")
        client.message(client.jid, "seen by the watch")
        t.wait("seen by the watch")
        t.type("\x03")
        t.wait(PROMPT)
        assert f"{HOST}  virtual host" in t.run("host list")


def test_no_home(server):
    """Without a place for it there is no history, and nothing else is amiss."""
    with Terminal(server, "shell", state="/nowhere/at/all") as t:
        t.wait(PROMPT)
        assert HOST in t.run("host list")
    assert PASSWORD not in server.log().split()
