"""Clients for a terminal: their screen is read as a person would read it."""
import os
import select
import subprocess
import time

from client import DEADLINE
from peer import program


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
        if text:
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
