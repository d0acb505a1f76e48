"""XEP-0227: exported and imported again it is the same; what others write; files that are meant to harm."""
import os
import stat
import subprocess
import threading

from flow import HOST, PASSWORD, Server, alone, equal, rows
from server import BUILD, SCALE
from test_import import COUNTS, check_live, ctl, kept, table, write_files

SERVER = dict(accounts=0)
PIE = "urn:xmpp:pie:0"
KEYS = ("<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count>"
        "<salt>QSXCR+Q6sek8bf92</salt><server-key>D+CSWLOshSulAsxiupA+qs2/fTE=</server-key>"
        "<stored-key>6dlGYMOdZcOPutkcNY8U2g7vK9Y=</stored-key></scram-credentials>")  # of "pencil": RFC 5802 section 5


def data(text, host=HOST, declared=""):
    return f"<?xml version='1.0'?><server-data xmlns='{PIE}'{declared}><host jid='{host}'>{text}</host></server-data>"


def user(name, text="", attrs=" password='x'"):
    return f"<user name='{name}'{attrs}>{text}</user>"


def names(server):
    """Accounts, also of a server that does not run."""
    return sorted(line.split("@")[0] for line in server.ctl("user", "list", HOST).splitlines() if "@" in line)


def write(server, text, name="in.xml"):
    file = server.dir / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


# ---- there and back

@rows(("stopped", False), ("running", True))
@alone(accounts=0)
def test_there_and_back(server, running):
    """From Prosody, exported, imported elsewhere, exported: the two exports are equal, and it can be used."""
    source = write_files(server.dir / "old")
    if not running:
        server.stop()
    ctl(server, "import", "prosody", source)
    file = server.dir / "export.xml"
    ctl(server, "export", "xep227", file)
    equal(stat.S_IMODE(file.stat().st_mode), 0o600)
    other = Server(accounts=0)
    try:
        if running:
            other.start()
        equal(table(ctl(other, "import", "xep227", file, "--dry-run")), {what: (n, 0, n, n) for what, n in COUNTS.items()})
        equal(table(ctl(other, "import", "xep227", file)), {what: (n, 0, n, n) for what, n in COUNTS.items()})
        equal(ctl(other, "export", "xep227", "-"), file.read_text())
        first = kept(other)
        assert "nothing was changed" in ctl(other, "import", "xep227", file)
        equal(kept(other), first)
        assert not list((other.dir / "data").glob("moving-*"))
        other.stop()
        check_live(other)
    finally:
        other.stop()


@alone(accounts=3)
def test_chosen(server):
    """One account, one host; what is there is never overwritten; who is not there is said."""
    file = server.dir / "out.xml"
    ctl(server, "export", "xep227", "--user", f"user1@{HOST}", file)
    equal(file.read_text().count("<user "), 1)
    assert "<user name='user1'>" in file.read_text()
    assert "already" in (ctl(server, "export", "xep227", file, status=4), server.said)[1]
    equal(ctl(server, "export", "xep227", "--host", HOST, "-").count("<user "), 3)
    assert "no host with accounts" in (ctl(server, "export", "xep227", "--host", "far.example", "-", status=4), server.said)[1]
    assert "no such account" in (ctl(server, "export", "xep227", "--user", f"nobody@{HOST}", "-", status=4), server.said)[1]
    ctl(server, "export", "xep227", "--user", HOST, "-", status=2)
    ctl(server, "export", "xep227", status=2)
    ctl(server, "export", "prosody", "x", status=2)
    ctl(server, "export", "xep227", server.dir / "no" / "folder.xml", status=1)
    assert not list((server.dir / "data").glob("moving-*"))


@alone(accounts=3, config={"offline_max_messages": "10000"})
def test_export_while_messages_come(server):
    """Each message that was acknowledged before is in it, in order, and the file is whole."""
    sender = server.login("user0")
    for n in range(300):
        sender.message(f"user1@{HOST}", f"m{n}")
    assert not sender.sync()
    done = threading.Event()

    def go_on():
        n = 300
        while not done.is_set():
            sender.message(f"user1@{HOST}", f"m{n}")
            n += 1
            if n % 50 == 0:
                sender.sync()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        text = ctl(server, "export", "xep227", "-")
    finally:
        done.set()
        thread.join()
    bodies = [part.split("</body>")[0] for part in text.split("<body>")[1:]]
    assert len(bodies) >= 300, len(bodies)
    equal(bodies, [f"m{n}" for n in range(len(bodies))])
    other = Server(accounts=0)
    try:
        out = ctl(other, "import", "xep227", write(other, text))
        equal(table(out)["offline messages"], (len(bodies), 0, len(bodies), len(bodies)))
        other.start()
        other.login("user2", PASSWORD).close()
    finally:
        other.stop()


