"""mod_mimicking: nobody registers a name that looks like that of somebody else."""
import sqlite3

from flow import HOST, Server, alone, equal, rows
from test_accounts import eventually
from test_registration import config, register, stranger

CONFIG = config('"mimicking"')
SERVER = dict(config=CONFIG, accounts=0)
CONFLICT = ("cancel", "conflict")


def skeletons(server):
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        return dict(db.execute("SELECT key, value FROM items JOIN owner ON owner = id WHERE store = 'skeletons'"
                               " AND user = ''"))


@rows(("cyrillic a", "paypal", "p\u0430ypal"), ("cyrillic whole word", "scope", "\u0455\u0441\u043e\u0440\u0435"),
      ("greek omicron", "google", "go\u03bfgle"), ("the other way", "w\u0435rner", "werner"),
      ("digit", "hallo1", "hallol"), ("rn and m", "maryanne", "rnaryanne"), ("upper case", "v\u0456ktor", "VIKTOR"),
      ("accents are told apart by nobody's eye", "a\u0301nna", "\u00e1nna"))
def test_look_alike(server, first, second):
    equal(register(server, first), None)
    equal(register(server, second), CONFLICT)
    equal(register(server, second.upper()), CONFLICT)
    equal(register(server, first), CONFLICT)  # it is there


def test_others_are_free(server):
    for name in ("anna", "anja", "\u0430\u043d\u043d\u0430\u043c\u0430\u0440\u0438\u044f", "\u03b1\u03bd\u03bd\u03b1\u03ba\u03b9", "a.nna", "x" * 1000):
        equal((name, register(server, name)), (name, None))


def test_after_a_refusal_and_after_deletion(server):
    equal(register(server, "taken"), None)
    c = stranger(server)
    equal(register(server, "t\u0430ken", client=c), CONFLICT)
    equal(register(server, "taken2", client=c), None)
    server.ctl("deluser", f"taken@{HOST}")
    eventually(lambda: "taken" not in skeletons(server).values())
    equal(register(server, "t\u0430ken"), None)
    equal(register(server, "taken"), CONFLICT)


def test_two_at_once(server):
    """Whoever is later by a moment is refused, whichever of them it is."""
    for n in range(10):
        clients = [stranger(server) for _ in range(4)]
        names = [f"race{n}{a}{b}" for a in "a\u0430" for b in "e\u0435"]
        idents = [c.iq("set", "<query xmlns='jabber:iq:register'><username>%s</username><password>pw</password></query>"
                       % name, wait=False) for c, name in zip(clients, names)]
        replies = [c.find("iq", id=ident).get("type") for c, ident in zip(clients, idents)]
        equal(sorted(replies), ["error", "error", "error", "result"])


def test_a_name_that_came_to_nothing(server):
    """It was noted, and then the account could not be made: nobody stands in the way."""
    server.ctl("adduser", f"k\u0456m@{HOST}", "pw")
    equal(register(server, "kim"), None)
    server.ctl("deluser", f"kim@{HOST}")
    server.ctl("deluser", f"k\u0456m@{HOST}")
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite", timeout=10) as db:
        db.execute("INSERT INTO items SELECT id, 'klaus', 'ghost1 ghost2' FROM owner WHERE store = 'skeletons' AND user = ''")
    equal(register(server, "klaus"), None)
    equal(skeletons(server)["klaus"], "klaus")


@alone(config={**CONFIG, "modules_enabled": CONFIG["modules_enabled"].replace('"mimicking"', "")}, accounts=0)
def test_bootstrap(server):
    for name in ("old", "\u043eld", "o1d", "other"):
        server.ctl("adduser", f"{name}@{HOST}", "pw")
    server.ctl("adduser", f"last@{HOST}", "pw")
    server.ctl("module", "load", HOST, "mimicking")
    equal(register(server, "0ther"), None)  # 0 looks like O
    equal(register(server, "\u043ether"), None)  # nobody has noted the old ones
    server.ctl("deluser", f"\u043ether@{HOST}")
    said = server.ctl("mimicking", "bootstrap", HOST)
    assert "6 accounts, 3 of them look like another" in said, said
    assert "old" in said and "\u043eld" in said and "o1d" in said and "last" not in said, said
    equal(register(server, "\u043ether"), CONFLICT)
    equal(register(server, "l\u0430st"), CONFLICT)
    for name in ("old", "o1d"):
        server.ctl("deluser", f"{name}@{HOST}")
        eventually(lambda: name not in " ".join(skeletons(server).values()).split())
        equal(register(server, "ol\u0501"), CONFLICT)  # the third is there
    server.ctl("deluser", f"\u043eld@{HOST}")
    eventually(lambda: "ol\u0501" not in " ".join(skeletons(server).values()))
    equal(register(server, "ol\u0501"), None)


def test_bootstrap_of_many():
    server = Server(config=CONFIG, accounts=1000).start()
    try:
        for _ in range(2):
            assert "1000 accounts, 0 of them" in server.ctl("mimicking", "bootstrap", HOST)
        equal(len(skeletons(server)), 1000)
        equal(register(server, "us\u0435r7"), CONFLICT)
    finally:
        server.release()
        server.stop()
