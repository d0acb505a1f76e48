"""Moving in from a real Prosody: it is filled by slixmpp, stopped, imported, and logged in to."""
import asyncio
import os
import shutil
import subprocess

from flow import HOST, Skip, alone, equal, rows
from server import SCALE, free_ports
from xml.etree import ElementTree

try:
    import slixmpp
except ImportError:
    slixmpp = None

USERS = ("ann", "bob")
CONFIG = """
data_path = "{dir}/prosody"; pidfile = "{dir}/prosody.pid"; log = "{dir}/prosody.log"; certificates = "{dir}/certs"
interfaces = {{ "127.0.0.1" }}; c2s_ports = {{ {port} }}; s2s_ports = {{ }}; http_ports = {{ }}; https_ports = {{ }}
modules_enabled = {{ "roster", "saslauth", "private", "vcard", "blocklist", "offline", "pep", "mam", "ping", "disco" }}
modules_disabled = {{ "s2s", "tls" }}
run_as_root = true; c2s_require_encryption = false; allow_unencrypted_plain_auth = true
{options}
VirtualHost "localhost"
"""
STORAGE = {"internal": "", "sql": 'storage = "sql"; sql = {{ driver = "SQLite3", database = "prosody.sqlite" }}'.replace("{{", "{")
           .replace("}}", "}")}


class Prosody:
    def __init__(self, folder, authentication, storage):
        self.dir, self.port = folder, free_ports(1)[0]
        (folder / "prosody").mkdir()
        self.config = folder / "prosody.cfg.lua"
        self.config.write_text(CONFIG.format(dir=folder, port=self.port, options=f'authentication = "{authentication}"; {STORAGE[storage]}'))
        for user in USERS:
            subprocess.run(["prosodyctl", "--config", self.config, "register", user, HOST, f"pw {user}"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30 * SCALE)
        self.process = subprocess.Popen(["prosody", "--config", self.config, "-F"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(30 * SCALE)


async def connected(prosody, user):
    """It retries by itself until Prosody listens."""
    x = slixmpp.ClientXMPP(f"{user}@{HOST}", f"pw {user}")
    x.auto_authorize, x.auto_subscribe = None, False
    up = asyncio.get_running_loop().create_future()
    x.add_event_handler("session_start", lambda _: up.done() or up.set_result(True))
    x.register_plugin("xep_0191")
    x["feature_mechanisms"].unencrypted_scram = x["feature_mechanisms"].unencrypted_plain = True
    if hasattr(x, "enable_direct_tls"):  # slixmpp 1.9 and newer
        x.enable_direct_tls = x.enable_starttls = False
        x.enable_plaintext = True
        x.connect("127.0.0.1", prosody.port)
    else:
        x.connect(("127.0.0.1", prosody.port), disable_starttls=True, use_ssl=False)
    await asyncio.wait_for(up, 30 * SCALE)
    await x.get_roster()
    return x


async def send(x, text):
    iq = x.make_iq_set()
    iq.append(ElementTree.fromstring(text))
    await iq.send(timeout=30 * SCALE)


async def fill(prosody):
    ann = await connected(prosody, "ann")
    await ann.update_roster(f"bob@{HOST}", name="Bob", groups=["Friends"])
    ann.send_presence(pto=f"bob@{HOST}", ptype="subscribe")
    await send(ann, "<query xmlns='jabber:iq:private'><notes xmlns='urn:x:notes'><n>ä</n></notes></query>")
    await ann["xep_0191"].block("spam.example")
    await send(ann, "<vCard xmlns='vcard-temp'><FN>Ann</FN></vCard>")
    await send(ann, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/nick'>"
                    "<item id='current'><nick xmlns='http://jabber.org/protocol/nick'>Annie</nick></item></publish></pubsub>")
    for n in range(3):
        ann.send_message(f"bob@{HOST}", f"hello {n}", mtype="chat")
    await ann["xep_0191"].get_blocked(timeout=30 * SCALE)  # what was sent before has been handled
    await ann.disconnect()


@rows(("hashed files", "internal_hashed", "internal"), ("plain files", "internal_plain", "internal"),
      ("hashed database", "internal_hashed", "sql"))
@alone(accounts=0)
def test_moving_in(server, authentication, storage):
    if slixmpp is None or not shutil.which("prosody") or os.geteuid() != 0:
        raise Skip("prosody or slixmpp is not installed, or we are not root, who may use its files")
    server.stop()
    prosody = Prosody(server.dir, authentication, storage)
    try:
        asyncio.run(fill(prosody))
    finally:
        prosody.stop()
    out = server.ctl("import", "prosody", server.dir / "prosody")
    for line in ("accounts           2 found, 0 here before, 2 added, 2 here after", "contacts           2 found",
                 "private elements   1 found", "blocked addresses  1 found", "vCards             1 found",
                 "PEP nodes          1 found", "PEP items          1 found", "offline messages   3 found",
                 "archived messages  6 found"):
        assert line in out, out
    assert "nothing was changed" in server.ctl("import", "prosody", server.dir / "prosody")
    server.start()
    ann = server.client().login("ann", "pw ann", "r")
    ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    item = ann.find("iq", id="r").children[0].children[0]
    equal((item.get("jid"), item.get("name"), item.get("ask"), item.children[0].text), (f"bob@{HOST}", "Bob", "subscribe", "Friends"))
    bob = server.client().login("bob", "pw bob", "r", roster=True, presence=True)
    equal(bob.find("presence", type="subscribe").get("from"), f"ann@{HOST}")
    equal([bob.find("message").child_text("body") for _ in range(3)], [f"hello {n}" for n in range(3)])
