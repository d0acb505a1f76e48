"""An orderly stop: streams end with system-shutdown, what was acknowledged is kept, and it ends."""
import os
import re
import select
import signal
import socket
import subprocess
import time

from client import DEADLINE
from flow import HOST, alone, equal, rows
from server import BUILD, TROUBLE
from test_durability import MANY, WRITES, Writer, checked, collect, read_rest, write_until

STOP_SECONDS = 5


def ended(server, status=0):
    """Waits for the end; how long it took."""
    began = time.monotonic()
    equal(server.process.wait(6 * DEADLINE), status)
    server.process = None
    trouble = TROUBLE.search(server.log())
    assert not trouble, f"in the log:\n{server.log()[max(0, trouble.start() - 200):trouble.start() + 3000]}"
    assert re.search(r" stopped$", server.log(), re.M), server.log_tail()
    return time.monotonic() - began


def terminate(server):
    server.process.send_signal(signal.SIGTERM)


@alone(accounts=6, config=MANY)
@rows(("early", 10), ("in_the_middle", 500), ("late", 900))
def test_in_the_middle_of_writes(server, results):
    """SIGTERM while 1,000 writes of four clients are under way."""
    away, watcher = server.account(), server.online()
    writers = [Writer(server.login(), f"{away}@{HOST}", f"w{n}") for n in range(4)]
    assert write_until(writers, results), "the connection has ended"
    terminate(server)
    read_rest(writers)
    watcher.expect_stream_error("system-shutdown")
    took = ended(server)
    equal([w.error for w in writers], ["system-shutdown"] * 4)
    server.release()
    server.start()
    got = collect(server, away)
    contacts, messages = checked(writers, got, lambda user: server.login(user).roster())
    print(f"{sum(w.acknowledged + 1 for w in writers)} of {4 * WRITES} acknowledged, stopped after {took:.2f} s; "
          f"{contacts} contacts and {messages} messages had to be there, {len(got)} messages were")


@alone(accounts=2)
@rows(("once", 1), ("twice", 2), ("ten_times", 10))
def test_signals(server, times):
    """More of them change nothing. Clients before and after log-in are told."""
    bound, opened, connected = server.online(), server.client(), server.client()
    opened.open()
    for _ in range(times):
        terminate(server)
    for c in (bound, opened):
        c.expect_stream_error("system-shutdown")
    connected.expect_header()
    connected.expect_stream_error("system-shutdown")
    assert ended(server) < STOP_SECONDS
    equal(len(re.findall("stopping: ", server.log())), 1)


@alone(accounts=1)
def test_by_command(server):
    c = server.online()
    assert "stopping" in server.ctl("stop")
    c.expect_stream_error("system-shutdown")
    ended(server)


@alone(accounts=2, config={"c2s_close_timeout": "60"})
def test_those_who_do_not_let_go(server):
    """Clients that never end, and one that does not read, are waited for no longer than that."""
    deaf, sender, mute = server.online(), server.login(), server.client()
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(300):
        sender.message(deaf.jid, "x" * 10000)
    sender.sync()
    mute.send("<?xml version='1.0'?><stream:str")
    terminate(server)
    began = time.monotonic()
    ended(server)
    assert time.monotonic() - began < (STOP_SECONDS + 5) * max(1, DEADLINE / 10)


@alone(accounts=1)
def test_nobody_gets_in_any_more(server):
    c = server.online()
    terminate(server)
    c.expect_stream_error("system-shutdown")
    ended(server)
    try:
        server.client()
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody listens")


def start_until(server, lines):
    """Starts it; returns when its log has so many more lines, or is at its end: it is ready."""
    before = len(server.log().splitlines())
    server.process = subprocess.Popen([BUILD / "prosody-c", "-c", server.config_file], stdin=subprocess.DEVNULL,
                                      stdout=open(server.log_file, "ab"), stderr=subprocess.STDOUT, env=os.environ)
    deadline = time.monotonic() + 3 * DEADLINE
    while len(log := server.log().splitlines()) < before + lines and not any(" is ready" in line for line in log[before:]):
        assert server.process.poll() is None, f"it ended\n{server.log_tail()}"
        assert time.monotonic() < deadline, f"it does not start\n{server.log_tail()}"
        select.select([], [], [], 0.001)
    return len(log) - before


@alone(accounts=1)
def test_during_the_start(server):
    """At each line that it logs: it ends in order, or (before it listens to signals) at once; the
    next start is fine."""
    server.stop()
    lines, done = 0, []
    while True:
        lines += 1
        reached = start_until(server, lines)
        terminate(server)
        status = server.process.wait(6 * DEADLINE)
        server.process = None
        assert status == 0 or (status == -signal.SIGTERM and lines < 3), f"exit status {status} after {lines} lines"
        assert not TROUBLE.search(server.log()), server.log_tail()
        done.append(status)
        if reached < lines:
            break
    print(f"terminated after each of {len(done)} lines of the start")
    server.start()
    server.login().nothing()
