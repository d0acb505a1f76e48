"""What other modules are told of streams with other servers: the events that Prosody's plugins know."""
import pathlib
import re
import subprocess

from federation import A, B, BIDI, C, DIALBACK, EXTERNAL, one
from flow import equal, rows

LISTENER = r"""
#include <prosody-c/prosody-c.h>

static pc_result on_event(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const char *mechanism = pc_event_str(ev, "mechanism");
	pc_stanza *st;

	(void)data;
	pc_log(pc_event_module(ev), PC_INFO, "TOLD %s %s %s %s", pc_event_name(ev),
	       s && s->type == PC_S2SIN ? "in" : s && s->type == PC_S2SOUT ? "out" : "?",
	       pc_event_str(ev, "remote"), mechanism ? mechanism : "-");
	st = pc_stanza_message("chat", pc_module_host_name(pc_event_module(ev)), pc_event_str(ev, "remote"));
	pc_stanza_set(st, "id", pc_event_name(ev));
	pc_send(pc_event_module(ev), st);
	return PC_PASS;
}

static pc_result on_features(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_open(pc_event_stanza(ev), "extra", "urn:example");
	return PC_PASS;
}

static pc_result on_route(pc_event *ev, void *data)
{
	(void)data;
	if (!pc_stanza_child(pc_event_stanza(ev), "mine", "urn:example"))
		return PC_PASS;
	return pc_reply_error(ev, NULL, "gone", "taken by a plugin");
}

static void load(pc_module *m)
{
	pc_hook(m, "s2s-authenticated", on_event, 0);
	pc_hook(m, "s2sin-established", on_event, 0);
	pc_hook(m, "s2sout-established", on_event, 0);
	pc_hook(m, "s2s-stream-features", on_features, 0);
	pc_hook(m, "route/remote", on_route, 0);
}

PC_MODULE(told, .summary = "Is told", .load = load);
"""


def listen(f):
    folder = f.servers[0].dir / "plugins.d"
    folder.mkdir()
    include = pathlib.Path(__file__).resolve().parents[2] / "include"
    (folder / "mod_told.c").write_text(LISTENER)
    subprocess.run(["gcc", "-std=c11", "-fPIC", "-shared", f"-I{include}", folder / "mod_told.c", "-o", folder / "mod_told.so"],
                   check=True)
    f.servers[0].ctl("module", "load", A, "told")


def told(f):
    return re.findall(r"TOLD (.*)", f.servers[0].log())


@rows(("by_certificate", EXTERNAL, "EXTERNAL"), ("by_dialback", DIALBACK, "dialback"), ("both_ways", EXTERNAL + BIDI, "EXTERNAL"))
def test_our_stream(features, mechanism):
    """And who writes from within finds a stream that takes it, in order."""
    with one(remotes=(C,)) as f:
        listen(f)
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(features)
        if BIDI in features:
            link.expect("bidi", "bidi")
        if mechanism == "EXTERNAL":
            link.take_external()
        else:
            link.expect("result", "dialback")
            link.result("", type="valid")
        equal(link.expect("message").child_text("body"), "x")
        equal({link.expect("message").get("id") for _ in range(2)}, {"s2s-authenticated", "s2sout-established"})
        equal(set(told(f)), {f"s2s-authenticated out {C} {mechanism}", f"s2sout-established out {C} -"})


@rows(("by_certificate", True), ("by_dialback", False))
def test_their_stream(certificate):
    with one(remotes=(C,)) as f:
        listen(f)
        link = f.connect(cert=f.ca.make("shown", C) if certificate else None)
        features = link.begin_tls()
        assert features.child("extra", "urn:example"), features
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")
        if certificate:
            link.auth("EXTERNAL", "=")
            link.expect("success", "sasl")
            other = f.remotes[C].accept()  # the first event's message
            link.begin()
        else:
            link.result("the-key")
            other = f.remotes[C].accept()
            other.answer_tls(DIALBACK)
            asked = other.expect("verify", "dialback")
            other.verify("", asked.get("id"), type="valid")
            link.expect("result", "dialback", type="valid")
            equal({link.expect("message").get("id") for _ in range(2)}, {"s2s-authenticated", "s2sin-established"})
        f.servers[0].log_has("TOLD s2sin-established")
        mechanism = "EXTERNAL" if certificate else "dialback"
        equal([line for line in told(f) if " in " in line], [f"s2s-authenticated in {C} {mechanism}", f"s2sin-established in {C} -"])


def test_a_plugin_takes_what_is_for_others():
    with one(remotes=(B, C)) as f:
        listen(f)
        ann = f.online("ann", A)
        ann.send(f"<message to='eve@{B}'><mine xmlns='urn:example'/></message>")
        equal(ann.expect("message", type="error").error()[1], "gone")
        f.remotes[B].nobody()
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept()


def test_they_are_in_the_reference():
    with one() as f:
        reference = f.servers[0].ctl("about", "--reference")
        for name in ("s2s-stream-features", "s2s-authenticated", "s2sin-established", "s2sout-established", "route/remote"):
            assert name in reference, name
