"""Profanity in a terminal."""
import pathlib

from flow import HOST, PASSWORD
from peer import SERVER as _SERVER
from peer import program, scripted
from terminal import Screen

SERVER = _SERVER


def test_chat(server):
    command = program("profanity")
    home = pathlib.Path(server.dir) / "home"
    home.mkdir()
    other, user = scripted(server), server.account()
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
