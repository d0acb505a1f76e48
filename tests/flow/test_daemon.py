"""The daemon as init systems and operators see it: exit statuses, the lock, the pid file, -D, users, systemd."""
import fcntl
import os
import pathlib
import pwd
import re
import resource
import signal
import socket
import stat
import subprocess
import time

from client import DEADLINE
from daemon import ROOT, Daemon, Manager, await_end, exits
from flow import HOST, Skip, equal, rows
from server import BUILD, OPTIONS, PASSWORD, WRAPPER, Server

USAGE, NO_USER, NO_PORT, NO_FILE, LOCKED, CONFIG = 64, 67, 69, 73, 75, 78


# ---- exit statuses

def test_help_names_the_statuses():
    status, text = exits("--help")
    equal(status, 0)
    for number in (USAGE, NO_USER, NO_PORT, 70, 71, NO_FILE, 74, LOCKED, 77, CONFIG):
        assert re.search(rf"^  {number}  \w", text, re.M), number
    equal(exits("--version")[0], 0)


@rows(("unknown option", ["--nonsense"], USAGE, "nonsense"),
      ("a word too many", ["word"], USAGE, "usage"),
      ("no file", ["-c", "/nowhere/x.conf"], CONFIG, "/nowhere/x.conf: No such file"),
      ("bad override", ["-o", "nonsense"], CONFIG, "OPTION=VALUE"),
      ("no user", ["-o", "prosody_user=nonesuch"], NO_USER, "no user nonesuch"),
      ("no data folder", ["-o", "data_path=/proc/nowhere"], NO_FILE, "/proc/nowhere"),
      ("no pid file", ["-o", "pidfile=/proc/nowhere/pid"], NO_FILE, "/proc/nowhere/pid"))
def test_status(words, wanted, text):
    for detach in ([], ["-D"]):
        status, said = exits(*detach, *words)
        assert status == wanted and text in said, f"{status}\n{said}"


def test_broken_configuration():
    place = Server(accounts=0, extra="\nnonsense nonsense\n")
    status, said = exits(place=place)
    assert status == CONFIG and re.search(r"prosody-c\.conf:\d+: ", said), said


