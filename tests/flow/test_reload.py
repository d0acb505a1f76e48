"""`prosody-ctl module reload` under load: nobody is dropped, nothing is lost, the new code runs."""
import os
import pathlib
import subprocess

import sasl
from flow import HOST, alone, equal
from server import BUILD, PASSWORD, SCALE, settle

SESSIONS = int(os.environ.get("PC_RELOAD_SESSIONS", "30"))
BUILT_IN = ("c2s", "admin_shell")

SERVER = dict(accounts=SESSIONS + 4)


def ctl(server, *args, status=0):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def modules(server):
    """All that are loaded and can be replaced."""
    names = [line.split()[1] for line in ctl(server, "module", "list").splitlines() if line.strip()]
    return [name for name in names if name not in BUILT_IN and not name.startswith("storage_")]


def test_each_module_while_messages_flow(server):
    clients = [server.online() for _ in range(SESSIONS)]
    settle(*clients)
    pairs, total = list(zip(clients[::2], clients[1::2])), 0
    for turn, module in enumerate(modules(server)):
        reload = subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, "module", "reload", module],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
        sent = 0
        while reload.poll() is None or sent == 0:
            for a, b in pairs:
                a.message(b.jid, f"{turn} {sent}")
            sent += 1
            for a, b in pairs:
                equal(b.expect("message").child_text("body"), f"{turn} {sent - 1}")
        assert reload.returncode == 0, f"{module}: {reload.stdout.read()}"
        total += sent * len(pairs)
    print(f"{SESSIONS} sessions, {turn + 1} modules reloaded, {total} messages: none is lost, nobody is dropped")
    for c in clients:
        c.nothing()
    for a, b in pairs[:2]:
        a.roster_set(b.bare, "Friend")
        a.presence(to=b.bare, type="subscribe")
        b.find("presence", type="subscribe")


def test_in_the_middle_of_a_log_in(server):
    user = server.account()
    c = server.client()
    c.open()
    exchange = sasl.Scram("SCRAM-SHA-256", user, PASSWORD)
    c.auth("SCRAM-SHA-256", exchange.first())
    challenge = c.expect("challenge", "sasl")
    ctl(server, "module", "reload", "saslauth")
    c.respond(exchange.final(challenge.text))
    exchange.verify(c.expect("success", "sasl").text)


@alone(accounts=2, hosts={HOST: {}, "leaves.localhost": {}})
def test_host_leaves_the_configuration(server):
    """Whoever has a stream to it is told so, logged in or not; other hosts go on."""
    server.stop()
    server.add_accounts([("romeo", "leaves.localhost", PASSWORD)])
    server.start()
    stays, opened, authenticated, bound = server.online(), *(server.client("leaves.localhost") for _ in range(3))
    opened.open()
    authenticated.open()
    authenticated.authenticate("romeo", PASSWORD)
    authenticated.open()
    bound.login("romeo", PASSWORD, "r")
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace('VirtualHost "leaves.localhost"', ""))
    ctl(server, "reload")
    for c in (opened, authenticated, bound):
        c.expect_stream_error("host-gone")
    c = server.client("leaves.localhost")
    c.send_header()
    c.expect_header()
    c.expect_stream_error("host-unknown")
    stays.nothing()
    server.config_file.write_text(text)
    ctl(server, "reload")
    server.client("leaves.localhost").login("romeo", PASSWORD, "r").nothing()


def test_storage_cannot_be_reloaded(server):
    said = ctl(server, "module", "reload", "*", "storage_sqlite", status=4)
    assert "restart" in said, said


def build(folder, name, text):
    include = pathlib.Path(__file__).resolve().parents[2] / "include"
    source = folder / f"mod_{name}.c"
    source.write_text("#include <prosody-c/prosody-c.h>\n" + text)
    subprocess.run(["gcc", "-std=c11", "-fPIC", "-shared", f"-I{include}", source, "-o", folder / f"mod_{name}.so"],
                   check=True)


ANSWER = """
static pc_result on(pc_event *ev, void *d)
{
	pc_stanza *r = pc_stanza_result(pc_event_stanza(ev));
	(void)d;
	pc_stanza_leaf(pc_stanza_open(r, "q", "urn:example"), "v", "%s");
	return pc_reply(ev, r);
}
static void load(pc_module *m) { %s pc_hook(m, "iq-get/host/urn:example:q", on, 0); }
PC_MODULE(answer, %s .load = load);
"""


def answer(client):
    return client.iq("get", "<q xmlns='urn:example'/>", to=HOST).child("q").child_text("v")


@alone(accounts=1)
def test_new_code_runs_and_bad_code_does_not(server):
    folder = server.dir / "plugins.d"
    folder.mkdir()
    build(folder, "answer", ANSWER % ("one", "", ""))
    ctl(server, "module", "load", HOST, "answer")
    user = server.login()
    equal(answer(user), "one")
    build(folder, "answer", ANSWER % ("two", "", ""))
    equal(answer(user), "one")
    ctl(server, "module", "reload", HOST, "answer")
    equal(answer(user), "two")
    bad = (("missing symbol", ANSWER % ("x", "extern void pc_nowhere(void); pc_nowhere();", ""), "pc_nowhere"),
           ("another ABI", ANSWER % ("x", "", ".abi_major = 99,"), "ABI"),
           ("failing load", ANSWER % ("x", 'pc_module_fail(m, "not today");', ""), "not today"))
    for what, text, says in bad:
        build(folder, "answer", text)
        assert says in ctl(server, "module", "reload", HOST, "answer", status=4), what
        equal(answer(user), "two")


@alone(accounts=1, hosts={HOST: {}, "leaves.localhost": {}})
def test_host_leaves_with_a_module_that_nobody_may_unload(server):
    """A module that cannot be replaced while its host is there still goes with it."""
    folder = server.dir / "plugins.d"
    folder.mkdir()
    build(folder, "kept", "static void load(pc_module *m) { (void)m; }\nPC_MODULE(kept, .no_reload = true, .load = load);")
    ctl(server, "module", "load", "leaves.localhost", "kept")
    assert "cannot be unloaded" in ctl(server, "module", "unload", "leaves.localhost", "kept", status=4)
    server.config_file.write_text(server.config_file.read_text().replace('VirtualHost "leaves.localhost"', ""))
    ctl(server, "reload")
    server.login().nothing()
