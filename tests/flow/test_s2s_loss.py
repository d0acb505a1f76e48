"""What was acknowledged is not lost on the way to other servers: an orderly stop, hosts and modules that go, a
server that never comes back. It arrives, or comes back to its sender, once."""
import signal

import smacks
from client import DEADLINE
from dns import SILENT
from federation import A, B, BIDI, C, EXTERNAL, Federation, one
from flow import equal, rows
from s2s_smacks import EVE, MESSAGE, NS3, SM, ack, bodies, counted, enabled, managed, proved, say, until
from server import DEFAULTS

TIMEOUT = ("wait", "remote-server-timeout")


def terminate(server):
    server.process.send_signal(signal.SIGTERM)


def came_back(client, ident):
    error = client.expect("message", type="error")
    equal((error.get("id"), error.get("from"), error.error()), (ident, EVE, TIMEOUT))


def gone(server):
    equal(server.process.wait(6 * DEADLINE), 0)
    server.process = None


# ---- an orderly stop

def nobody_answers(f):
    """It takes connections, and is silent."""
    f.remotes[C].sock.listen()


def dns_is_silent(f):
    f.zone.table[(f"_xmpp-server._tcp.{C}", 33)] = ("SRV", SILENT)


@rows(("slow", nobody_answers), ("not_found_yet", dns_is_silent))
def test_stop_while_it_waits(how):
    """Who wrote it is told before his stream ends; nobody waits for long."""
    with one(remotes=(C,)) as f:
        how(f)
        ann = f.online("ann", A)
        first, second = ann.message(EVE, "1"), ann.message(EVE, "2")
        ann.send(f"<message type='error' to='{EVE}' id='e'><error type='cancel'/></message>"
                 f"<presence to='{EVE}' type='unavailable'/>")
        until(f, "4 waiting")
        terminate(f.servers[0])
        came_back(ann, first)
        came_back(ann, second)
        ann.expect_stream_error("system-shutdown")
        gone(f.servers[0])


def test_stop_while_its_sender_is_away():
    """An error is not kept for who is not there (RFC 6121 8.5.2.2.1)."""
    with one(remotes=(C,)) as f:
        nobody_answers(f)
        ann = f.online("ann", A)
        say(ann, "1")
        until(f, "1 waiting")
        ann.close()
        terminate(f.servers[0])
        gone(f.servers[0])
        f.servers[0].start()
        f.online("ann", A).nothing()


def stops(f, ann, link):
    """All is acknowledged: clients are told, then the stream ends, then the server."""
    ann.expect_stream_error("system-shutdown")
    while link.next().name == "r":
        pass
    link.expect_end()
    gone(f.servers[0])


def test_stop_waits_for_the_stream():
    """A stream that is about to be proved takes what waits for it, and ends in order."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL)
        ann.sync()
        terminate(f.servers[0])
        link.take_external(SM)
        link.expect("enable", NS3)
        link.send(f"<enabled xmlns='{NS3}'/>")
        equal(bodies(link, 2, False), ["1", "2"])
        ack(link, 2)
        stops(f, ann, link)


def test_stop_with_a_full_queue():
    """What waits for acknowledgements goes out before the stream ends."""
    with one(remotes=(C,), s2s_send_queue_size=2) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        say(ann, "2")
        bodies(link, 2)
        say(ann, "3", "4")
        until(f, "2 unacknowledged, 2 waiting")
        terminate(f.servers[0])
        ack(link, 2)
        equal(bodies(link, 2, False), ["3", "4"])
        ack(link, 4)
        stops(f, ann, link)


def test_stop_while_nothing_is_acknowledged():
    """Of what it has read nobody knows: that comes back."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ident = ann.message(EVE, "1")
        link = enabled(f)
        bodies(link, 1)
        terminate(f.servers[0])
        came_back(ann, ident)
        ann.expect_stream_error("system-shutdown")
        link.find("error", "stream")
        link.abort()
        gone(f.servers[0])


def test_stop_tells_contacts_elsewhere():
    """RFC 6121 4.5: they see them go; and all that was said before has arrived, and its answers."""
    with Federation([([A], {}), ([B], {})]) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for x, y in ((ann, bob), (bob, ann)):
            x.presence(to=y.bare, type="subscribe")
            y.find("presence", type="subscribe")
            y.presence(to=x.bare, type="subscribed")
            x.find("presence", type="subscribed")
        ann.find("presence", from_=bob.jid)
        bob.find("presence", from_=ann.jid)
        for n in range(200):
            ann.message(bob.jid, str(n))
        ann.sync()  # the server has them
        terminate(f.servers[0])
        for n in range(200):
            equal(bob.find("message").child_text("body"), str(n))
        bob.find("presence", type="unavailable", from_=ann.jid)
        gone(f.servers[0])
        assert not [element for element in bob.sync() if element.name == "message"]


# ---- the sender's own stream is managed

def managed_sender(f):
    c = smacks.Managed(f.servers[0].port, A)
    f.servers[0].clients.append(c)
    c.open()
    c.authenticate("ann", "secret", "PLAIN")
    c.open()
    c.bind("m")
    c.roster()
    c.presence()
    c.enable()
    return c


def resumed(f, old):
    c = smacks.Managed(f.servers[0].port, A)
    f.servers[0].clients.append(c)
    c.open()
    c.authenticate("ann", "secret", "PLAIN")
    c.open()
    c.ns = old.ns
    c.send(f"<resume xmlns='{c.ns}' previd='{old.token}' h='{old.h}'/>")
    c.expect("resumed", c.ns)
    return c


MANAGED = {"modules_enabled": DEFAULTS["modules_enabled"].replace("}", ', "smacks" }')}