@rows(("foreground", []), ("detached", ["-D"]))
def test_port_in_use(words):
    place = Server(accounts=0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        status, said = exits(*words, place=place)
    assert status == NO_PORT, said
    assert f"c2s cannot listen on 127.0.0.1 port {place.port}: address already in use" in said, said
    equal((place.dir / "pid").exists(), False)


def test_an_address_that_is_not_here():
    """Is no reason to stay away where the service has another one."""
    place = Server({"interfaces": '{ "127.0.0.1", "192.0.2.77" }'}, accounts=0)
    with Daemon(place) as d:
        d.expect("cannot listen on 192.0.2.77")
        d.ready()
    place = Server({"interfaces": '{ "192.0.2.77" }'}, accounts=0)
    equal(exits(place=place)[0], NO_PORT)


# ---- one server for one folder

@rows(("embedded", "sqlite"), ("in memory", "memory"))
def test_second_server(storage):
    place = Server({"default_storage": f'"{storage}"'}, accounts=0)
    with Daemon(place) as d:
        d.ready()
        for words in ([], ["-D"], ["--shell"]):
            status, said = exits(*words, place=place)
            equal(status, LOCKED)
            assert f"data folder {place.dir}/data is in use by another prosody-c, process {d.process.pid}" in said, said
        equal(int((place.dir / "pid").read_text()), d.process.pid)
        assert "is running" in place.ctl("status")
    with Daemon(place) as d:
        d.ready()
        d.process.kill()
        d.process.wait()
    with Daemon(place) as d: # what a killed one has left over is in nobody's way
        d.ready()


def test_stopped_means_that_another_may_start():
    """Not only that the socket is closed."""
    place = Server(accounts=0)
    for _ in range(5):
        with Daemon(place) as d:
            d.ready()
            place.ctl("stop")
            with open(place.dir / "data" / "prosody-c.lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            equal(d.ended()[0], 0)


def test_lock_is_no_link():
    place = Server(accounts=0)
    (place.dir / "data" / "prosody-c.lock").symlink_to(place.dir / "victim")
    equal(exits(place=place)[0], NO_FILE)
    equal((place.dir / "victim").exists(), False)


def test_pid_file_of_another():
    """Is not removed."""
    place = Server(accounts=0)
    file = place.dir / "pid"
    with Daemon(place) as d:
        d.ready()
        file.rename(place.dir / "moved")
        file.write_text("1\n")
        equal(d.stop()[0], 0)
    equal(file.read_text(), "1\n")


# ---- into the background

def test_detached():
    place = Server({"log": '"log.txt"', "allow_unencrypted_plain_auth": "true"}, accounts=1)
    with Daemon(place, "-D") as d:
        status, said = d.ended()
    assert status == 0, said
    place.client().login(place.account(), PASSWORD, "r").close()
    pid = int((place.dir / "pid").read_text())
    try:
        equal(os.getsid(pid), pid)
        equal(os.readlink(f"/proc/{pid}/cwd"), "/")
        equal([os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3)
    finally:
        os.kill(pid, signal.SIGTERM)
        await_end(pid)
    equal((place.dir / "pid").exists(), False)
    assert "stopped" in (place.dir / "log.txt").read_text()


# ---- users

def reachable(path):
    return all(p.stat().st_mode & 0o001 for p in [path, *path.parents])


def somebody():
    if not ROOT:
        raise Skip("only root can become somebody else")
    if not reachable(BUILD.resolve() / "modules"):
        raise Skip("the build is in a folder of root's")
    return pwd.getpwnam("nobody")


def numbers(pid, field):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(n) for n in re.search(rf"^{field}:\s*(.*)$", text, re.M).group(1).split()]


def low_port():
    for port in range(1000, 600, -1):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise Skip("no port is free")


def test_user():
    user, port = somebody(), low_port()
    place = Server({"prosody_user": '"nobody"', "prosody_group": '"daemon"', "c2s_direct_tls_ports": f"{{ {port} }}"},
                   {HOST: {}, "other.example": {}}, accounts=0)
    os.chmod(place.dir, 0o711)
    (place.dir / "data").rmdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "9", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                    "-keyout", place.dir / "certs" / f"{HOST}.key", "-out", place.dir / "certs" / f"{HOST}.crt"],
                   check=True, capture_output=True)
    os.chmod(place.dir / "certs" / f"{HOST}.key", 0o600)
    os.chmod(place.dir / "certs", 0o700)
    place.add_accounts([("kim", HOST, PASSWORD)])
    with Daemon(place) as d:
        d.ready()
        pid = d.process.pid
        group = os.stat(place.dir / "data").st_gid
        equal(numbers(pid, "Uid"), [user.pw_uid] * 4)
        equal(numbers(pid, "Gid"), [group] * 4)
        assert 0 not in numbers(pid, "Groups")
        for task in os.listdir(f"/proc/{pid}/task"):
            equal(numbers(f"{pid}/task/{task}", "Uid"), [user.pw_uid] * 4)
        owners = {p.name: p.stat().st_uid for p in [place.dir / "data", *(place.dir / "data").rglob("*")]}
        equal(set(owners.values()), {user.pw_uid})
        assert "other.example.key" in owners and f"{HOST}.key" not in owners, owners
        place.tls_port = port
        place.client(tls=True).login("kim", PASSWORD, "r").close()
        # What only root may read stays in use, and is said.
        d.signal(signal.SIGHUP)
        d.expect("self-signed|cannot be used|in use stay|configuration was reloaded")
        place.client(tls=True).login("kim", PASSWORD, "r2").close()
        equal(d.stop()[0], 0)
    equal((place.dir / "pid").read_text() if (place.dir / "pid").exists() else "", "")


def test_group_that_is_not_there():
    somebody()
    status, said = exits("-o", "prosody_user=nobody", "-o", "prosody_group=nonesuch")
    assert status == NO_USER and "no group nonesuch" in said, said


