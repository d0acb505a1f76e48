"""Limits of bytes a second."""
import time

from flow import HOST, alone, equal

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "limits" }'


def config(limits, **more):
    return {"modules_enabled": MODULES, "limits": limits, **more}


def seconds_for(client, messages, size=1000):
    """Sends messages to itself and waits for the last one."""
    begin = time.monotonic()
    client.send("".join(f"<message to='{client.jid}' id='m{n}'><body>{'x' * size}</body></message>"
                        for n in range(messages)))
    for n in range(messages):
        client.expect("message", id=f"m{n}")
    return time.monotonic() - begin


@alone(accounts=2, config=config('{ c2s = { rate = "20kb/s"; burst = "1s" } }'))
def test_more_comes_later(server):
    a, b = server.login(server.names[0]), server.login(server.names[1])
    took = seconds_for(a, 50)
    assert took > 1.2, f"50 KB at 20 KB a second took {took} s"
    begin = time.monotonic()
    b.sync()
    assert time.monotonic() - begin < 1, "another client was held up"


@alone(accounts=2, config=config('{ c2s = { rate = "1kb/s"; burst = "8s" } }'))
def test_the_burst_is_free_and_nobody_else_waits(server):
    a, b = server.login(server.names[0]), server.login(server.names[1])
    a.send("".join(f"<message to='{a.jid}'><body>{'x' * 1000}</body></message>" for _ in range(15)))
    a.expect("message")
    for _ in range(5):
        b.sync()


@alone(accounts=1, config=config('{ c2s = { rate = "2kb/s"; burst = "3s" } }', unlimited_jids=f'{{ "user0@{HOST}" }}'))
def test_some_are_not_limited(server):
    took = seconds_for(server.login(server.names[0]), 100)
    assert took < 10, f"100 KB took {took} s"


@alone(accounts=1, config=config('{ c2s = { rate = "fast"; burst = "long" } }'))
def test_nonsense_is_named(server):
    c = server.login()
    c.sync()
    server.log_has('limits: c2s: "fast" is no rate such as "10kb/s"')
    server.log_has('limits: c2s: "long" is no burst such as "2s"')


@alone(accounts=1, config=config('{ component = { rate = "1b/s" } }'))
def test_kinds_that_are_not_named(server):
    c = server.login(tls=True)
    equal(c.sync(), [])
    server.ctl("module", "reload", "limits")
    server.login(server.names[0]).sync()
