"""prosody-ctl --json: one value for each call, whatever becomes of it; and what the program exits with."""
import json
import re
import subprocess

from flow import HOST, alone, equal, rows
from server import BUILD, PASSWORD, SCALE

SERVER = dict(accounts=5, config={"modules_disabled": None})
NAMES = {0: None, 1: "failed", 2: "usage", 3: "not-running", 4: "refused", 5: "partial"}


def call(server, *args, status=0, input=""):
    """The value that is printed, and nothing is beside it."""
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, "--json", *args], input=input, text=True,
                          capture_output=True, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    said = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\d .* error ", line)]  # a log's
    equal((args, said), (args, []))
    value = json.loads(done.stdout)
    equal(sorted(value), ["error", "lines", "ok", "rows", "status", "text"])
    equal((value["ok"], value["status"], value["error"]), (status == 0, status, NAMES[status]))
    return value


# Words, exit status, the keys of each row (None: there is no row).
TABLE = [
    ("help", 0, {"section", "name", "args", "help"}),
    ("help user", 0, {"section", "name", "args", "help"}),
    ("help nonsense", 4, None),
    ("status", 0, {"version", "process", "seconds", "hosts", "sessions"}),
    ("version", 0, None),
    ("--version", 0, {"version"}),
    ("about", 0, {"version"}),
    ("stats", 0, {"name"}),
    ("stats no_such_metric", 0, None),
    ("host list", 0, {"host", "type", "sessions", "active"}),
    (f"user list {HOST}", 0, {"user", "host"}),
    ("user list elsewhere.example", 4, None),
    ("user list", 2, None),
    (f"adduser kim@{HOST} one", 0, None),
    (f"adduser kim@{HOST} one", 4, None),
    ("adduser kim one", 2, None),
    (f"passwd kim@{HOST} two", 0, None),
    (f"passwd lee@{HOST} two", 4, None),
    (f"user disable kim@{HOST}", 0, None),
    (f"user enable kim@{HOST}", 0, None),
    (f"user enable lee@{HOST}", 4, None),
    (f"deluser kim@{HOST}", 0, None),
    (f"deluser kim@{HOST}", 4, None),
    (f"register kim {HOST} one", 0, None),
    (f"unregister kim {HOST}", 0, None),
    (f"unregister kim {HOST}", 4, None),
    ("c2s list", 0, {"jid", "session", "ip", "secure", "available", "priority", "connected"}),
    ("c2s list elsewhere.example", 4, None),
    ("c2s count", 0, {"count"}),
    (f"c2s close nobody@{HOST}", 4, None),
    ("c2s close @", 2, None),
    ("module list", 0, {"host", "name", "summary"}),
    ("module list elsewhere.example", 4, None),
    ("module info ping", 0, None),
    ("module info nonsense", 4, None),
    (f"user role user0@{HOST}", 0, None),
    (f"user roles {HOST}", 0, None),
    (f"module unload {HOST} ping", 0, {"host"}),
    (f"module load {HOST} ping", 0, {"host"}),
    ("module reload ping", 0, {"host"}),
    ("module reload nonsense", 4, None),
    (f"s2s list {HOST}", 0, None),
    (f"s2s close {HOST} elsewhere.example", 4, None),
    ("log list", 0, {"sink", "levels", "format", "dropped"}),
    ("log level all debug", 0, None),
    ("log level all nonsense", 2, None),
    ("log level nowhere debug", 4, None),
    ("watch nobody@elsewhere.example", 4, None),
    ("watch log nonsense", 2, None),
    ("complete user l", 0, {"word"}),
    ("reload", 0, None),
    ("restore /nowhere/file", 4, None),
    ("backup", 2, None),
    ("import prosody", 2, None),
    ("check nonsense", 2, None),
    ("check dns", 1, {"place", "severity", "text"}),
    ("check dns elsewhere.example", 4, None),
    ("check connectivity @", 2, None),
    ("cert generate elsewhere.example", 4, None),
    ("start", 2, None),
    ("nonsense", 4, None),
    ("--nonsense", 2, None),
    ("--csv", 2, None),
    ("", 2, None),
]


