"""go-sendxmpp: a client of the mellium kind, over STARTTLS and direct TLS."""
from flow import HOST, PASSWORD, rows
from peer import SERVER as _SERVER
from peer import program, run

SERVER = _SERVER


@rows(("starttls", False), ("direct tls", True))
def test_send(server, direct):
    sender, receiver = server.account(), server.client(tls=True)
    user = server.account()
    receiver.open()
    receiver.authenticate(user, PASSWORD)
    receiver.open()
    receiver.bind("here")
    receiver.presence()
    port = server.tls_port if direct else server.port
    status, text = run(program("go-sendxmpp"), "-n", *(["-t"] if direct else []), "-u", f"{sender}@{HOST}", "-p",
                       PASSWORD, "-j", f"127.0.0.1:{port}", receiver.bare, input="over to you\n")
    assert status == 0, text
    assert receiver.find("message").child_text("body").strip() == "over to you"


def test_wrong_password(server):
    status, text = run(program("go-sendxmpp"), "-n", "-u", f"{server.account()}@{HOST}", "-p", "wrong", "-j",
                       f"127.0.0.1:{server.port}", f"nobody@{HOST}", input="x\n")
    assert status != 0 and "not-authorized" in text, text
