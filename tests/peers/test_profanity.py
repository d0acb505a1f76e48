"""Profanity in a terminal: its screen is read as a person would read it."""
import os
import pathlib
import select
import subprocess
import time

from client import DEADLINE
from flow import HOST, PASSWORD
from peer import SERVER as _SERVER
from peer import program

SERVER = _SERVER


class Screen:
    """A program in a tmux of its own. What it writes also goes through a pipe, so that waiting for a
    text is waiting for output."""

    def __init__(self, folder, command, home):
        self.tmux = [program("tmux"), "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self.pipe = folder / "screen"
        os.mkfifo(self.pipe)
        env = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
               "XDG_DATA_HOME": str(home / "data"), "LC_ALL": "C.UTF-8", "TERM": "screen"}
        self.reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.keep = os.open(self.pipe, os.O_WRONLY)
        self.call("new-session", "-d", "-x", "120", "-y", "40", command, env=env)
        self.call("pipe-pane", f"cat >'{self.pipe}'")

    def call(self, *args, env=None):
        return subprocess.run([*self.tmux, *args], check=True, text=True, env=env, stdout=subprocess.PIPE,
                              timeout=DEADLINE).stdout

    def type(self, text):
        self.call("send-keys", "-l", text)
        self.call("send-keys", "Enter")

    def wait(self, text):
        deadline = time.monotonic() + 2 * DEADLINE
        while True:
            shown = self.call("capture-pane", "-p")
            if text in shown:
                return shown
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.reader], [], [], left)[0], f"no {text!r} on the screen:\n{shown}"
            os.read(self.reader, 65536)

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], timeout=DEADLINE)
        os.close(self.reader)
        os.close(self.keep)


def test_chat(server):
    command = program("profanity")
    home = pathlib.Path(server.dir) / "home"
    home.mkdir()
    other, user = server.client(tls=True), server.account()
    other.open()
    other.authenticate(server.account(), PASSWORD)
    other.open()
    other.bind("here")
    other.presence()
    screen = Screen(home, command, home)
    try:
        screen.wait("Profanity")
        screen.type(f"/connect {user}@{HOST} server 127.0.0.1 port {server.port} tls trust")
        screen.wait("assword")
        screen.type(PASSWORD)
        screen.wait("logged in successfully")
        screen.type(f"/msg {other.bare} good evening")
        message = other.find("message", has="body")
        assert message.child_text("body") == "good evening"
        other.message(message.get("from"), "and to you")
        screen.wait("and to you")
        screen.type("/quit")
    finally:
        screen.close()