def test_every_command(server):
    server.online()
    for words, status, keys in TABLE:
        value = call(server, *words.split(), status=status)
        assert value["text"] or value["rows"] or status == 0, f"{words}: {value}"
        for row in value["rows"] if keys else []:
            assert keys <= set(row), f"{words}: {row}"
        assert value["rows"] or keys is None, f"{words}: {value}"


def test_no_command_is_left_out(server):
    """Whatever the server offers is in the table, but for what the other tests do."""
    elsewhere = {"stop", "store load", "store save", "user create", "user password", "user delete", "backup", "restore"}
    offered = {" ".join(filter(None, (row["section"], row["name"]))) for row in call(server, "help")["rows"]}
    tried = {" ".join(words.split()[:n]) for words, _, _ in TABLE for n in (1, 2)}
    equal(offered - tried - elsewhere, set())


def test_rows(server):
    client = server.online()
    row = next(r for r in call(server, "c2s", "list", HOST)["rows"] if r["jid"] == client.jid)
    equal((row["ip"], row["secure"], row["available"], row["priority"]), ("127.0.0.1", False, True, 0))
    equal(call(server, "c2s", "count")["rows"][0]["count"], len(call(server, "c2s", "list")["rows"]))
    assert {"host": HOST, "user": client.bare.split("@")[0]} in call(server, "user", "list", HOST)["rows"]
    info = call(server, "module", "info", "ping")["rows"]
    assert info[0]["module"] == "ping" and "0199" in info[0]["xeps"] and {"host": HOST} in info, info


def test_from_a_file(server):
    text = f"mo,{HOST},x\nbad\nmo,elsewhere.example,x\n"
    value = call(server, "adduser", "--csv", "-", input=text, status=5)
    equal([row["line"] for row in value["rows"]], [2, 3])
    value = call(server, "adduser", "--csv", "-", input="bad\n", status=1)
    assert value["text"] == "0 accounts made, 1 failed", value
    call(server, "adduser", f"nu@{HOST}", input="pw\n")
    call(server, "adduser", f"ov@{HOST}", status=1)


def test_findings(server):
    good = server.config_file.read_text()
    server.config_file.write_text("no_such_option = 1\n" + good)
    try:
        finding = call(server, "check", "config", status=1)["rows"][0]
    finally:
        server.config_file.write_text(good)
    equal((finding["place"], finding["severity"]), (f"{server.config_file}:1", "warning"))


def test_broken_configuration(server):
    good = server.config_file.read_text()
    server.config_file.write_text("this is broken\n")
    try:
        assert "prosody-c.conf:1" in call(server, "status", status=1)["text"]
        call(server, "--socket", str(server.dir / "data" / "prosody.sock"), "status")
    finally:
        server.config_file.write_text(good)


@alone(accounts=2)
def test_backup_and_stop(server):
    file = str(server.dir / "copy")
    call(server, "backup", file)
    call(server, "backup", file, status=4)
    call(server, "stop")
    equal(server.process.wait(10 * SCALE), 0)
    server.process = None
    for command in ("status", "stop", "reload", "stats", "nonsense", "watch all"):
        call(server, *command.split(), status=3)
    call(server, "restore", file, status=4)
    call(server, "restore", file, "--force")
    equal(len(call(server, "user", "list", HOST)["rows"]), 2)
    call(server, "user", "create", f"kim@{HOST}", PASSWORD)
    call(server, "user", "password", f"kim@{HOST}", PASSWORD)
    call(server, "user", "delete", f"kim@{HOST}")
    call(server, "store", "load", "/nowhere/file", status=1)
    call(server, "export", "xep227", "-", status=2)
    call(server, "export", "xep227", str(server.dir / "all.xml"))
    call(server, "export", "xep227", str(server.dir / "all.xml"), status=4)


@rows(("status", ["status"], 3), ("a bad option", ["--nonsense"], 2), ("nothing", [], 2))
def test_not_json_without_the_option(server, words, status):
    """Errors go to standard error, and standard output stays empty."""
    socket = ["--socket", "/nowhere/socket"] if words == ["status"] else []
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *socket, *words], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * SCALE)
    equal((done.returncode, done.stdout), (status, ""))
    assert done.stderr, words
