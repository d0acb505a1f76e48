"""External components (XEP-0114): the handshake, who may say what, where stanzas go."""
import component as scripted
from component import SECRET, leave, port_options, proof
from flow import alone, equal, rows

DOMAIN = "comp.localhost"


def options(policy="kick_new", **config):
    return dict(config={**port_options(), **config},
                extra=f'Component "{DOMAIN}"\n    component_secret = "{SECRET}"\n'
                      f'    component_conflict_resolve = "{policy}"\n')


SERVER = options()


def component(server, to=DOMAIN):
    return scripted.component(server, to)


def shake(server, to=DOMAIN, secret=SECRET):
    return scripted.shake(server, to, secret)


def test_handshake(server):
    c = component(server)
    equal(c.seen_header.get("from"), DOMAIN)
    c.send(f"<handshake>{proof(c)}</handshake>")
    c.expect("handshake", "jabber:component:accept")
    leave(c)


@rows(("of_another_secret", "other"), ("empty", None))
def test_wrong_proof(server, secret):
    c = component(server)
    c.send(f"<handshake>{proof(c, secret) if secret else ''}</handshake>")
    c.expect_stream_error("not-authorized")


@rows(("unknown", "elsewhere.example", "host-unknown"), ("a_virtual_host", "localhost", "host-unknown"),
      ("missing", "", "improper-addressing"))
def test_wrong_host(server, to, condition):
    component(server, to).expect_stream_error(condition)


def test_stanza_before_the_handshake(server):
    c = component(server)
    c.send(f"<message from='{DOMAIN}' to='user0@localhost'/>")
    c.expect_stream_error("not-authorized")


@rows(("another_domain", "from='x@localhost'", "invalid-from"), ("a_suffix", "from='x.comp.localhost'", "invalid-from"),
      ("none", "", "improper-addressing"))
def test_senders(server, sender, condition):
    c = shake(server)
    c.send(f"<message {sender} to='user0@localhost'><body>x</body></message>")
    c.expect_stream_error(condition)


def test_both_ways(server):
    c, user = shake(server), server.online()
    user.message(f"bot@{DOMAIN}", "to the component")
    got = c.expect("message")
    equal((got.get("from"), got.get("to"), got.child_text("body")), (user.jid, f"bot@{DOMAIN}", "to the component"))
    c.send(f"<message from='bot@{DOMAIN}/x' to='{user.jid}' type='chat'><body>back</body></message>")
    equal(user.expect("message").child_text("body"), "back")
    ident = user.iq("get", "<query xmlns='urn:example'/>", to=DOMAIN, wait=False)
    asked = c.expect("iq")
    c.send(f"<iq type='result' id='{asked.get('id')}' from='{DOMAIN}' to='{asked.get('from')}'/>")
    equal(user.expect("iq", type="result").get("id"), ident)
    c.send(f"<presence from='bot@{DOMAIN}' to='{user.bare}'/>")
    equal(user.expect("presence").get("from"), f"bot@{DOMAIN}")
    leave(c)


def test_not_connected(server):
    leave(shake(server))
    user = server.online()
    user.message(f"bot@{DOMAIN}", "is anybody there?")
    equal(user.expect("message", type="error").error()[1], "remote-server-timeout")
    user.send(f"<presence to='bot@{DOMAIN}'/>")
    user.nothing()


def test_subdomains(server):
    """A component speaks for its domain alone: what lies below is another one, as with Prosody."""
    c, user = shake(server), server.online()
    user.message(f"bot@x.{DOMAIN}", "is anybody there?")
    equal(user.expect("message", type="error").error()[1], "remote-server-not-found")
    equal(scripted.passed(c), [])
    leave(c)


@alone(accounts=1, config=port_options(), extra="".join(
    f'Component "{domain}"\n    component_secret = "{SECRET}"\n' for domain in (DOMAIN, f"x.{DOMAIN}")))
def test_subdomain_of_its_own(server):
    """A gateway that has names below its own connects for each of them."""
    c, below, user = shake(server), shake(server, f"x.{DOMAIN}"), server.online()
    reaches(user, below, f"x.{DOMAIN}")
    reaches(user, c, DOMAIN)