def test_root_without_a_user():
    if not ROOT:
        raise Skip("not root")
    with Daemon() as d:
        d.ready()
        assert "running as root" in d.seen
    with Daemon(None, "-o", "run_as_root=true", "-o", "prosody_user=nobody") as d:
        d.ready()
        assert "running as root" not in d.seen
        equal(numbers(d.process.pid, "Uid"), [0] * 4)


# ---- descriptors, mode bits

def test_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = 5000 if hard == resource.RLIM_INFINITY else min(5000, hard)
    with Daemon(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))) as d:
        d.ready()
        equal(resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE), (most, most))
        equal("descriptors are allowed" in d.seen, most < 4096)
    with Daemon(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))) as d:
        d.expect("only 256 descriptors are allowed")
        d.ready()


@rows(("default", None, 0o640, ""), ("narrow", '"077"', 0o600, ""), ("number", "007", 0o640, ""),
      ("wrong", '"rw"', 0o640, "option umask"), ("too large", '"7777"', 0o640, "option umask"))
def test_umask(text, mode, complaint):
    place = Server({"umask": text, "log": '{ info = "log.txt"; debug = "*console" }'}, accounts=0)
    with Daemon(place) as d:
        d.ready()
        assert complaint in d.seen and (complaint or "umask" not in d.seen), d.seen
    equal(stat.S_IMODE(os.stat(place.dir / "log.txt").st_mode), mode)


# ---- systemd

@rows(("a file", False), ("no file", True))
def test_notifications(abstract):
    place = Server({"allow_unencrypted_plain_auth": "true"}, accounts=1)
    manager = Manager(place.dir, abstract)
    with Daemon(place, env=manager.env) as d:
        d.ready()
        ready = manager.expect("^READY=1")
        equal(int(ready["MAINPID"]), d.process.pid)
        equal(ready["STATUS"], "1 hosts, 0 sessions, 0 connections")
        client = place.client().login(place.account(), PASSWORD, "r")
        manager.expect("^STATUS=1 hosts, 1 sessions, 1 connections$")
        client.close()
        manager.expect("^STATUS=1 hosts, 0 sessions, 0 connections$")
        before = time.monotonic_ns() // 1000
        d.signal(signal.SIGHUP)
        told = int(manager.expect("^RELOADING=1")["MONOTONIC_USEC"])
        assert before <= told <= time.monotonic_ns() // 1000
        manager.expect("^READY=1")
        place.config_file.write_text("broken broken")
        d.signal(signal.SIGHUP)
        manager.expect("^RELOADING=1")
        manager.expect("^READY=1")
        d.expect("the configuration stays as it was")
        d.signal(signal.SIGTERM)
        assert "terminated" in manager.expect("^STOPPING=1")["STATUS"]
        equal(d.ended()[0], 0)


