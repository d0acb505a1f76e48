"""The examples of plugins.d: modules that know nothing but the public headers."""
import socket

import sasl
from client import DEADLINE
from flow import HOST, PASSWORD, alone, equal, rows
from server import BUILD, free_ports

PLUGINS = f'{{ "{BUILD}/examples" }}'
COMMON = '{ "saslauth", "ping", "disco", "roster", "presence", "message", "iq" %s }'
LINE_PORT, QUIET_PORT = free_ports(2)

# By the user's name: what a program can do wrong.
PROGRAM = """while read verb user host password; do case $user in
hangs) exec sleep 1000;;
dies) exit 3;;
nonsense) echo maybe;;
long) echo yesyesyesyesyesyes;;
twice) echo yes; echo yes;;
null) printf 'no\\\\0\\\\n';;
slow) printf y; printf es; echo;;
*) [ "$verb $password" = "check c2VjcmV0" ] && echo yes || echo no;;
esac; done"""

SERVER = dict(
    config={"plugin_paths": PLUGINS,
            "modules_enabled": COMMON % ', "echo_bot", "message_filter", "line_listener"',
            "message_filter_words": '{ "casino", "größe", "" }',
            "line_listener_ports": f"{{ {LINE_PORT} }}", "line_listener_secret": '"open sesame"'},
    hosts={HOST: {},
           "asks.localhost": {"authentication": '"command"', "modules_enabled": "{ }",
                              "modules_disabled": '{ "line_listener" }',
                              "auth_command": f'{{ "/bin/sh", "-c", [[{PROGRAM}]] }}'},
           "nobody.localhost": {"authentication": '"command"', "modules_disabled": '{ "line_listener" }',
                                "auth_command": '{ "/nonexistent/program" }'}},
    extra='Component "echo.localhost" "echo_bot"\n')


# ---- mod_echo_bot

@rows(("user", "echo@localhost"), ("user_in_capitals", "ECHO@localhost"), ("resource", "echo@localhost/any"),
      ("component", "echo.localhost"), ("user_of_component", "who@echo.localhost/r"))
def test_echo(server, address):
    c = server.login()
    c.message(address, "<hello> & more", inner="<thread>t1</thread>")
    reply = c.expect("message", type="chat", to=c.jid)
    equal((reply.child_text("body"), reply.child_text("thread")), ("<hello> & more", "t1"))
    equal(reply.get("from").lower(), address.lower())


def test_echo_says_nothing_to_what_is_no_talk(server):
    c = server.login()
    for kind in ("error", "headline", "groupchat"):
        c.message("echo@localhost", "no", type=kind)
    c.message("echo@localhost", None)
    c.nothing()


def test_echo_leaves_others_alone(server):
    a, b = server.online(), server.online()
    a.message(b.jid, "hi")
    equal(b.expect("message").child_text("body"), "hi")
    a.nothing()


# ---- mod_message_filter

@rows(("nothing", "hello", "hello"), ("one", "the CaSiNo opens", "the ****** opens"),
      ("two", "casinocasino", "************"), ("end", "a casino", "a ******"),
      ("characters", "die größe!", "die *****!"), ("escaped", "<casino>&", "<******>&"))
def test_rewritten(server, said, heard):
    a, b = server.login(), server.online()
    a.message(b.jid, said)
    equal(b.expect("message").child_text("body"), heard)


def test_each_language_is_rewritten_alone(server):
    a, b = server.login(), server.online()
    a.message(b.jid, "clean", inner="<body xml:lang='de'>Casino!</body><x xmlns='urn:example'>casino</x>")
    got = b.expect("message")
    equal({body.get("http://www.w3.org/XML/1998/namespace lang"): body.text for body in got.all("body")},
          {None: "clean", "de": "******!"})
    equal(got.child_text("x"), "casino")


@alone(config={"plugin_paths": PLUGINS, "modules_enabled": COMMON % ', "message_filter"',
               "message_filter_words": '"casino"', "message_filter_action": '"reject"'}, accounts=2)
def test_rejected_and_dropped(server):
    a, b = server.login(), server.online()
    ident = a.message(b.bare, "casino")
    error = a.expect("message", type="error", id=ident).child("error")
    assert error.child("not-acceptable", "stanzas"), str(error)
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace('"reject"', '"drop"'))
    server.ctl("reload")
    a.message(b.bare, "casino")
    a.message(b.bare, "other")
    equal(b.expect("message").child_text("body"), "other")
    a.nothing()


# ---- mod_auth_command

def log_in(server, user, password=PASSWORD, host="asks.localhost"):
    c = server.client(host)
    c.open()
    c.auth("PLAIN", sasl.plain(user, password))
    return c


def fails(c, condition):
    failure = c.expect("failure", "sasl", timeout=20)
    assert failure.child(condition), str(failure)