def test_second_is_refused(server):
    first, second = shake(server), component(server)
    second.send(f"<handshake>{proof(second)}</handshake>")
    second.expect_stream_error("conflict")
    leave(first)


@alone(accounts=0, **options("kick_old"))
def test_first_is_replaced(server):
    first, second = shake(server), shake(server)
    first.expect_stream_error("conflict")
    leave(second)


@alone(accounts=2, **options("share"))
def test_share(server):
    workers, user = [shake(server) for _ in range(3)], server.online()
    for n in range(6):
        user.message(f"bot@{DOMAIN}", str(n))
    user.sync()
    got = []
    for w in workers:
        w.send(f"<iq type='get' id='p' from='{DOMAIN}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        mine = []
        while (element := w.next()).name != "iq":
            mine.append(element.child_text("body"))
        got.append(mine)
    equal(sorted(map(len, got)), [0, 0, 6])
    equal(max(got, key=len), [str(n) for n in range(6)])


THREE = [f"{name}.localhost" for name in "abc"]


def several():
    made = options()
    made["extra"] = "".join(f'Component "{domain}"\n    component_secret = "secret of {domain}"\n' for domain in THREE)
    return made


def enter(server, domain):
    return shake(server, domain, f"secret of {domain}")


def reaches(user, c, domain):
    """Both ways."""
    user.message(f"bot@{domain}", "there")
    equal(c.expect("message").child_text("body"), "there")
    c.send(f"<message from='bot@{domain}' to='{user.jid}' type='chat'><body>back</body></message>")
    equal(user.expect("message").child_text("body"), "back")


@alone(accounts=1, **several())
def test_reload_with_several_hosts(server):
    """They share a port: who is connected stays, new ones get in, each by its own secret."""
    user = server.online()
    connected = {domain: enter(server, domain) for domain in THREE[:2]}
    for args in (("component",), ("component",), (THREE[1], "component"), (THREE[0], "component")):
        server.ctl("module", "reload", *args)
        for domain, c in connected.items():
            reaches(user, c, domain)
        other = component(server, THREE[2])
        other.send(f"<handshake>{proof(other, f'secret of {THREE[0]}')}</handshake>")
        other.expect_stream_error("not-authorized")
        c = enter(server, THREE[2])
        reaches(user, c, THREE[2])
        leave(c)


@alone(accounts=1, **several())
def test_unload_of_one_host(server):
    """Whichever goes, its connection ends and the others stay; loaded again it gets in again."""
    user = server.online()
    connected = {domain: enter(server, domain) for domain in THREE}
    for gone in (THREE[0], THREE[2], THREE[1], THREE[0]):
        server.ctl("module", "unload", gone, "component")
        connected.pop(gone).expect_stream_error("system-shutdown")
        component(server, gone).expect_stream_error("host-unknown")
        user.message(f"bot@{gone}", "is anybody there?")
        equal(user.expect("message", type="error").error()[1], "service-unavailable")
        for domain, c in connected.items():
            reaches(user, c, domain)
        server.ctl("module", "load", gone, "component")
        connected[gone] = enter(server, gone)
        reaches(user, connected[gone], gone)


@alone(accounts=1, **several())
def test_host_leaves_the_configuration(server):
    user = server.online()
    connected = {domain: enter(server, domain) for domain in THREE}
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace(f'Component "{THREE[0]}"\n    component_secret = "secret of {THREE[0]}"\n', ""))
    server.ctl("reload")
    connected.pop(THREE[0]).expect_stream_error("system-shutdown", "host-gone")
    component(server, THREE[0]).expect_stream_error("host-unknown")
    for domain, c in connected.items():
        reaches(user, c, domain)
    leave(connected.pop(THREE[1]))
    reaches(user, enter(server, THREE[1]), THREE[1])
    server.config_file.write_text(text)
    server.ctl("reload")
    reaches(user, enter(server, THREE[0]), THREE[0])
