"""Ad-hoc commands (XEP-0050) by a module of the test's own, with stages, waiting and rights."""
import pathlib
import subprocess

from adhoc import COMMANDS, FORMS, Command, actions, details, notes, submit, values
from flow import HOST, NS, alone, equal, rows
from server import BUILD

SERVER = dict(config={"modules_enabled": '{ "roster", "saslauth", "disco", "ping", "adhoc" }',
                      "admins": '{ "boss@localhost" }'}, accounts=25)

SURVEY = r"""
static const pc_field first_fields[] = {
	{ .var = "name", .label = "Name", .required = true }, { 0 } };
static const pc_form first = { .title = "One", .fields = first_fields };
static const pc_choice colours[] = { { "red", 0 }, { "blue", 0 }, { 0 } };
static const pc_field second_fields[] = {
	{ .var = "colour", .type = PC_FIELD_LIST, .choices = colours, .value = "blue" }, { 0 } };
static const pc_form second = { .title = "Two", .fields = second_fields };

static void survey(pc_adhoc_call *call, pc_module *m)
{
	const pc_values *a, *b;

	(void)m;
	switch (pc_adhoc_stage(call)) {
	case 0:
		pc_adhoc_note(call, "info", "from %s", pc_adhoc_from(call));
		pc_adhoc_ask(call, &first, NULL, PC_ADHOC_NEXT);
		break;
	case 1:
		if (pc_adhoc_answer(call, 0, &first))
			pc_adhoc_ask(call, &second, NULL, PC_ADHOC_NEXT | PC_ADHOC_COMPLETE);
		break;
	default:
		a = pc_adhoc_answer(call, 0, &first);
		b = a ? pc_adhoc_answer(call, 1, &second) : NULL;
		if (b == NULL)
			return;
		pc_form_tell(pc_adhoc_payload(call), &second, b);
		pc_adhoc_done(call, "%s likes %s", pc_values_get(a, "name"), pc_values_get(b, "colour"));
	}
}

static void later(void *data) { pc_adhoc_fail(data, "no luck"); }
static void slow(pc_adhoc_call *call, pc_module *m) { pc_after(m, 0.3, later, call); }
static void never(pc_adhoc_call *call, pc_module *m) { (void)call; (void)m; }

static const pc_adhoc commands[] = {
	{ "survey", "A survey", NULL, "Asks twice", survey },
	{ "slow", "Slow", ":slow", "Takes a moment", slow },
	{ "never", "Never", ":slow", "Never ends", never },
	{ "secret", "Secret", "survey:secret", "For admins", slow },
	{ 0 } };
static const pc_permission permissions[] = {
	{ ":slow", "prosody:registered", "To wait" }, { ":secret", "prosody:admin", "To know" }, { 0 } };

PC_MODULE(survey, .summary = "A survey", .adhoc = commands, .permissions = permissions);
"""


def survey(server):
    """Loads the module; nothing where it is loaded."""
    folder = server.dir / "plugins.d"
    if not folder.exists():
        folder.mkdir()
        include = pathlib.Path(__file__).resolve().parents[2] / "include"
        (folder / "mod_survey.c").write_text("#include <prosody-c/prosody-c.h>\n" + SURVEY)
        subprocess.run(["gcc", "-std=c11", "-fPIC", "-shared", f"-I{include}", folder / "mod_survey.c", "-o",
                        folder / "mod_survey.so"], check=True)
    server.ctl("module", "load", HOST, "survey")


def begin(server, node="survey"):
    survey(server)
    return Command(server.login(), node)


def boss(server):
    server.ctl("adduser", f"boss@{HOST}", "secret", check=False)
    return server.login("boss")


def disco(client, kind, node):
    return client.iq("get", f"<query xmlns='{NS[kind]}' node='{node}'/>", to=HOST)


def listed(client):
    return {i.get("node"): i.get("name") for i in disco(client, "disco#items", COMMANDS).child("query").all("item")}


def test_discovery(server):
    survey(server)
    c = server.login()
    features = c.iq("get", f"<query xmlns='{NS['disco#info']}'/>", to=HOST).child("query").all("feature")
    assert COMMANDS in [f.get("var") for f in features]
    equal(listed(c), {"survey": "A survey", "slow": "Slow", "never": "Never"})
    assert "secret" in listed(boss(server))
    identity = disco(c, "disco#info", COMMANDS).child("query").child("identity")
    equal((identity.get("category"), identity.get("type")), ("automation", "command-list"))
    query = disco(c, "disco#info", "survey").child("query")
    identity = query.child("identity")
    equal([identity.get(a) for a in ("category", "type", "name")], ["automation", "command-node", "A survey"])
    equal({f.get("var") for f in query.all("feature")}, {COMMANDS, FORMS})
    equal(disco(c, "disco#info", "secret").error()[1], "forbidden")
    equal(disco(c, "disco#info", "nonsense").error()[1], "item-not-found")


def test_stages_there_and_back(server):
    command = begin(server)
    reply = command.run("execute")
    equal(actions(reply), ("next", ["next"]))
    equal(notes(reply), [("info", f"from {command.client.jid}")])
    equal(reply.child("command").get("http://www.w3.org/XML/1998/namespace lang"), "en")
    reply = command.run("next", submit({"name": "Kim"}))
    equal(actions(reply), ("next", ["prev", "next", "complete"]))
    equal(values(reply), {"colour": ["blue"]})
    equal(actions(command.run("prev"))[1], ["next"])
    command.run(None, submit({"name": "Lee"}))
    reply = command.run("complete", submit({"colour": "red"}), status="completed")
    equal(values(reply), {"colour": ["red"]})
    equal(notes(reply), [("info", "Lee likes red")])
    equal(details(command.send("next")), ("not-allowed", "session-expired"))