# ---- what others write

OTHERS = data(f"""
<user name='JULIET'>{KEYS}
  <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-MD5'><salt>QQ==</salt></scram-credentials>
  <presence xmlns='jabber:client' type='subscribe' from='mercutio@montague.net'/>
  <query xmlns='jabber:iq:roster'><item jid='romeo@montague.net' name='Romeo' subscription='both'><group>Friends</group></item>
    <item jid='nurse@capulet.com' subscription='from' approved='true'/></query>
  <presence xmlns='jabber:client' type='subscribe' from='nurse@capulet.com'><status>Hm?</status></presence>
  <offline-messages><message xmlns='jabber:client' from='romeo@montague.net/orchard' to='juliet@{HOST}/balcony' type='chat'>
      <body>Neither, fair saint</body><delay xmlns='urn:xmpp:delay' from='{HOST}' stamp='1969-07-21T00:32:29Z'>Offline Storage</delay>
  </message></offline-messages>
  <query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs' xmlns:f='urn:f' f:x='1'><f:y>Hamlet</f:y></exodus></query>
  <query xmlns='jabber:iq:privacy'><default name='public'/><list name='public'>
      <item type='jid' value='tybalt@example.com' action='deny' order='1'/><item action='allow' order='2'/></list>
    <list name='private'><item type='subscription' value='both' action='allow' order='10'/></list></query>
  <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:n'><item id='a'><n xmlns='urn:n'/></item></items></pubsub>
  <strange xmlns='urn:strange'><xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='nowhere'/></strange>
</user>""")


@alone(accounts=0)
def test_of_others(server):
    """The examples of the specification, and what they leave open."""
    file = write(server, OTHERS)
    out = ctl(server, "import", "xep227", file, status=5)
    for text in ("in.xml:3: keys of SCRAM-MD5", "in.xml:12: the privacy list private is not used by default"):
        assert text in server.said, server.said
    equal(server.said.count("left out: in.xml"), 2)
    assert "not moved: in.xml:16: <strange xmlns='urn:strange'/>" in out, out
    equal(table(out), {"accounts": (1, 0, 1, 1), "contacts": (3, 0, 3, 3), "private elements": (1, 0, 1, 1), "PEP nodes": (1, 0, 1, 1),
                       "blocked addresses": (1, 0, 1, 1), "PEP items": (1, 0, 1, 1), "offline messages": (1, 0, 1, 1)})
    private = [value for _, store, _, value in kept(server)[0] if store == "private"]
    equal(len(private), 1)
    assert "='urn:f'" in private[0] and ">Hamlet<" in private[0], private
    juliet = server.client()
    juliet.open()
    equal(juliet.scram("SCRAM-SHA-1", "juliet", "pencil").name, "success")
    juliet.open()
    juliet.bind("r")
    juliet.presence()
    asked = {juliet.find("presence", type="subscribe").get("from") for _ in range(2)}
    equal(asked, {"mercutio@montague.net", "nurse@capulet.com"})
    came = juliet.find("message", type="chat")
    equal(came.child_text("body"), "Neither, fair saint")
    equal([d.get("stamp") for d in came.children if d.name == "delay"], ["1969-07-21T00:32:29Z"])


