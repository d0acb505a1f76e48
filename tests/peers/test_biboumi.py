"""biboumi, a gateway to IRC, as an external component (XEP-0114): it connects, is discovered, and carries messages both
ways between a client and an IRC server of the test's own."""
import os
import random
import socket
import subprocess

from client import DEADLINE
from flow import equal
from peer import SERVER as _SERVER
from peer import program, scripted
from server import free_ports

DOMAIN, SECRET = "irc.localhost", "gateway secret"
PORT, IDENTD = free_ports(2)
SERVER = dict(config={**_SERVER["config"], "component_ports": f"{{ {PORT} }}", "component_interfaces": '{ "127.0.0.1" }'},
              accounts=2, extra=f'Component "{DOMAIN}"\n    component_secret = "{SECRET}"\n')
MUC, MUC_USER = "http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user"


class Irc:
    """As much of an IRC server (RFC 2812) as one who joins a channel needs. Gateways come to the port that all have, so it
    has an address of its own on loopback."""

    def __init__(self):
        self.address = f"127.{random.randrange(16, 250)}.{random.randrange(250)}.{random.randrange(1, 250)}"
        self.listener = socket.create_server((self.address, 6667))
        self.listener.settimeout(2 * DEADLINE)
        self.sock = self.lines = None

    def accept(self):
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(2 * DEADLINE)
        self.lines = self.sock.makefile("r", encoding="utf-8", newline="\r\n")

    def say(self, *lines):
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def expect(self, command):
        """The arguments of the next such command; what comes before is passed over, pings are answered."""
        for line in self.lines:
            word, _, rest = line.strip().partition(" ")
            if word == "PING":
                self.say(f":{self.address} PONG {self.address} {rest}")
            elif word == command:
                return rest
        raise AssertionError(f"the gateway has gone where {command} was awaited")

    def welcome(self):
        """The registration of a client; its nickname."""
        nick = self.expect("NICK").lstrip(":")
        self.expect("USER")
        self.say(f":{self.address} 001 {nick} :Welcome", f":{self.address} 375 {nick} :-", f":{self.address} 376 {nick} :End")
        return nick

    def let_in(self, nick, *others):
        channel = self.expect("JOIN").split()[0].lstrip(":")
        self.say(f":{nick}!user@host JOIN :{channel}", f":{self.address} 353 {nick} = {channel} :{nick} {' '.join(others)}",
                 f":{self.address} 366 {nick} {channel} :End")
        return channel

    def close(self):
        for s in (self.lines, self.sock, self.listener):
            if s:
                s.close()


class Biboumi:
    def __init__(self, server):
        command = program("biboumi")
        home = server.dir / "biboumi"
        home.mkdir()
        config = home / "biboumi.cfg"
        config.write_text(f"hostname={DOMAIN}\npassword={SECRET}\nxmpp_server_ip=127.0.0.1\nport={PORT}\nidentd_port={IDENTD}\n"
                          f"db_name={home}/db.sqlite\nlog_level=1\nlog_file={home}/log\npolicy_directory={home}\n")
        self.log = home / "log"
        self.process = subprocess.Popen([command, config], cwd=home, env={**os.environ, "HOME": str(home)},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.log_has("the component has connected")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(2 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def discovered(user):
    info = user.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=DOMAIN)
    equal((info.get("type"), info.get("from")), ("result", DOMAIN))
    identities = {(i.get("category"), i.get("type")) for i in info.child("query").all("identity")}
    assert ("conference", "irc") in identities, identities
    assert MUC in {f.get("var") for f in info.child("query").all("feature")}
    items = user.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to="localhost")
    assert DOMAIN in [i.get("jid") for i in items.child("query").children]


def joined(user, irc):
    """The room of a channel, with its occupants."""
    room = f"#test%{irc.address}@{DOMAIN}"
    user.presence(f"<x xmlns='{MUC}'/>", to=f"{room}/juliet")
    irc.accept()
    nick = irc.welcome()
    equal((nick, irc.let_in(nick, "romeo")), ("juliet", "#test"))
    user.find("presence", from_=f"{room}/romeo")
    own = user.find("presence", from_=f"{room}/juliet")
    assert "110" in [s.get("code") for s in own.child("x", MUC_USER).all("status")], own
    return room


def test_gateway(server):
    user, gateway, irc = scripted(server), Biboumi(server), Irc()
    try:
        discovered(user)
        room = joined(user, irc)
        user.message(room, "good evening", type="groupchat")
        equal(irc.expect("PRIVMSG"), "#test :good evening")
        equal(user.find("message", from_=f"{room}/juliet", has="body").child_text("body"), "good evening")
        irc.say(":romeo!user@host PRIVMSG #test :and to you")
        equal(user.find("message", from_=f"{room}/romeo", has="body").child_text("body"), "and to you")
        irc.say(":romeo!user@host PRIVMSG juliet :in private")
        private = user.find("message", from_=f"romeo%{irc.address}@{DOMAIN}", has="body")
        equal(private.child_text("body"), "in private")
        user.message(private.get("from"), "privately back")
        equal(irc.expect("PRIVMSG"), "romeo :privately back")
        user.presence(to=f"{room}/juliet", type="unavailable")
        irc.expect("PART")
    finally:
        irc.close()  # first: it waits for its connections to end
        gateway.stop()
    server.log_has("the component has gone")
