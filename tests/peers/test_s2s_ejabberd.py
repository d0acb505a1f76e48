"""Federation with ejabberd: one stream for each direction."""
import dataclasses

import talk
from federated import Bed, Ejabberd
from flow import rows

ROWS = talk.table([(name, dataclasses.replace(pair, their_bidi=False), *more) for name, pair, *more in talk.WAYS])
SERVER_CLASS = Bed
SERVER = dict(peer=Ejabberd, pairs=talk.pairs_of(ROWS))


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
