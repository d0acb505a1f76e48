"""Federation with Prosody, which knows all of the ways that we do."""
import talk
from federated import Bed, Prosody
from flow import rows

ROWS = talk.table(talk.WAYS + talk.ONE_WAY)
SERVER_CLASS = Bed
SERVER = dict(peer=Prosody, pairs=talk.pairs_of(ROWS))


@rows(*((name, name, *more) for name, *more in ROWS))
def test_meet(server, *args):
    talk.meet(server, *args)


def test_room(server):
    talk.room(server)


@rows(("SIGTERM", "SIGTERM"), ("SIGKILL", "SIGKILL"))
def test_they_end(server, how):
    talk.they_end(server, how)


@rows(("SIGTERM", "SIGTERM"), ("SIGKILL", "SIGKILL"))
def test_we_end(server, how):
    talk.we_end(server, how)


def test_we_renew(server):
    talk.we_renew(server)


def test_they_renew(server):
    talk.they_renew(server)


def test_their_certificate_ends(server):
    talk.their_certificate_ends(server)


def test_we_insist_on_certificates(server):
    talk.strangers(server, "we-insist")


def test_they_insist_on_certificates(server):
    talk.strangers(server, "they-insist")


@rows(("both_ways", "managed"), ("one_way", "managed-one-way"))
def test_acknowledges(server, name):
    """What each says is acknowledged by the other (XEP-0198), and what was not is said again on another stream."""
    talk.acknowledges(server, name)


@rows(("both_ways", "cut"), ("one_way", "cut-one-way"))
def test_cut(server, name):
    talk.cut(server, name)
