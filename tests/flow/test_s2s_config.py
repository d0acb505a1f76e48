"""What a configuration that was written for Prosody says of other servers is what is done."""
from federation import A, C, DIALBACK, Federation, one
from flow import equal, rows

ROOMS = f"news.{A}"
COMPONENT = f'Component "{ROOMS}" "pubsub"\n'


def offered(f, there=A, cert=True):
    """What a server with a good certificate may do."""
    link = f.connect(there=there, cert=f.ca.make("shown", C) if cert else None)
    features = link.begin_tls()
    found = {name for name, ns in (("mechanisms", "sasl"), ("dialback", "urn:xmpp:features:dialback"),
                                   ("bidi", "urn:xmpp:features:bidi")) if features.child(name, ns)}
    link.abort()
    return found


ALL = {"mechanisms", "dialback", "bidi"}


@rows(("dialback", "dialback", "dialback"), ("by_its_file", "mod_dialback", "dialback"), ("s2s_bidi", "s2s_bidi", "bidi"),
      ("s2s_auth_certs", "s2s_auth_certs", "mechanisms"))
def test_modules_of_prosody(name, feature):
    """They are options here, and are off where modules_disabled names them; the host has the last word."""
    with one() as f:
        equal(offered(f), ALL)
    with one(modules_disabled=f'{{ "{name}" }}') as f:
        equal(offered(f), ALL - {feature})
    with one(modules_enabled=f'{{ "{name}" }}') as f:
        equal(offered(f), ALL)
        assert "cannot be loaded" not in f.servers[0].log()
        assert name not in f.servers[0].ctl("reload"), "it wants to be loaded"


def test_the_host_has_the_last_word():
    with Federation([([A], {"modules_disabled": '{ "dialback", "s2s_bidi" }',
                            "extra": f'    modules_enabled = {{ "dialback" }}\n{COMPONENT}    modules_enabled = {{ "s2s_bidi" }}\n'
                                     '    modules_disabled = { "s2s_auth_certs" }\n'})]) as f:
        equal(offered(f), {"mechanisms", "dialback"})
        equal(offered(f, ROOMS), {"bidi"})


def test_no_way_without_dialback():
    with one(remotes=(C,), modules_disabled='{ "dialback" }') as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept().answer_tls(DIALBACK)
        equal(ann.find("message", type="error").error()[1], "remote-server-not-found")
        f.servers[0].log_has("dialback is off here")


def test_what_is_written_of_the_option_counts():
    with one(modules_disabled='{ "dialback" }', s2s_dialback="true") as f:
        equal(offered(f), ALL)


@rows(("on", None, True), ("off", '{ "s2s" }', False))
def test_components(disabled, there):
    """modules_disabled of the server is for components, too."""
    with one(modules_disabled=disabled or "{ }", extra=COMPONENT) as f:
        link = f.connect(there=ROOMS) if there else None
        if there:
            link.begin_tls()
        else:
            assert "s2s listens" not in f.servers[0].log()
