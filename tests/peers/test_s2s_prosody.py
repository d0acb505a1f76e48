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


def test_we_insist_on_certificates(server):
    talk.strangers(server, "we-insist")


def test_they_insist_on_certificates(server):
    talk.strangers(server, "they-insist")
