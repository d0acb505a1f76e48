"""Reloads of the configuration: what took effect, what waits for a module or a restart, and that it is so."""
import os
import re
import signal
import time

from client import DEADLINE
from flow import HOST, NS, alone, equal

OTHER = "other.example"
ENABLED = '"roster", "saslauth", "disco", "offline", "version", "adhoc"'
CONFIG = {"modules_enabled": f"{{ {ENABLED} }}"}
ARGUMENTS = dict(config=CONFIG, accounts=2)


def reload(server, config=None, hosts=None, extra=""):
    """The lines that prosody-ctl prints, but for its summary."""
    server.write_config({**CONFIG, **(config or {})}, hosts or {HOST: {}}, extra)
    lines = server.ctl("reload").splitlines()
    equal(lines[-1], "the configuration was read again")
    return lines[:-1]


@alone(**ARGUMENTS)
def test_what_took_effect(server):
    equal(reload(server), ["nothing has changed"])
    lines = reload(server, {"hide_os_type": "true", "scram_hashes": '{ "SHA-1" }', "c2s_timeout": "20",
                            "purple_monkey": "1"}, {HOST: {"adhoc_max_sessions": "7"}})
    equal(sorted(lines), ["adhoc_max_sessions of localhost: in use", "c2s_timeout: takes effect by a restart",
                          "hide_os_type: in use", "purple_monkey: no module that is loaded knows it",
                          "scram_hashes: takes effect by module reload auth_internal_hashed"])
    c = server.login()
    version = c.iq("get", "<query xmlns='jabber:iq:version'/>", to=HOST).child("query")
    assert version.child("os") is None, str(version)
    equal(len(reload(server)), 5)
    version = c.iq("get", "<query xmlns='jabber:iq:version'/>", to=HOST).child("query")
    assert version.child("os") is not None, str(version)


@alone(**ARGUMENTS)
def test_modules(server):
    modules = ENABLED.replace('"version", ', "") + ', "ping"'
    equal(sorted(reload(server, {"modules_enabled": f"{{ {modules} }}"})),
          [f"modules_enabled: takes effect by module load {HOST} ping",
           f"modules_enabled: takes effect by module unload {HOST} version"])
    c = server.login()
    equal(c.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=HOST).error()[1], "service-unavailable")
    server.ctl("module", "load", HOST, "ping")
    server.ctl("module", "unload", HOST, "version")
    equal(c.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=HOST).get("type"), "result")
    equal(reload(server, {"modules_enabled": f"{{ {modules} }}"}), ["nothing has changed"])
    more = modules + ', "csi_simple", "spam_reporting"'  # which need others
    server.write_config({**ARGUMENTS.get("config", {}), "modules_enabled": f"{{ {more} }}"}, {HOST: {}})
    for name in "csi_simple", "spam_reporting":
        server.ctl("module", "load", HOST, name)
    equal(reload(server, {"modules_enabled": f"{{ {more} }}"}), ["nothing has changed"])


@alone(**ARGUMENTS)
def test_hosts(server):
    equal(reload(server, hosts={HOST: {}, OTHER: {}}), [f"{OTHER}: is served from now on"])
    server.client(OTHER).open()
    equal(reload(server), [f"{OTHER}: is no longer served"])
    equal(reload(server, hosts={HOST: {}, OTHER: {"enabled": "false"}}), ["nothing has changed"])
    equal(reload(server, hosts={HOST: {}, OTHER: {"enabled": "true"}}),
          [f"enabled of {OTHER}: in use", f"{OTHER}: is served from now on"])


@alone(**ARGUMENTS)
def test_a_broken_file_changes_nothing(server):
    good = server.config_file.read_text()
    server.config_file.write_text(good + "\nhide_os_type = = true\n")
    said = server.ctl("reload", check=False)
    assert re.search(r"prosody-c\.conf:\d+: ", said), said
    server.config_file.write_text(good)
    equal(server.ctl("reload").splitlines()[0], "nothing has changed")


def wait_for(server, text):
    deadline = time.monotonic() + DEADLINE
    while text not in server.log():
        assert time.monotonic() < deadline, f"not in the log: {text}\n{server.log_tail()}"


@alone(**ARGUMENTS)
def test_sighup_says_it_in_the_log(server):
    server.write_config({**CONFIG, "hide_os_type": "true", "modules_enabled": f'{{ {ENABLED},\n"rooster" }}'}, {HOST: {}})
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(server, "config                   info  hide_os_type: in use")
    wait_for(server, f"modules_enabled: takes effect by module load {HOST} rooster")