@rows(("goes_on", False), ("is_stopped", True))
def test_acknowledged_to_its_sender(stop):
    """Who has our acknowledgement and has lost his connection gets the error with his session, also from the next process."""
    with one(remotes=(C,), **MANAGED, s2s_timeout=60 if stop else 1) as f:
        nobody_answers(f)
        ann = managed_sender(f)
        ident = ann.message(EVE, "1")
        ann.acked(1)
        ann.abort()
        f.servers[0].log_has("waits for its client")
        if stop:
            terminate(f.servers[0])
            gone(f.servers[0])
            f.servers[0].start()
        else:
            f.servers[0].log_has("no stream to")
        came_back(resumed(f, ann), ident)


# ---- the other server never comes back

def test_never_comes_back():
    """Each comes back once, in time; but for requests that were answered before, and what was acknowledged."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f, ways=EXTERNAL + BIDI)
        ident = ann.message(EVE, "2")
        for n in ("q1", "q2", "q3"):
            ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=EVE, wait=False, ident=n)
        link.find("iq", id="q3")
        ack(link, 1)
        link.send(f"<iq type='result' id='q1' from='{EVE}' to='{ann.jid}'/>"
                  f"<iq type='error' id='q3' from='{EVE}' to='{ann.jid}'><error type='cancel'>"
                  "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
        equal(ann.expect("iq", id="q1").get("type"), "result")
        equal(ann.expect("iq", id="q3").error()[1], "service-unavailable")
        f.remotes[C].sock.close()
        link.abort()
        told = {}
        for _ in range(2):
            error = ann.next()
            equal(error.error(), TIMEOUT)
            told[error.get("id")] = error.name
        equal(told, {ident: "message", "q2": "iq"})
        f.servers[0].log_has("no stream to")
        ann.nothing()


def test_answered_by_another_stream():
    """Where each server has its own stream, answers come by theirs."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=EVE, wait=False, ident="q")
        link = enabled(f)
        link.find("iq", id="q")
        other = managed(f)
        other.send(f"<iq type='result' id='q' from='{EVE}' to='{ann.jid}'/>")
        ann.expect("iq", id="q", type="result")
        f.remotes[C].sock.close()
        link.abort()
        f.servers[0].log_has("no stream to")
        ann.nothing()


# ---- what came from another server

def test_acknowledged_when_it_is_stored():
    """The database is slow: nothing is acknowledged; killed meanwhile, it comes again, and is there."""
    import sqlite3
    with one(remotes=(C,)) as f:
        server, link = f.servers[0], managed(f)
        text = "".join(MESSAGE.format(EVE, f"bob@{A}", n) for n in range(3))
        link.send(text.split("</message>")[0] + "</message>")
        counted(link, 1)
        db = sqlite3.connect(next((server.dir / "data").glob("*.sqlite")), isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        link.send(text.split("</message>", 1)[1])
        link.send(f"<r xmlns='{NS3}'/>")
        equal(link.find("a", NS3).get("h"), "1")  # told in time, and no more than is true
        server.kill()
        db.execute("ROLLBACK")
        db.close()
        server.start()
        link = managed(f)
        link.send(text.split("</message>", 1)[1])
        counted(link, 2)
        server.kill()
        server.start()
        bob = f.online("bob", A)
        came = []
        while len(set(came)) < 3:  # kept messages come in their own time
            came.append(bob.expect("message").child_text("body"))
        came += [element.child_text("body") for element in bob.sync()]
        equal(sorted(set(came)), ["0", "1", "2"])
        assert len(came) <= 5, came


# ---- an administrator ends it

@rows(("waits", False), ("unacknowledged", True))
def test_unload(sent):
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ident = ann.message(EVE, "1")
        link = enabled(f) if sent else f.remotes[C].accept()
        if sent:
            bodies(link, 1)
        f.servers[0].ctl("module", "unload", A, "s2s")
        came_back(ann, ident)
        ann.message(EVE, "2")
        equal(ann.expect("message", type="error").error()[1], "remote-server-not-found")
        f.servers[0].ctl("module", "load", A, "s2s")
        link.abort()
        say(ann, "3")
        equal(bodies(enabled(f), 1, False), ["3"])


def test_unload_of_their_stream():
    """What was sent on a stream that they opened."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        ident = ann.message(EVE, "1")
        bodies(link, 1)
        f.servers[0].ctl("module", "unload", A, "s2s")
        came_back(ann, ident)


def test_host_goes():
    """Its users are told before their streams end; those of another host have nothing to do with it."""
    with one(remotes=(C,), hosts=(A, B)) as f:
        nobody_answers(f)
        ann, bob = f.online("ann", A), f.online("bob", B)
        ident = ann.message(EVE, "1")
        until(f, "1 waiting")
        server = f.servers[0]
        text = server.config_file.read_text()
        server.config_file.write_text(text.replace(f'VirtualHost "{A}"', "").rstrip() + "\n")
        server.ctl("reload")
        came_back(ann, ident)
        ann.expect_stream_error("host-gone")
        bob.nothing()


@rows(("not_found_yet", dns_is_silent), ("slow", nobody_answers))
def test_close_what_is_begun(how):
    with one(remotes=(C,)) as f:
        how(f)
        ann = f.online("ann", A)
        ident = ann.message(EVE, "1")
        until(f, "1 waiting")
        f.servers[0].ctl("s2s", "close", A, C)
        came_back(ann, ident)


def test_close():
    """What was sent is resumed."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        bodies(enabled(f), 1)
        f.servers[0].ctl("s2s", "close", A, C)
        link = proved(f)
        link.expect("resume", NS3)
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='0'/>")
        equal(bodies(link, 1, True), ["1"])
        ann.nothing()
