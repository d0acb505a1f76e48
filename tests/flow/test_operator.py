"""Configurations as operators put them together: drop-ins, Include, the command line, and the file that Debian's package
of Prosody installs."""
import os
import pathlib
import signal
import subprocess

from daemon import Daemon
from flow import HOST, Skip, equal
from server import BUILD, PASSWORD, Server

# PC_STOCK_CONFIG names one where the package is not installed.
STOCK = pathlib.Path(os.environ.get("PC_STOCK_CONFIG", "/etc/prosody/prosody.cfg.lua"))


def printed(place, option, *words, cwd=None):
    return subprocess.run([BUILD / "prosody-c", "-c", place.config_file, *words, "--print", option], cwd=cwd, text=True,
                          capture_output=True, check=False).stdout.strip()


def test_drop_ins():
    """After the main file, in the order of their names; the command line is above all of them."""
    place = Server({"c2s_timeout": "11", "max_resources": "11", "conflict_resolve": '"kick_old"'}, accounts=0)
    folder = place.dir / "plugins.d"
    folder.mkdir()
    (folder / "b.conf").write_text("max_resources = 13\n")
    (folder / "a.conf").write_text('c2s_timeout = 12; max_resources = 12\nVirtualHost "drop-in.example"\n'
                                   'Include "more/*.txt"\n')
    (folder / "more").mkdir()
    (folder / "more" / "x.txt").write_text('conflict_resolve = "kick_new"\n')
    (folder / "c.conf.disabled").write_text("max_resources = 14\n")
    (folder / ".hidden.conf").write_text("max_resources = 15\n")
    equal([printed(place, o) for o in ("c2s_timeout", "max_resources", "conflict_resolve")], ["12", "13", "kick_new"])
    equal(printed(place, "max_resources", "-o", "max_resources=16"), "16")
    with Daemon(place) as d:
        d.ready()
        assert "drop-in.example" in place.ctl("host", "list")
        (folder / "d.conf").write_text('VirtualHost "later.example"\n')
        d.signal(signal.SIGHUP)
        d.expect("the configuration was reloaded")
        assert "later.example" in place.ctl("host", "list")
        (folder / "d.conf").write_text("this is broken\n")
        d.signal(signal.SIGHUP)
        assert "plugins.d/d.conf:1:" in d.expect("the configuration stays as it was")
        assert "later.example" in place.ctl("--socket", place.dir / "data" / "prosody.sock", "host", "list")


def test_include_starts_where_its_file_lies():
    place = Server(accounts=0, extra='Include "conf.d/*.lua"\nInclude "one/two.lua"\n')
    for name, text in (("conf.d/x.lua", "max_resources = 21"), ("one/two.lua", 'Include "three.lua"'),
                       ("one/three.lua", "c2s_timeout = 23")):
        (place.dir / name).parent.mkdir(exist_ok=True)
        (place.dir / name).write_text(text + "\n")
    for cwd in ("/", place.dir):
        equal([printed(place, o, cwd=cwd) for o in ("max_resources", "c2s_timeout")], ["21", "23"])
    (place.dir / "one" / "three.lua").unlink()
    with Daemon(place) as d:
        status, said = d.ended()
    assert status == 78 and "three.lua: No such file" in said, said


def test_overrides():
    place = Server(hosts={HOST: {}, "other.example": {}}, accounts=0)
    equal(printed(place, "max_resources", "-o", "max_resources=6*7"), "42")
    equal(printed(place, "data_path", "-o", "data_path=/var/lib/x y"), "/var/lib/x y")
    equal(printed(place, "data_path", "-o", "data_path=elsewhere"), f"{place.dir}/elsewhere")
    with Daemon(place, "-o", "other.example:enabled=false") as d:
        d.ready()
        equal([line.split()[0] for line in place.ctl("host", "list").splitlines()], [HOST])


def test_file_of_debians_prosody():
    """Unchanged, with nothing but paths and ports of the test's own: an account logs in by TLS."""
    if not STOCK.exists():
        raise Skip(f"no {STOCK}")
    place = Server(accounts=0)
    before = STOCK.read_bytes()
    log = '{ info = "%s/prosody.log"; error = "%s/prosody.err"; { levels = "info"; to = "console" } }' % (place.dir, place.dir)
    words = [w for o in (f"data_path={place.dir}/data", f"pidfile={place.dir}/pid", f"certificates={place.dir}/certs",
                         f"c2s_ports={{ {place.port} }}", f"c2s_direct_tls_ports={{ {place.tls_port} }}", "s2s_ports={ }",
                         "s2s_direct_tls_ports={ }", "http_ports={ }", "https_ports={ }", 'interfaces={ "127.0.0.1" }', f"log={log}")
             for w in ("-o", o)]
    place.config_file = STOCK
    subprocess.run([BUILD / "prosody-ctl", "-c", STOCK, *words, "adduser", f"kim@{HOST}"], input=PASSWORD + "\n", text=True,
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with Daemon(place, *words) as d:
        d.ready()
        client = place.client()
        client.login("kim", PASSWORD, "r", tls=True)
        client.close()
        place.client(tls=True).login("kim", PASSWORD, "r").close()
        equal(int((place.dir / "pid").read_text()), d.process.pid)
        assert "module posix is not needed" in d.seen and "module posix cannot" not in d.seen
        equal(d.stop()[0], 0)
    equal(STOCK.read_bytes(), before)
    assert f"kim@{HOST}/r is connected" in (place.dir / "prosody.log").read_text()
