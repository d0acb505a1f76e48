"""prosody-ctl: over the socket, and on the store where no server runs."""
import os
import socket
import stat
import subprocess

from flow import HOST, alone, equal
from server import BUILD, PASSWORD, SCALE

SERVER = dict(accounts=3)


def ctl(server, *args, status=0, input=None):
    """Standard output and error; the exit status is checked."""
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], input=input or "", text=True,
                          capture_output=True, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def accounts(server):
    return sorted(ctl(server, "-q", "user", "list", HOST)[0].split())


def life_of_an_account(server):
    ctl(server, "adduser", f"Kim@{HOST}", input="one\n")
    assert f"kim@{HOST}" in accounts(server)
    assert "already" in ctl(server, "adduser", f"kim@{HOST}", "two", status=4)[1]
    ctl(server, "passwd", f"kim@{HOST}", input="two\n")
    ctl(server, "register", "lee", HOST, "three")
    equal(ctl(server, "user", "list", HOST, "l*")[0].split()[0], f"lee@{HOST}")
    ctl(server, "unregister", "lee", HOST)
    ctl(server, "deluser", f"lee@{HOST}", status=4)
    ctl(server, "passwd", f"lee@{HOST}", "x", status=4)
    assert f"lee@{HOST}" not in accounts(server)


def refusals(server):
    assert "usage: user list HOST" in ctl(server, "user", "list", status=2)[1]
    ctl(server, "adduser", "nobody", "x", status=2)
    ctl(server, "adduser", "a@elsewhere.example", "x", status=4)
    ctl(server, "adduser", f"b@{HOST}", status=2, input="\n")
    ctl(server, "user", "list", "two\nlines", status=2)
    ctl(server, "user", "nonsense", status=4)
    ctl(server, "--nonsense", status=2)
    ctl(server, status=2)


def test_accounts(server):
    life_of_an_account(server)
    server.client().login("kim", "two", "r").close()


def test_refused(server):
    refusals(server)


def test_from_a_file(server):
    rows = ['mo,localhost,"p,""1"', "bad", "mo,elsewhere.example,x", "", '"nu","localhost",p,2', "ov,elsewhere.example,x"]
    out, err = ctl(server, "adduser", "--csv", "-", input="\r\n".join(rows) + "\r\n", status=5)
    assert out.startswith("2 accounts"), out
    for number in (2, 3, 6):
        assert f"line {number}:" in err, err
    _, err = ctl(server, "adduser", "--csv", "-", input="mo,localhost,again\n", status=1)
    assert "line 1:" in err, err
    server.client().login("mo", 'p,"1', "r").close()
    server.client().login("nu", "p,2", "r").close()


def test_deleting_ends_sessions(server):
    c = server.online()
    ctl(server, "deluser", c.bare)
    c.expect_stream_error("not-authorized")


def test_looks(server):
    c = server.online()
    assert "is running" in ctl(server, "status")[0]
    assert c.jid in ctl(server, "c2s", "list")[0]
    equal(ctl(server, "c2s", "count", HOST)[0].strip(), "1")
    assert HOST in ctl(server, "host", "list")[0]
    assert f"{HOST}  ping" in ctl(server, "module", "list", HOST)[0]
    assert "0199" in ctl(server, "module", "info", "ping")[0]
    assert "adduser JID" in ctl(server, "help")[0]
    assert "connections:" in ctl(server, "stats")[0]
    ctl(server, "reload")


def test_modules(server):
    for words in (["reload", "ping"], ["unload", HOST, "ping"], ["load", "ping", HOST], ["reload", "*", "admin_socket"]):
        ctl(server, "module", *words)
    ctl(server, "module", "unload", HOST, "nonsense", status=4)
    ctl(server, "module", "load", HOST, "nonsense", status=4)
    ctl(server, "module", "load", "elsewhere.example", "ping", status=4)
    ctl(server, "module", "unload", "admin_shell", status=4)
    equal(ctl(server, "c2s", "count", HOST, "x", status=2)[0], "")


def test_socket_is_private(server):
    mode = os.stat(server.dir / "data" / "prosody.sock").st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, oct(mode)


def test_other_protocols_are_cut_off(server):
    for hello in (b"GET / HTTP/1.1\r\n\r\n", b"x" * 300000):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10 * SCALE)
            s.connect(str(server.dir / "data" / "prosody.sock"))
            try:
                s.sendall(hello)
                equal(s.recv(100), b"")
            except (BrokenPipeError, ConnectionResetError):
                pass
    ctl(server, "status")


@alone(accounts=1)
def test_stop_waits_for_the_end(server):
    ctl(server, "stop")
    ctl(server, "status", status=3)
    equal(server.process.wait(10 * SCALE), 0)
    server.process = None
    assert PASSWORD not in server.log().split()


@alone(accounts=1)
def test_without_a_server(server):
    ctl(server, "stop")
    server.process.wait(10 * SCALE)
    life_of_an_account(server)
    refusals(server)
    for command in ("status", "stop", "reload", "stats"):
        assert "not running" in ctl(server, command, status=3)[1]
    server.process = None
    server.start()
    server.client().login("kim", "two", "r").close()