def test_a_cancelled_form_counts_as_submitted(server):
    command = begin(server)
    command.run()
    command.run("next", submit({"name": "Kim"}).replace("submit", "cancel"))


def test_cancel(server):
    command = begin(server)
    command.run()
    command.run("cancel", status="canceled")
    equal(details(command.send("next")), ("not-allowed", "session-expired"))


def test_a_bad_payload_may_be_corrected(server):
    command = begin(server)
    command.run()
    for bad in (submit({"name": ""}), "", submit({"other": "x"})):
        reply = command.send("next", bad)
        equal((details(reply), reply.error()[0]), (("bad-request", "bad-payload"), "modify"))
    command.run("next", submit({"name": "Kim"}))
    equal(details(command.send("complete", submit({"colour": "green"}))), ("bad-request", "bad-payload"))
    command.run("prev")
    command.run("next", submit({"name": "Mo"}))
    equal(notes(command.fill_in({"colour": "red"})), [("info", "Mo likes red")])


@rows(("malformed", dict(action="jump"), ("bad-request", "malformed-action")),
      ("not offered", dict(action="prev"), ("bad-request", "bad-action")),
      ("too early", dict(action="complete"), ("bad-request", "bad-action")),
      ("language", dict(more=" xml:lang='de'"), ("bad-request", "bad-locale")),
      ("empty session", dict(session=False, more=" sessionid=''"), ("bad-request", "bad-sessionid")),
      ("unknown session", dict(session=False, more=" sessionid='x'"), ("bad-request", "bad-sessionid")))
def test_refused_in_a_session(server, sent, wanted):
    command = begin(server)
    command.run()
    equal(details(command.send(**sent)), wanted)
    command.run("next", submit({"name": "still there"}))


@rows(("action", "survey", dict(action="next"), ("bad-request", "bad-action")),
      ("node", "nonsense", {}, ("item-not-found", None)),
      ("rights", "secret", {}, ("forbidden", None)),
      ("english of a kind", "survey", dict(more=" xml:lang='EN-gb'"), None))
def test_refused_at_the_beginning(server, node, sent, wanted):
    reply = begin(server, node).send(**sent)
    equal(details(reply) if wanted else reply.get("type"), wanted or "result")


def test_no_node(server):
    c = begin(server).client
    equal(c.iq("set", f"<command xmlns='{COMMANDS}'/>", to=HOST).error(), ("modify", "bad-request"))


def test_a_session_is_its_callers(server):
    command = begin(server)
    command.run()
    other = Command(server.login(), "survey")
    other.session = command.session
    equal(details(other.send("next", submit({"name": "x"}))), ("bad-request", "bad-sessionid"))
    wrong = Command(command.client, "slow")
    wrong.session = command.session
    equal(details(wrong.send("next")), ("bad-request", "bad-sessionid"))


def test_waiting(server):
    equal(notes(begin(server, "slow").run(status="completed")), [("error", "no luck")])


def test_too_many_of_one(server):
    survey(server)
    c = server.login()
    commands = [Command(c, "survey") for _ in range(11)]
    for command in commands:
        command.run()
    equal(details(commands[0].send("next")), ("not-allowed", "session-expired"))
    commands[1].run("next", submit({"name": "Kim"}))


def test_sessions_end_with_their_caller(server):
    survey(server)
    user = server.account()
    command = Command(server.login(user, "one"), "survey")
    command.run()
    command.client.close()
    command.client = server.login(user, "one")
    equal(details(command.send("next")), ("not-allowed", "session-expired"))


@alone(config={**SERVER["config"], "adhoc_max_sessions": "2", "adhoc_session_timeout": "0.2"}, accounts=3)
def test_bounded_in_number_and_time(server):
    survey(server)
    clients = [server.login() for _ in range(3)]
    command = Command(clients[0], "survey")
    command.run()
    replies = [Command(c, "survey").send() for c in clients[1:]]
    assert replies[0].get("type") == "result" or replies[1].get("type") == "result"
    while clients[2].iq("get", f"<ping xmlns='{NS['ping']}'/>", to=HOST) is not None:
        reply = Command(clients[2], "survey").send()
        if reply.get("type") == "result":
            break
        equal(reply.error(), ("wait", "resource-constraint"))
    equal(details(command.send("next", submit({"name": "x"}))), ("not-allowed", "session-expired"))


@alone(config=SERVER["config"], accounts=4)
def test_reload_and_unload(server):
    """A command whose module is replaced goes on in its old code; one whose module is unloaded ends."""
    command = begin(server)
    command.run()
    server.ctl("module", "reload", "survey")
    command.run("next", submit({"name": "Kim"}))
    waiting = Command(server.login(), "never")
    ident = waiting.send(wait=False)
    equal(listed(command.client)["survey"], "A survey")
    server.ctl("module", "unload", "survey")
    equal(waiting.client.find("iq", id=ident).error()[1], "item-not-found")
    equal(command.send("complete").error()[1], "item-not-found")
    equal(listed(command.client), {})
    survey(server)
    another = Command(server.login(), "survey")
    another.run()
    server.ctl("module", "reload", "adhoc")
    equal(details(another.send("next")), ("bad-request", "bad-sessionid"))
    another.session = None
    another.run()
    server.ctl("module", "unload", "adhoc")
    equal(Command(another.client, "survey").send().error()[1], "service-unavailable")


def test_a_stage_outlives_the_reload_of_the_protocol(server):
    command = begin(server, "slow")
    ident = command.send(wait=False)
    subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, "module", "reload", "adhoc"], check=True,
                   stdout=subprocess.DEVNULL)
    reply = command.client.find("iq", id=ident)
    equal(notes(reply), [("error", "no luck")])
