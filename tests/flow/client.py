"""A client under the test's full control: every byte that it sends is the test's, every element that
comes is looked at. Whatever waits has a deadline; nothing sleeps."""
import collections
import itertools
import os
import socket
import ssl
import time

import sasl
import xml.parsers.expat
from xml.sax.saxutils import escape, quoteattr
from xmlstream import NS, StreamParser

SCALE = float(os.environ.get("PC_TIME_SCALE", "1"))
DEADLINE = 10 * SCALE
_ids = itertools.count(1)


class Ended(AssertionError):
    """The server closed its stream or the connection, where an element was awaited."""


def tls_context(maximum=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["xmpp-client"])
    if maximum:
        context.maximum_version = maximum
    return context


class Client:
    def __init__(self, port, host="localhost", direct_tls=False, context=None, source="127.0.0.1"):
        self.host, self.context = host, context or tls_context()
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE, source_address=(source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.jid = self.bare = self.user = None
        self.seen_header = None   # the server's stream header
        self.eof = False          # the server has closed the connection
        self.ended = False        # the server has closed its stream
        self.queue = collections.deque()
        self.restart_parser()
        if direct_tls:
            self.start_tls_layer()

    # ---- bytes

    def restart_parser(self):
        self.queue.clear()
        self.parser = StreamParser(self.queue)

    def start_tls_layer(self):
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)

    def send(self, data):
        self.sock.settimeout(DEADLINE)
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def receive(self, deadline):
        """Reads once and feeds the parser; False when the connection has ended."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError("nothing came before the deadline")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            raise AssertionError("nothing came before the deadline") from None
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            self.eof = True
            return False
        try:
            self.parser.feed(data)
        except xml.parsers.expat.ExpatError as e:
            raise AssertionError(f"the server sent what is no XML ({e}): {data!r}") from None
        return True

    # ---- elements

    def pending(self, deadline):
        """Waits until something is queued; False when the connection ended instead."""
        while not self.queue:
            if self.eof or not self.receive(deadline):
                return False
        return True

    def next(self, timeout=None):
        """The next top-level element, whatever it is."""
        deadline = time.monotonic() + (timeout * SCALE if timeout else DEADLINE)
        if not self.pending(deadline):
            raise Ended("the connection ended where an element was awaited")
        kind, element = self.queue.popleft()
        if kind == "end":
            self.ended = True
            raise Ended("the stream ended where an element was awaited")
        if kind == "header":
            self.seen_header = element
            return self.next(timeout)
        return element

    def expect(self, name=None, ns=None, timeout=None, **attrs):
        """The next element must be this one."""
        element = self.next(timeout)
        assert element.matches(name, ns, **attrs), f"expected {name} {ns or ''} {attrs}, got {element}"
        return element

    def find(self, name=None, ns=None, timeout=None, **attrs):
        """The first element of that kind, maybe behind others, which stay for later."""
        passed = []
        try:
            while True:
                element = self.next(timeout)
                if element.matches(name, ns, **attrs):
                    return element
                passed.append(element)
        except AssertionError as e:
            raise AssertionError(f"no {name} {ns or ''} {attrs}: {e}; came: {passed}") from None
        finally:
            self.queue.extendleft(("element", p) for p in reversed(passed))

    def expect_header(self):
        deadline = time.monotonic() + DEADLINE
        assert self.pending(deadline), "the connection ended where a stream header was awaited"
        kind, element = self.queue.popleft()
        assert kind == "header", f"expected a stream header, got {element}"
        assert element.matches("stream", "stream"), f"no stream header: {element}"
        self.seen_header = element
        return element

    def expect_end(self, closing=True):
        """The server closes its stream (unless `closing` is False) and the connection."""
        deadline = time.monotonic() + DEADLINE
        while not self.eof:
            self.receive(deadline)
        kinds = [kind for kind, _ in self.queue]
        assert "element" not in kinds, f"more came before the end: {list(self.queue)}"
        assert not closing or self.ended or "end" in kinds, "the connection ended without </stream:stream>"
        self.ended = True

    def expect_stream_error(self, *conditions):
        """A stream error of one of these conditions, then the end. Returns the error."""
        element = self.next()
        assert element.matches("error", "stream"), f"expected a stream error {conditions}, got {element}"
        names = [c.name for c in element.children if c.ns == NS["streams"] and c.name != "text"]
        assert len(names) == 1 and names[0] in conditions, f"expected {conditions}, got {element}"
        self.expect_end()
        return element

    def sync(self):
        """All elements that came before the server has handled what was sent so far."""
        ident = self.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=self.host, wait=False)
        came = []
        while True:
            element = self.next()
            if element.name == "iq" and element.get("id") == ident:
                return came
            came.append(element)

    def nothing(self):
        came = self.sync()
        assert not came, f"something came: {came}"

    # ---- streams and log-in

    def open(self, to=None, version="1.0", xmlns="jabber:client", extra=""):
        """Opens a stream, returns the features. `to` defaults to the host, "" leaves it out."""
        self.send_header(to, version, xmlns, extra)
        self.expect_header()
        return self.expect("features", "stream")

    def send_header(self, to=None, version="1.0", xmlns="jabber:client", extra=""):
        self.restart_parser()
        attrs = "".join(f" {key}={quoteattr(value)}" for key, value in (
            ("to", self.host if to is None else to), ("version", version)) if value)
        self.send(f"<?xml version='1.0'?><stream:stream xmlns='{xmlns}'"
                  f" xmlns:stream='http://etherx.jabber.org/streams'{attrs}{extra}>")

    def starttls(self):
        self.send(f"<starttls xmlns='{NS['tls']}'/>")
        self.expect("proceed", "tls")
        self.start_tls_layer()
        self.restart_parser()

    def auth(self, mechanism, initial=None):
        text = "" if initial is None else initial or "="
        self.send(f"<auth xmlns='{NS['sasl']}' mechanism='{mechanism}'>{text}</auth>")

    def respond(self, text):
        self.send(f"<response xmlns='{NS['sasl']}'>{text}</response>")

    def scram(self, mechanism, user, password, **args):
        """One SCRAM exchange to its end; the last element that came."""
        exchange = sasl.Scram(mechanism, user, password, **args)
        self.auth(mechanism, exchange.first())
        challenge = self.next()
        if challenge.name != "challenge":
            return challenge
        self.respond(exchange.final(challenge.text))
        end = self.next()
        if end.name == "success":
            exchange.verify(end.text)
        return end

    def authenticate(self, user, password, mechanism="SCRAM-SHA-1"):
        if mechanism == "PLAIN":
            self.auth("PLAIN", sasl.plain(user, password))
            end = self.next()
        else:
            end = self.scram(mechanism, user, password)
        assert end.matches("success", "sasl"), f"not authenticated: {end}"
        self.user, self.bare = user, f"{user}@{self.host}"

    def bind(self, resource=None):
        inner = f"<resource>{escape(resource)}</resource>" if resource is not None else ""
        reply = self.iq("set", f"<bind xmlns='{NS['bind']}'>{inner}</bind>")
        assert reply.get("type") == "result", f"not bound: {reply}"
        self.jid = reply.child("bind", "bind").child_text("jid")
        self.bare = self.jid.partition("/")[0]
        return self.jid

    def login(self, user, password, resource=None, mechanism="SCRAM-SHA-1", tls=False, presence=False,
              roster=False):
        self.open()
        if tls:
            self.starttls()
            self.open()
        self.authenticate(user, password, mechanism)
        self.open()
        self.bind(resource)
        if roster:
            self.roster()
        if presence:
            self.presence(presence if isinstance(presence, str) else "")
        return self

    # ---- stanzas

    def iq(self, kind, payload="", to=None, wait=True, ident=None):
        """Sends an iq; its answer, or its id where that is not waited for."""
        ident = ident or f"i{next(_ids)}"
        to = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{ident}'{to}>{payload}</iq>")
        if not wait:
            return ident
        return self.find("iq", id=ident)

    def roster(self):
        """The items of the roster by JID."""
        reply = self.iq("get", f"<query xmlns='{NS['roster']}'/>")
        assert reply.get("type") == "result", str(reply)
        return {item.get("jid"): item for item in reply.child("query").children}

    def roster_set(self, jid, name=None, groups=(), **attrs):
        name = f" name={quoteattr(name)}" if name else ""
        more = "".join(f" {key}={quoteattr(value)}" for key, value in attrs.items())
        inner = "".join(f"<group>{escape(g)}</group>" for g in groups)
        return self.iq("set", f"<query xmlns='{NS['roster']}'><item jid={quoteattr(jid)}{name}{more}>{inner}"
                              "</item></query>")

    def push(self):
        """A roster push: its item. It is answered."""
        iq = self.find("iq", type="set", has="query")
        assert iq.get("from") in (None, self.bare), str(iq)
        self.send(f"<iq type='result' id={quoteattr(iq.get('id'))}/>")
        return iq.child("query", "roster").child("item")

    def presence(self, inner="", to=None, type=None, reflected=True):
        attrs = "".join(f" {key}={quoteattr(value)}" for key, value in (("to", to), ("type", type)) if value)
        self.send(f"<presence{attrs}>{inner}</presence>")
        if not to and not type and reflected:
            return self.find("presence", from_=self.jid)
        return None

    def message(self, to, body="hello", type="chat", inner=""):
        kind = f" type='{type}'" if type else ""
        to = f" to={quoteattr(to)}" if to else ""
        body = f"<body>{escape(body)}</body>" if body is not None else ""
        ident = f"m{next(_ids)}"
        self.send(f"<message{to}{kind} id='{ident}'>{body}{inner}</message>")
        return ident

    def close(self):
        """Leaves in order: the server has forgotten this session when it returns."""
        if not self.eof:
            try:
                self.send("</stream:stream>")
                deadline = time.monotonic() + DEADLINE
                while self.receive(deadline):
                    pass
            except (OSError, AssertionError):
                pass
        self.sock.close()

    def abort(self):
        self.sock.close()
