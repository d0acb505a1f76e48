"""Federation with Prosody where the DNS names certificates (RFC 7673), in a signed zone whose anchor both have.

Prosody 0.12 asks for records where it connects. It does not where it is connected to: there nobody vouches for a
certificate that only records name, so that our stream is proved by dialback, or has to be the one that it opened."""
import dataclasses

import talk
from federated import Bed, Pair, Prosody, ours, theirs, until
from federation import Authority
from flow import equal, rows

PRIVATE = "private"  # a certificate of an authority that nobody knows


@dataclasses.dataclass(frozen=True)
class Named(Pair):
    """Which certificate the TLSA records of our, of their target name."""
    our_record: str = "own"
    their_record: str = "own"


OWN = Named(our_cert=False, their_cert=False, we_insist=True)
UNDER = Named(our_cert=PRIVATE, their_cert=PRIVATE, we_insist=True, our_record="authority", their_record="authority")
OTHER = Named(our_record="other", their_record="other", they_insist=True)
PAIRS = {
    "own-we-open": OWN, "own-they-open": dataclasses.replace(OWN, they_insist=True),
    "own-each-way": dataclasses.replace(OWN, our_bidi=False), "own-direct": dataclasses.replace(OWN, direct=True),
    "under-we-open": UNDER, "under-they-open": dataclasses.replace(UNDER, they_insist=True),
    "other": OTHER, "other-direct": dataclasses.replace(OTHER, direct=True),
}


class SignedBed(Bed):
    sign, private = "example", None

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.ca.make("other", "other.example")
        for name, pair in self.pairs.items():
            self.publish(ours(name), pair.our_record)
            self.publish(theirs(name), pair.their_record)

    @staticmethod
    def target(domain):
        return f"xmpp.{domain}"

    def certify(self, domain, good):
        if good == PRIVATE:
            self.private = self.private or Authority("private")
            # OpenSSL wants the target's name, Prosody the domain's.
            self.private.make(domain, domain, self.target(domain))
            chain = self.private.dir / f"{domain}.crt"
            chain.write_text(chain.read_text() + self.private.root.read_text())
            self.show(domain, self.private)
        else:
            super().certify(domain, good)

    def publish(self, domain, named):
        record = self.private.tlsa("root", 2, 0) if named == "authority" else self.ca.tlsa(domain if named == "own" else named)
        self.zone.put(f"_{self.at[domain]}._tcp.{self.target(domain)}", "TLSA", record)

    def end(self):
        super().end()
        if self.private:
            self.private.close()


SERVER_CLASS = SignedBed
SERVER = dict(peer=Prosody, pairs=PAIRS)


def we_know_them(name):
    return f"{theirs(name)} is who it should be: the TLSA records of {SignedBed.target(theirs(name))} name its certificate (DANE)"


def they_come(name):
    return (f"it says to be {theirs(name)}, and is: the TLSA records of {SignedBed.target(theirs(name))} name its certificate"
            " (DANE)")


@rows(("own", "own-we-open"), ("direct_tls", "own-direct"), ("of_its_authority", "under-we-open"))
def test_we_open(server, name):
    ann, bob = server.both(name)
    talk.chat(ann, bob)
    server.log_has(we_know_them(name))
    server.log_has(f"stream to {theirs(name)}: proved by dialback")
    equal(server.streams(name), ["in", "out"])


@rows(("own", "own-they-open"), ("of_its_authority", "under-they-open"))
def test_they_open(server, name):
    """Neither would have anything else."""
    ann, bob = server.both(name)
    talk.chat(bob, ann)
    server.log_has(they_come(name))
    server.log_has(f"stream from {theirs(name)}: proved by its certificate")
    equal(server.streams(name), ["in"])


def test_one_each_way(server):
    name = "own-each-way"
    ann, bob = server.both(name)
    talk.chat(bob, ann)
    for line in (they_come(name), we_know_them(name)):
        server.log_has(line)
    until(lambda: server.streams(name) == ["in", "out"], "one stream each way")


@rows(("starttls", "other"), ("direct_tls", "other-direct"))
def test_another_certificate(server, name):
    """However much both of them like the authority. The one who connects refuses; both operators can read why."""
    ann, bob = server.both(name)
    for one, other in ((ann, bob), (bob, ann)):
        equal(talk.ping(one, other.host), "error")
        equal(one.find("message", id=one.message(other.jid), type="error").error()[1], "remote-server-timeout")
    server.log_has(f"{server.target(theirs(name))} port {server.at[theirs(name)]} is not trusted for {theirs(name)}: its"
                   " certificate is not the one that its TLSA records name (DANE)")
    server.log_has(f"who says to be {theirs(name)} ends its stream: not-authorized (Your server's certificate is not trusted)")
    assert "no matching DANE TLSA records" in server.peer.said()
    equal(server.streams(name), [])