@rows(("file", "main.xml"), ("folder", "."))
@alone(accounts=0)
def test_includes(server, source):
    """XInclude as the specification lays it out; nothing outside of the folder, and no text of a user's."""
    folder = server.dir / "pie"
    xi = " xmlns:xi='http://www.w3.org/2001/XInclude'"
    write(server, user("mallory", "", " password='outside'"), "outside.xml")
    write(server, f"<server-data xmlns='{PIE}'{xi}><xi:include href='{HOST}.xml'/></server-data>", "pie/main.xml")
    write(server, f"<host xmlns='{PIE}'{xi} jid='{HOST}'>" + "".join(
        f"<xi:include href='{href}'/>" for href in (
            f"{HOST}/juliet.xml", f"{HOST}/%72omeo.xml", "../outside.xml", f"{server.dir}/outside.xml", "file:///etc/passwd",
            "link.xml", "nowhere.xml", "http://localhost/x", f"{HOST}.xml", f"{HOST}/short.xml", "fifo.xml", "main.xml"))
        + "</host>", f"pie/{HOST}.xml")
    write(server, f"<user xmlns='{PIE}'{xi} name='juliet' password='x'><xi:include href='roster.xml'/></user>", f"pie/{HOST}/juliet.xml")
    write(server, "<query xmlns='jabber:iq:roster'><item jid='a@far.example'/></query>", f"pie/{HOST}/roster.xml")
    write(server, f"<user xmlns='{PIE}'{xi} name='romeo' password='x'/>", f"pie/{HOST}/romeo.xml")
    write(server, f"<user xmlns='{PIE}'{xi} name='short' password='x'><vCard xmlns='vcard-temp'/>", f"pie/{HOST}/short.xml")
    os.symlink(server.dir / "outside.xml", folder / "link.xml")
    os.mkfifo(folder / "fifo.xml")
    if source == ".":
        os.unlink(folder / "fifo.xml")  # a folder is read file by file
    out = ctl(server, "import", "xep227", folder / source, status=5)
    equal(names(server), ["juliet", "romeo"])
    equal(table(out)["contacts"], (1, 0, 1, 1))
    for text in ("../outside.xml cannot be included: it lies outside", "link.xml cannot be included: it lies outside",
                 "outside.xml is not included", "file:///etc/passwd is not included", "http://localhost/x is not included",
                 "nowhere.xml cannot be included: No such file", f"{HOST}/short.xml:1: no element found",
                 f"short@{HOST}, with all that belongs to it"):
        assert text in server.said, (text, server.said)


# ---- files that are meant to harm

