"""Databases that are damaged, full, locked, of others, not writable: it is said, nothing is acknowledged that was not
written, nothing is lost that was acknowledged, and it goes on when it can."""
import contextlib
import fcntl
import os
import pathlib
import sqlite3
import subprocess
import tempfile

from client import DEADLINE
from flow import HOST, PASSWORD, Server, Skip, alone, equal, rows
from server import BUILD
from test_durability import collect

SERVER = dict(accounts=0)
IOERR, TEMPFAIL, CANTCREAT = 74, 75, 73


def database(server):
    return server.dir / "data" / "prosody.sqlite"


def start(server, leaks=True):
    """The exit status of a server that does not start, and what it says. One that has changed its user cannot look for
    leaks: the sanitizer's status would come in the place of its own."""
    options = [*filter(None, [os.environ.get("ASAN_OPTIONS")]), *([] if leaks else ["detect_leaks=0"])]
    done = subprocess.run([BUILD / "prosody-c", "-c", server.config_file], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3 * DEADLINE,
                          env={**os.environ, "ASAN_OPTIONS": ":".join(options)})
    return done.returncode, done.stdout


def refused(iq):
    """A write that was not carried out: its error."""
    equal(iq.get("type"), "error")
    error = iq.child("error", "jabber:client")
    return [c.name for c in error.children if c.name != "text"][0]


def write_sqlite(file, text):
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute(text)
        db.commit()


# ---- at the start

def truncated(file):
    os.truncate(file, 5000)


def header_alone(file):
    os.truncate(file, 50)


def no_database(file):
    file.write_text("no database at all\n" * 500)


def foreign(file):
    file.unlink()
    write_sqlite(file, "CREATE TABLE prosody (host TEXT, user TEXT, store TEXT, key TEXT, type TEXT, value TEXT)")


def other_mark(file):
    write_sqlite(file, "PRAGMA application_id = 77")


def newer(file):
    write_sqlite(file, "PRAGMA user_version = 99")


def folder(file):
    file.unlink()
    file.mkdir()


@rows(("truncated", truncated, "malformed"), ("a header alone", header_alone, "malformed|not a database"),
      ("no database", no_database, "not a database"), ("of Prosody", foreign, "a database of another program"),
      ("of another mark", other_mark, "a database of another program"), ("newer", newer, "written by a newer version"),
      ("a folder", folder, "Is a directory"))
@alone(accounts=2)
def test_not_started(server, damage, said):
    """It ends with a status of its own, once for all stores, and leaves the file as it is."""
    server.stop()
    damage(database(server))
    before = None if database(server).is_dir() else database(server).read_bytes()
    status, log = start(server)
    equal(status, IOERR)
    lines = [line for line in log.splitlines() if "storage_sqlite" in line and " error " in line]
    assert any(word in lines[0] for word in said.split("|")), log
    equal(len(lines), 2)
    assert f"the database {database(server)} cannot be used" in lines[1], lines
    assert "not started: see the database above" in log and "is ready" not in log, log
    if before is not None:
        equal(database(server).read_bytes(), before)
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, "user", "list", HOST], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
    equal(done.returncode, 1)
    assert "cannot be used" in done.stderr, done.stderr


@alone(accounts=2)
def test_empty_file_is_a_new_one(server):
    server.stop()
    database(server).write_bytes(b"")
    server.start()
    server.client().open()


# ---- locked by another process

