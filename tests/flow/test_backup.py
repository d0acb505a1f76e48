"""Backups: made while messages flow, restored elsewhere and compared; what is no backup is refused."""
import os
import shutil
import sqlite3
import stat
import subprocess

from flow import HOST, PASSWORD, Server, alone, equal
from server import BUILD, SCALE

MESSAGES = 1000


def ctl(server, *args, status=0, cwd=None):
    """What it says of its success or failure; the exit status is checked."""
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120 * SCALE, cwd=cwd)
    equal((args, done.returncode, done.stderr if done.returncode != status else ""), (args, status, ""))
    return done.stderr if status else done.stdout


def stop(server):
    ctl(server, "stop")
    equal(server.process.wait(20 * SCALE), 0)
    server.process = None


def bodies(client, n):
    got = [client.find("message").child_text("body") for _ in range(n)]
    assert not [e for e in client.sync() if e.name == "message"]
    return got


def kept(file):
    """How many offline messages a backup holds."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as copy:
        return copy.execute("SELECT count(*) FROM archive").fetchone()[0]


@alone(accounts=3)
def test_under_load(server):
    """What was acknowledged before the backup began is in it, and nothing out of order."""
    file = server.dir / "copy"
    sender = server.login("user0")
    for n in range(MESSAGES // 4):
        sender.message(f"user1@{HOST}", f"m{n}")
    assert not sender.sync()
    backup = subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, "backup", file], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    for n in range(MESSAGES // 4, MESSAGES):
        sender.message(f"user1@{HOST}", f"m{n}")
    assert not sender.sync()
    assert "acknowledged before" in backup.communicate(timeout=120 * SCALE)[0]
    equal(backup.returncode, 0)
    equal(stat.S_IMODE(file.stat().st_mode), 0o600)
    assert not os.path.exists(f"{file}.part")

    other = Server(accounts=0)
    try:
        ctl(other, "restore", file)
        other.start()
        n = kept(file)
        assert MESSAGES // 4 <= n <= MESSAGES, n
        equal(bodies(other.online("user1"), n), [f"m{i}" for i in range(n)])
        other.login("user2", PASSWORD).close()
    finally:
        other.stop()
    equal(bodies(server.online("user1"), MESSAGES), [f"m{n}" for n in range(MESSAGES)])


@alone(accounts=2)
def test_back_to_what_was(server):
    ctl(server, "backup", "here", cwd=server.dir)
    file = server.dir / "here"
    equal(file.exists(), True)
    ctl(server, "deluser", f"user0@{HOST}")
    assert "already" in ctl(server, "backup", file, status=4)
    assert "stop it first" in ctl(server, "restore", file, status=4)
    stop(server)
    before = ctl(server, "user", "list", HOST)
    assert "--force" in ctl(server, "restore", file, status=4)
    equal(ctl(server, "user", "list", HOST), before)
    ctl(server, "restore", file, "--force")
    assert f"user0@{HOST}" in ctl(server, "user", "list", HOST)
    ctl(server, "backup", server.dir / "stopped")
    server.start()
    server.client().login("user0", PASSWORD, "r").close()


def damaged(folder, good):
    """Files that are no backup, with what is said of them."""
    whole = good.read_bytes()
    (folder / "short").write_bytes(whole[:len(whole) // 2])
    (folder / "text").write_text("no database at all")
    (folder / "empty").write_bytes(b"")
    (folder / "page").write_bytes(whole[:4096] + b"\xa5" * 4096 + whole[8192:])
    with sqlite3.connect(folder / "foreign") as other:
        other.execute("CREATE TABLE prosody (host TEXT, user TEXT, store TEXT, key TEXT, type TEXT, value TEXT)")
    shutil.copy(good, folder / "newer")
    with sqlite3.connect(folder / "newer") as newer:
        newer.execute("PRAGMA user_version = 99")
    return ["short", "text", "empty", "page", "foreign", "newer"]


@alone(accounts=2)
def test_refused(server):
    stop(server)
    good = server.dir / "good"
    ctl(server, "backup", good)
    before = ctl(server, "user", "list", HOST)
    for name in damaged(server.dir, good):
        was = (server.dir / name).read_bytes()
        assert "no backup of this server, or damaged" in ctl(server, "restore", server.dir / name, "--force", status=1), name
        equal((server.dir / name).read_bytes(), was)
        equal(ctl(server, "user", "list", HOST), before)
    assert "cannot be read" in ctl(server, "restore", server.dir / "nowhere", "--force", status=4)
    ctl(server, "backup", server.dir / "no" / "folder", status=1)
    ctl(server, "backup", status=2)
    ctl(server, "restore", good, "--force", "--force", "more", status=2)


def test_what_is_left_out():
    """Hosts share the database, so that one copy has them all; what another driver keeps is said to be missing."""
    hosts = {HOST: {}, "other.example": {}, "third.example": {"storage": '"memory"'}}
    server = Server(hosts=hosts, accounts=0)
    server.add_accounts([("ann", HOST, PASSWORD), ("bob", "other.example", PASSWORD)])
    server.start()
    try:
        out = ctl(server, "backup", server.dir / "copy")
        assert "not in it: what the storage driver memory keeps" in out and "acknowledged before" in out, out
        stop(server)
        other = Server(hosts=hosts, accounts=0)
        ctl(other, "restore", server.dir / "copy")
        for user, host in (("ann", HOST), ("bob", "other.example")):
            assert f"{user}@{host}" in ctl(other, "user", "list", host)
        equal(ctl(other, "user", "list", "third.example").count("@"), 0)
    finally:
        server.stop()