def test_watchdog():
    place = Server(accounts=0)
    manager = Manager(place.dir)
    with Daemon(place, env={**manager.env, "WATCHDOG_USEC": "200000"}) as d:
        d.ready()
        manager.expect("^READY=1")
        for _ in range(3):
            manager.expect("^WATCHDOG=1$")
        # A loop that hangs gives no sign.
        d.signal(signal.SIGSTOP)
        manager.socket.setblocking(False)
        try:
            while True:
                manager.socket.recv(4096)
        except BlockingIOError:
            pass
        d.signal(signal.SIGCONT)
        manager.expect("^WATCHDOG=1$")
    for env in ({"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "nonsense"}):
        with Daemon(Server(accounts=0), env={**manager.env, **env}) as d:
            d.ready()
            manager.expect("^READY=1")
            d.signal(signal.SIGTERM)
            while "STOPPING" not in (got := manager.expect("")):
                assert "WATCHDOG" not in got


def test_not_failing_without_a_manager():
    for name in ("/nowhere/at/all", "nonsense", "/" + "x" * 200, ""):
        with Daemon(env={"NOTIFY_SOCKET": name}) as d:
            d.ready()


def test_folders_of_the_unit():
    place = Server({"data_path": None, "pidfile": None}, accounts=0)
    (place.dir / "state").mkdir()
    (place.dir / "run").mkdir()
    env = {"STATE_DIRECTORY": f"{place.dir}/state:/nowhere", "RUNTIME_DIRECTORY": f"{place.dir}/run"}
    with Daemon(place, env=env) as d:
        d.ready()
        equal(int((place.dir / "run" / "prosody-c.pid").read_text()), d.process.pid)
        assert (place.dir / "state" / "prosody-c.lock").exists()
    place = Server({"pidfile": None}, accounts=0)
    with Daemon(place, env={**env, "RUNTIME_DIRECTORY": ""}) as d: # the configuration's own wins
        d.ready()
        assert (place.dir / "data" / "prosody-c.lock").exists()


# ---- sockets that are handed over

def handing(sockets, names, place, pid="$$"):
    """A Daemon that finds these sockets from descriptor 3 on."""
    command = " ".join(str(word) for word in [*WRAPPER, BUILD / "prosody-c", "-c", place.config_file,
                                              *(w for option in OPTIONS for w in ("-o", option))])
    high = [os.dup(s.fileno()) for s in sockets]

    def arrange():
        spare = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
        for i, fd in enumerate(spare):
            os.dup2(fd, 3 + i)
            os.close(fd)

    try:
        return Daemon(place, command=["sh", "-c", f"LISTEN_PID={pid} exec {command}"], before=arrange,
                      env={"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(names)})
    finally:
        for fd in high:
            os.close(fd)


def listening(family=socket.AF_INET, address="127.0.0.1", port=0, both=False):
    s = socket.socket(family)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
    s.bind(address if family == socket.AF_UNIX else (address, port))
    s.listen()
    return s


def greeted(address, port):
    with socket.create_connection((address, port), DEADLINE) as s:
        s.settimeout(DEADLINE)
        s.sendall(f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{HOST}' "
                  "version='1.0'>".encode())
        return b"stream" in s.recv(4096)


def test_handed_sockets():
    place = Server(accounts=0)
    configured = listening(port=place.port)
    named, stray = listening(), listening()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with handing([configured, named, stray, udp], ["unknown", "c2s", "stray"], place) as d:
        numbers_of = [s.getsockname()[1] for s in (configured, named, stray)]
        d.ready()
        for s in (configured, named, stray):
            s.close()
        assert greeted("127.0.0.1", numbers_of[0]) and greeted("127.0.0.1", numbers_of[1])
        assert f"c2s listens on 127.0.0.1 port {place.port}" in d.seen
        assert f"no service listens on 127.0.0.1 port {numbers_of[2]}, which was handed over as stray" in d.seen, d.seen
        assert "descriptor 6" in d.seen and "does not listen" in d.seen, d.seen
        try:
            greeted("127.0.0.1", numbers_of[2])
            raise AssertionError("the socket that nobody wants is open")
        except ConnectionRefusedError:
            pass
        equal(d.stop()[0], 0)
    udp.close()


def test_handed_for_both_families():
    try:
        both = listening(socket.AF_INET6, "::", both=True)
    except OSError as e:
        raise Skip(f"no IPv6 here: {e}")
    port = both.getsockname()[1]
    for interfaces in ('{ "*", "::" }', '{ "::", "*" }', '{ "*" }'):
        place = Server({"interfaces": interfaces, "c2s_ports": f"{{ {port} }}"}, accounts=0)
        with handing([both], [], place) as d:
            d.ready()
            assert greeted("127.0.0.1", port) and greeted("::1", port)
            assert "cannot listen" not in d.seen, d.seen
    both.close()


def test_handed_path():
    place = Server(accounts=0)
    path = str(place.dir / "data" / "prosody.sock")
    socket_of_ctl = listening(socket.AF_UNIX, path)
    with handing([socket_of_ctl], ["admin"], place) as d:
        d.ready()
        assert "is running" in place.ctl("status")
        d.stop()
    assert os.path.exists(path), "who made the socket removes it"
    socket_of_ctl.close()


def test_handed_to_another_process():
    place = Server(accounts=0)
    with listening(port=place.port) as s:
        with handing([s], [], place, pid="1") as d:
            equal(d.ended()[0], NO_PORT)
