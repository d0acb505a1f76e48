"""mcabber in a terminal: a client of loudmouth, which knows PLAIN inside TLS and no SCRAM."""
import pathlib

from flow import HOST, PASSWORD, settle
from peer import program, scripted, shipped
from terminal import Screen

SERVER = shipped()


def start(server, user, password=PASSWORD):
    command = program("mcabber")
    home = pathlib.Path(server.dir) / user
    home.mkdir()
    rc = home / "mcabberrc"
    rc.write_text(f"""set jid = {user}@{HOST}
set password = {password}
set server = 127.0.0.1
set port = {server.port}
set tls = 1
set ssl_ignore_checks = 1
set log_win_height = 10
set carbons = 1
set beep_on_message = 0
""")
    rc.chmod(0o600)
    return Screen(home, f"{command} -f {rc}", home)


def test_chat(server):
    other, user = scripted(server), server.account()
    bare = f"{user}@{HOST}"
    screen = start(server, user)
    try:
        screen.wait("Carbons enabled")
        screen.type(f"/add {other.bare} Friend")
        assert other.find("presence", type="subscribe").get("from") == bare
        other.presence(to=bare, type="subscribed")
        screen.wait("has allowed you to receive")
        other.presence(to=bare, type="subscribe")
        screen.wait("wants to subscribe")
        screen.type(f"/authorization allow {other.bare}")
        other.find("presence", type="subscribed")
        full = other.find("presence", type=None).get("from")

        other.presence("<show>dnd</show><status>at the opera</status>", reflected=False)
        screen.wait("[d] Friend")
        screen.type(f"/say_to {other.bare} good evening")
        message = other.find("message", has="body")
        assert (message.child_text("body"), message.get("from")) == ("good evening", full)
        other.message(message.get("from"), "and to you")
        screen.type("/roster search Friend")
        screen.type("")  # opens the buffer
        screen.wait("and to you")
        phone = scripted(server, user, "phone")
        phone.message(other.bare, "said on the phone")
        screen.wait("said on the phone")

        screen.type("/status away out for a walk")
        assert other.find("presence", from_=full, has="show").child_text("status") == "out for a walk"
        screen.type("/quit")
        other.find("presence", from_=full, type="unavailable")
        settle(other)
    finally:
        screen.close()


def test_wrong_password(server):
    screen = start(server, server.account(), "wrong")
    try:
        screen.wait("Authentication failed")
    finally:
        screen.close()