@alone(accounts=2)
def test_locked_at_the_start(server):
    server.stop()
    with contextlib.closing(sqlite3.connect(database(server), isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("PRAGMA user_version")
        status, log = start(server)
    equal(status, IOERR)
    assert "database is locked" in log, log
    server.start()
    server.client().login("user0", PASSWORD, "r").close()


@alone(accounts=2)
def test_locked_in_the_middle(server):
    """Writes are refused after some seconds; reads go on; then it goes on by itself."""
    a, b = server.login("user0"), server.login("user1")
    equal(a.roster_set("first@far.example").get("type"), "result")
    with contextlib.closing(sqlite3.connect(database(server), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ident = a.iq("set", "<query xmlns='jabber:iq:roster'><item jid='second@far.example'/></query>", wait=False)
        b.sync()
        equal(b.roster(), {})
        equal(refused(a.find("iq", id=ident, timeout=20)), "internal-server-error")
        other.execute("ROLLBACK")
    assert "database is locked" in server.log()
    equal(a.roster_set("third@far.example").get("type"), "result")
    server.kill()
    server.release()
    server.start()
    kept = set(server.login("user0").roster())
    assert {"first@far.example", "third@far.example"} <= kept, kept


# ---- damage that is found while it serves

@alone(accounts=40)
def test_corrupt_page(server):
    """After a kill the whole file is looked through while it serves: nothing is written into what is damaged."""
    writer = server.login("user0")
    for n in range(60):
        equal(writer.roster_set(f"c{n}@far.example", name="x" * 900).get("type"), "result")
    server.stop()
    size = database(server).stat().st_size
    with open(database(server), "r+b") as f:  # leaves of the table of items: its root and the accounts stay
        for page in range(size // 4096 - 3, size // 4096 - 1):
            f.seek(page * 4096)
            f.write(b"\x5a" * 4096)
    (server.dir / "data" / "prosody.sqlite-wal").write_bytes(b"x")  # as an unclean stop leaves one
    server.release()
    since = len(server.log())
    server.start()
    server.log_has("the check of database sqlite found damage: nothing is written any more", since)
    client = server.login("user1")
    equal(refused(client.roster_set("new@far.example")), "internal-server-error")
    client.message(f"user2@{HOST}", "lost?")
    came = client.find("message", type="error")
    equal(came.child("error", "jabber:client").children[0].name, "internal-server-error")


# ---- no room, no right to write

@contextlib.contextmanager
def small_disk(size):
    """A file system of that size, mounted; its path."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="pc-flow-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", path], capture_output=True, text=True)
    if done.returncode != 0:
        path.rmdir()
        raise Skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
        path.rmdir()


def on(disk, **config):
    """A server whose data lie there."""
    server = Server({"data_path": f'"{disk}/data"', "offline_max_messages": "10000", **config}, accounts=2)
    return server


def fill_disk(path):
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(b"x" * 4096) == 4096:
            pass


def write_until_refused(client, prefix):
    """Contacts that were acknowledged before a write was refused, and its error."""
    kept = []
    for n in range(2000):
        iq = client.roster_set(f"{prefix}{n}@far.example", name="x" * 900)
        if iq.get("type") != "result":
            return kept, refused(iq)
        kept.append(f"{prefix}{n}@far.example")
    raise AssertionError("the disk is never full")


def test_full_disk():
    """What is refused is told; what was acknowledged is kept; when there is room again it goes on, and after a kill
    everything that was acknowledged is there."""
    with small_disk("3m") as disk:
        log = disk / "log"
        server = on(disk, log=f'{{ {{ levels = {{ min = "debug" }}, to = "console" }}, {{ levels = {{ min = "info" }}, '
                              f'to = "file", filename = "{log}" }} }}')
        try:
            server.start()
            client = server.login("user0")
            equal(client.roster_set("first@far.example").get("type"), "result")
            fill_disk(disk / "ballast")
            kept, error = write_until_refused(client, "a")
            equal(error, "internal-server-error")
            server.log_has("database or disk is full")
            assert "is full" in server.log()
            client.message(f"user1@{HOST}", "refused " + "x" * 20000)
            equal(client.find("message", type="error").child("error", "jabber:client").children[0].name, "internal-server-error")
            equal(len(client.roster()) >= len(kept), True)
            (disk / "ballast").unlink()
            equal(client.roster_set("then@far.example").get("type"), "result")
            client.message(f"user1@{HOST}", "taken")
            equal(client.roster_set("last@far.example").get("type"), "result")
            server.kill()
            server.release()
            server.start()
            there = set(server.login("user0").roster())
            wanted = {"first@far.example", "then@far.example", "last@far.example", *kept}
            assert wanted <= there, wanted - there
            equal(collect_on(server, disk), ["taken"])
        finally:
            server.stop()


def collect_on(server, disk):
    (server.dir / "data").rmdir()
    (server.dir / "data").symlink_to(disk / "data")  # where collect() looks
    return collect(server, "user1")


def test_full_disk_at_the_start():
    """It does not start, and says why; with room it does."""
    with small_disk("3m") as disk:
        server = on(disk)
        fill_disk(disk / "ballast")
        status, log = start(server)
        assert status in (IOERR, CANTCREAT), (status, log)
        assert "No space left on device" in log, log
        (disk / "ballast").unlink()
        server.start()
        server.client().login("user0", PASSWORD, "r").close()
        server.release()
        server.stop()


def test_read_only_disk():
    """The file system becomes read-only while it serves, and is so at the start."""
    with small_disk("8m") as disk:
        server = on(disk)
        server.start()
        client = server.login("user0")
        equal(client.roster_set("first@far.example").get("type"), "result")
        client.close()
        server.release()
        server.stop()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        status, log = start(server)
        equal(status, CANTCREAT)
        assert "Read-only file system" in log, log
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        server.start()
        equal(set(server.login("user0").roster()), {"first@far.example"})
        server.release()
        server.stop()


def nobody_server():
    if os.geteuid() != 0:
        raise Skip("not root: prosody_user cannot be tried")
    server = Server({"prosody_user": '"nobody"'}, accounts=0)
    server.environment["ASAN_OPTIONS"] = "detect_leaks=0"
    os.chmod(server.dir, 0o711)
    (server.dir / "data").rmdir()
    server.add_accounts([("kim", HOST, PASSWORD)])
    return server


@rows(("the file", "prosody.sqlite", 0o444, IOERR, "prosody.sqlite cannot be opened: Permission denied"),
      ("its lock", "prosody.sqlite.lock", 0o444, IOERR, "prosody.sqlite.lock cannot be made: Permission denied"),
      ("the folder's lock", "prosody-c.lock", 0o444, CANTCREAT, "cannot be locked: Permission denied"))
def test_not_writable(name, mode, wanted, said):
    server = nobody_server()
    file = server.dir / "data" / name
    os.chown(file, 0, 0)
    os.chmod(file, mode)
    status, log = start(server, leaks=False)
    equal(status, wanted)
    assert said in log, log
    os.chmod(file, 0o666)
    server.start()
    server.client().login("kim", PASSWORD, "r").close()
    server.release()
    server.stop()


def test_folder_not_writable():
    """SQLite makes files beside its own: they cannot be made."""
    server = nobody_server()
    data = server.dir / "data"
    user = data.stat()
    os.chown(data, 0, 0)
    os.chmod(data, 0o555)
    status, log = start(server, leaks=False)
    assert status in (IOERR, CANTCREAT), (status, log)
    assert "Permission denied" in log or "readonly" in log or "unable to open" in log, log
    os.chown(data, user.st_uid, user.st_gid)
    os.chmod(data, 0o750)
    server.start()
    server.client().login("kim", PASSWORD, "r").close()
    server.release()
    server.stop()


# ---- two servers

@alone(accounts=1)
def test_second_server(server):
    """On the same folder, and on the same database by another folder."""
    status, log = start(server)
    equal(status, TEMPFAIL)
    assert "is in use by another prosody-c" in log, log
    other = Server({"sql_database": f'"{database(server)}"'}, accounts=0)
    status, log = start(other)
    equal(status, IOERR)
    assert f"is in use by another process ({server.process.pid})" in log, log
    server.client().login("user0", PASSWORD, "r").close()


@alone(accounts=1)
def test_lock_of_somebody_else(server):
    """Whoever holds the lock of the database keeps the server out until it goes."""
    server.stop()
    with open(f"{database(server)}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        equal(start(server)[0], IOERR)
    server.start()
