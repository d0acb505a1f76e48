"""prosody-ctl's shell in a terminal, as an operator uses it: its screen is read as a person would."""
import pathlib
import shlex

from flow import HOST
from peer import SERVER as _SERVER
from server import BUILD
from test_profanity import Screen

SERVER = _SERVER
PROMPT = "prosody-ctl>"


def test_shell(server):
    home = pathlib.Path(server.dir) / "operator"
    home.mkdir()
    friend = server.online(tls=True)
    screen = Screen(home, f"{shlex.quote(str(BUILD / 'prosody-ctl'))} -c {shlex.quote(str(server.config_file))}", home)
    try:
        screen.wait(PROMPT)
        screen.type(f"adduser kim@{HOST}")
        for prompt in ("Password:", "And again:"):
            screen.wait(prompt)
            screen.type("Zebra-17")
        shown = screen.wait(f"kim@{HOST}: account created")
        assert "Zebra" not in shown, shown
        screen.call("send-keys", "-l", "module re")
        screen.call("send-keys", "Tab")
        screen.wait("module reload")
        screen.call("send-keys", "-l", "pin")
        screen.call("send-keys", "Tab", "Enter")
        screen.wait(f"{HOST}: done")
        screen.type(f"watch {friend.bare}")
        screen.wait("Ctrl-C ends it")
        friend.message(friend.jid, "seen on the screen")
        screen.wait("<body>seen on the screen</body>")
        screen.call("send-keys", "C-c")
        screen.type("host list")
        screen.wait("virtual host")
        screen.call("send-keys", "Up", "Enter")
        screen.type("exit")
    finally:
        screen.close()
    history = (home / ".local" / "state" / "prosody-c" / "history").read_text()
    assert "Zebra" not in history and "host" in history, history
    server.client(tls=True).login("kim", "Zebra-17", "r").close()