GOOD = user("first", "<vCard xmlns='vcard-temp'/>")
BAD = {
    "dtd": (f"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>{data(user('bad'))}", "in.xml:1: it has a DTD"),
    "external": (f"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>{data(user('bad'))}", "in.xml:1: it has a DTD"),
    "entity": (data(GOOD + user("bad", "\n&xxe;")), "in.xml:2: undefined entity"),
    "truncated": (data(GOOD + user("bad", "\n<vCard xmlns='vcard-temp'/>"))[:-28], "in.xml:2: no element found"),
    "cut in an element": (data(GOOD + user("bad", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>"))[:-70], "in.xml:1: unclosed token"),
    "deep": (data(GOOD + user("bad", "<vCard xmlns='vcard-temp'>" + "<x>" * 100000)), "in.xml:1: elements are nested too deeply"),
    "deep nowhere": (data(GOOD + user("bad", "<x xmlns='urn:x'>" + "<x>" * 100000)), "in.xml:1: elements are nested too deeply"),
    "long tag": (data(GOOD + user("bad", f"<vCard xmlns='vcard-temp' x='{'x' * (8 << 20)}'/>")), "a tag is too long"),
    "not UTF-8": (data(GOOD + user("bad")).replace("bad", "b\xe4d").encode("latin-1"), "in.xml:1: not well-formed"),
    "no XML": ("return {}", "in.xml:1: syntax error"),
    "empty": ("", "in.xml:1: no element found"),
    "two roots": (data(GOOD) + "<x/>", "in.xml:1: junk after document element"),
    "namespace of the root": ("<server-data xmlns='urn:x'/>", "in.xml:1: it is no data of XEP-0227, but <server-data xmlns='urn:x'/>"),
    "undeclared prefix": (data(GOOD + user("bad", "<a:x/>")), "in.xml:1: unbound prefix"),
}


@rows(*((name, *each) for name, each in BAD.items()))
@alone(accounts=0)
def test_files(server, text, said):
    """What cannot be read to its end is named with its place; users before it come, that one not in part."""
    ctl(server, "import", "xep227", write(server, text), status=(1, 5))
    assert said in server.said, server.said
    assert "Sanitizer" not in server.said, server.said
    whole = "first" in str(text)
    equal(names(server), ["first"] if whole else [])
    equal({owner for owner, *_ in kept(server)[0]}, {"first"} if whole else set())


USERS = {
    "name": (user("a b"), "the user a b of localhost has a name that no account can have"),
    "empty name": (user(""), "has a name that no account can have"),
    "no name": ("<user password='x'/>", "the user without a name"),
    "long name": (user("x" * 2000), "has a name that no account can have"),
    "contact": (user("ok", "<query xmlns='jabber:iq:roster'>\n<item jid='@@'/></query>"), "in.xml:2: the contact @@ is no address"),
    "request": (user("ok", "<presence xmlns='jabber:client' from='a@b'/>"), "the presence of a@b is no request"),
    "blocked": (user("ok", "<blocklist xmlns='urn:xmpp:blocking'><item jid='@'/></blocklist>"), "@ is blocked and no address"),
    "keys": (user("ok", KEYS.replace(">4096<", ">0<")), "the keys of SCRAM-SHA-1 are damaged"),
    "iterations": (user("ok", KEYS.replace(">4096<", ">04096<")), "the keys of SCRAM-SHA-1 are damaged"),
    "base64": (user("ok", KEYS.replace("QSXC", "!!!!")), "the keys of SCRAM-SHA-1 are damaged"),
    "twice": (user("ok", KEYS + KEYS), "keys of SCRAM-SHA-1 come twice"),
    "archives": (user("ok", "<archive xmlns='urn:xmpp:pie:0#mam'/>" * 2), "the archive of ok@localhost comes twice"),
    "result": (user("ok", "<archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2' id='1'/></archive>"), "is damaged"),
    "nodes": (user("ok", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items/></pubsub>"), "a node without a name"),
    "large": (user("ok", f"<vCard xmlns='vcard-temp'><x>{'<x>x</x>' * 400000}</x></vCard>"), "the element is too large"),
    "many": (user("ok", f"<vCard xmlns='vcard-temp'><x>{'<x/>' * 20000}</x></vCard>"), "one that the server would not read"),
    "no password": (user("none", "<vCard xmlns='vcard-temp'/>", ""), "none@localhost has neither password nor keys"),
}


@rows(*((name, *each) for name, each in USERS.items()))
@alone(accounts=0)
def test_pieces(server, text, said):
    """A piece that cannot be taken is named with its place; the rest of the file comes."""
    ctl(server, "import", "xep227", write(server, data(text + user("last"))), status=5)
    assert said in server.said and "left out: in.xml:" in server.said, server.said
    equal(names(server), ["last", "ok"] if "'ok'" in text else ["last"])


@alone(accounts=0)
def test_hosts(server):
    """A host that is not configured is named; its users are not taken."""
    file = write(server, data(user("a"), host="elsewhere.example"))
    out = ctl(server, "import", "xep227", file, status=5)
    assert "not taken: accounts of a@elsewhere.example: no such host is configured" in out, out
    ctl(server, "import", "xep227", write(server, data(user("a"), host="@")), status=5)
    assert "the host @ is no address" in server.said, server.said
    assert "no data of XEP-0227" in (ctl(server, "import", "xep227", server.dir / "certs", status=1), server.said)[1]
    ctl(server, "import", "xep227", server.dir / "nowhere", status=1)


@alone(accounts=0)
def test_large(server):
    """A file of 60 MB goes through prosody-ctl in little memory."""
    body = "x" * 3000
    with open(server.dir / "in.xml", "w") as f:
        f.write(f"<server-data xmlns='{PIE}'><host jid='{HOST}'><user name='big' password='x'><archive xmlns='urn:xmpp:pie:0#mam'>")
        for n in range(20000):
            f.write(f"<result xmlns='urn:xmpp:mam:2' id='{n}'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'"
                    f" from='a@b.example'><body>{body}</body></message></forwarded></result>")
        f.write("</archive></user></host></server-data>")
    command = [BUILD / "prosody-ctl", "-c", server.config_file, "import", "xep227", server.dir / "in.xml", "--dry-run"]
    done = subprocess.run(["/usr/bin/python3", "-c", "import resource, subprocess, sys\n"
                           "status = subprocess.call(sys.argv[1:])\n"
                           "print('memory', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(status)", *command],
                          stdout=subprocess.PIPE, text=True, timeout=120 * SCALE)
    equal(done.returncode, 0)
    memory = int(done.stdout.split("memory ")[1])
    equal(table(done.stdout)["archived messages"], (20000, 0, 20000, 20000))
    print(f"{memory} KB")
    assert memory < 500000, memory  # of the sanitizers' making for the most part