def test_program_says_yes(server):
    c = server.client("asks.localhost")
    features = c.open()
    equal([m.text for m in features.child("mechanisms", "sasl").children], ["PLAIN"])
    server.client("asks.localhost").login("slow", PASSWORD, "r", mechanism="PLAIN").nothing()
    fails(log_in(server, "romeo", "wrong"), "not-authorized")
    fails(log_in(server, "romeo", "two words"), "not-authorized")
    fails(log_in(server, "romeo", "x" * 1000), "not-authorized")


@rows(*((user, user) for user in ("hangs", "dies", "nonsense", "long", "null")))
def test_program_fails(server, user):
    c = log_in(server, user)
    waits = log_in(server, "juliet")
    fails(c, "temporary-auth-failure")
    waits.next(timeout=20)  # the answer of the old one or of the new one
    server.client("asks.localhost").login("juliet", PASSWORD, "r", mechanism="PLAIN").nothing()


def test_program_answers_what_was_not_asked(server):
    log_in(server, "twice").next()
    c = log_in(server, "juliet")
    c.next()
    server.client("asks.localhost").login("juliet", PASSWORD, "r", mechanism="PLAIN").nothing()


def test_no_program(server):
    for _ in range(2):
        fails(log_in(server, "romeo", host="nobody.localhost"), "temporary-auth-failure")


@rows(("reload", "reload"), ("unload", "unload"))
def test_program_goes_with_its_module(server, how):
    c = log_in(server, "hangs")
    server.ctl("module", how, "asks.localhost", "auth_command")
    fails(c, "temporary-auth-failure")
    if how == "unload":
        server.ctl("module", "load", "asks.localhost", "auth_command")
    server.client("asks.localhost").login("juliet", PASSWORD, "r", mechanism="PLAIN").nothing()


# ---- mod_line_listener

class Lines:
    def __init__(self, port=LINE_PORT):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.file = self.sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, data):
        self.send(data)
        return self.file.readline()

    def cut_off(self, data, says):
        answer = self.ask(data)
        assert answer.startswith(b"ERR") and says in answer, answer
        equal(self.file.readline(), b"")


def known():
    lines = Lines()
    equal(lines.ask("AUTH open sesame\n"), b"OK\n")
    return lines


def test_line_becomes_a_message(server):
    user = server.online()
    lines = known()
    equal(lines.ask(f"SEND {user.user} a <text> & more\n"), b"OK\n")
    message = user.expect("message", type="headline", from_=HOST)
    equal(message.child_text("body"), "a <text> & more")
    lines.send(f"SEND {user.user.upper()} one\nSEND {user.user} two\nSEND ")
    for byte in f"{user.user} three\n":
        lines.send(byte)
    equal([user.expect("message").child_text("body") for _ in range(3)], ["one", "two", "three"])


def test_what_xml_cannot_carry_is_replaced(server):
    user = server.online()
    equal(known().ask(b"SEND " + user.user.encode() + b" a\x01b\xffc\n"), b"OK\n")
    equal(user.expect("message").child_text("body"), "a\ufffdb\ufffdc")
    user.nothing()


@rows(("nothing_else", "\n"), ("send_before", "SEND user0 hello\n"), ("wrong", "AUTH open\n"),
      ("longer", "AUTH open sesame!\n"), ("empty", "AUTH \n"), ("null", "AUTH open sesame\0\n"))
def test_secret_is_needed(server, line):
    Lines().cut_off(line + "AUTH open sesame\nSEND user0 hello\n", b"secret")


@rows(("unknown", "QUIT\n", b"what"), ("null", "SEND user0 a\0b\n", b"what"), ("long", "x" * 5000, b"too long"),
      ("long_text", "SEND user0 " + "x" * 2100 + "\n", b"too long"))
def test_line_is_refused(server, line, says):
    known().cut_off(line, says)


@rows(("no_text", "SEND user0\n"), ("no_user", "SEND  text\n"), ("bad_user", "SEND us@er text\n"))
def test_address_is_refused(server, line):
    lines = known()
    assert lines.ask(line).startswith(b"ERR")
    equal(lines.ask("AUTH open sesame\n"), b"OK\n")


def test_nobody_there(server):
    """The error comes to the host, which does not answer it."""
    equal(known().ask("SEND nobody hello\n"), b"OK\n")
    server.login().nothing()


@alone(config={"plugin_paths": PLUGINS, "modules_enabled": COMMON % ', "line_listener"',
               "line_listener_ports": f"{{ {QUIET_PORT} }}", "line_listener_secret": '"open sesame"',
               "line_listener_read_timeout": "0.2"}, accounts=0)
def test_silence_ends_the_connection(server):
    lines = Lines(QUIET_PORT)
    equal(lines.file.readline(), b"")


def test_unloading_ends_the_connections(server):
    lines = known()
    server.ctl("module", "reload", HOST, "line_listener")
    equal(lines.ask("AUTH open sesame\n"), b"OK\n")
    server.ctl("module", "unload", HOST, "line_listener")
    equal(lines.file.readline(), b"")
    server.ctl("module", "load", HOST, "line_listener")
    equal(known().ask("AUTH open sesame\n"), b"OK\n")
