#!/bin/sh
# package.sh BUILD_FOLDER: installs the package that lies there into a small Debian of its own (debootstrap,
# as root), serves with it as its user, upgrades it in place, removes and purges it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
package=$(find "$1" -maxdepth 1 -name 'prosody-c_*.deb')
mirror=${PC_MIRROR:-http://deb.debian.org/debian}
release=$(sed -n "s/^VERSION_CODENAME=//p" /etc/os-release)
root=$(mktemp -d /tmp/pc-root-XXXXXX)
pid=
trap 'finish' EXIT

finish()
{
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	umount "$root/proc" 2>/dev/null || true
	rm -rf --one-file-system "$root"
}

fail()
{
	echo "package.sh: $*" >&2
	exit 1
}

in_root()
{
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

install()
{
	in_root apt-get -qq -y --no-install-recommends install "$@" >"$root/apt.log" 2>&1 || { cat "$root/apt.log"; fail "not installed"; }
}

echo "== a small $release in $root"
if [ -n "${PC_ROOT_CACHE:-}" ] && [ -d "$PC_ROOT_CACHE" ]; then
	cp -a "$PC_ROOT_CACHE/." "$root"
else
	debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root.log" 2>&1 || { cat "$root.log"; fail "no root"; }
	rm -f "$root.log"
fi
chmod 755 "$root"
mount -t proc proc "$root/proc" 2>/dev/null || echo "no /proc in there: going on"
cp "$package" "$root/tmp/prosody-c.deb"
in_root apt-get -qq update

echo "== install"
install /tmp/prosody-c.deb
in_root id prosody-c
[ "$(in_root stat -c '%U:%G %a' /var/lib/prosody-c)" = "prosody-c:prosody-c 750" ] || fail "the data folder"
[ "$(in_root stat -c '%U:%G %a' /etc/prosody-c/prosody-c.conf)" = "root:prosody-c 640" ] || fail "the configuration"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/prosody-c.service" ] || fail "it was enabled"
[ ! -e "$root/var/lib/prosody-c/prosody-c.lock" ] || fail "it was started"

echo "== serve"
port=$((20000 + $$ % 10000))
in_root sh -c "echo secret | prosody-ctl adduser kim@localhost"
[ "$(in_root stat -c %U /var/lib/prosody-c/prosody.sqlite)" = prosody-c ] || fail "root made the database"
cat >>"$root/etc/prosody-c/plugins.d/ports.conf" <<CONF
c2s_ports = { $port }
c2s_direct_tls_ports = { $((port + 1)) }
s2s_ports = { }
interfaces = { "127.0.0.1" }
pidfile = "/run/prosody-c.pid"
log = "/var/lib/prosody-c/log"
CONF
in_root prosody-c -D
pid=$(cat "$root/run/prosody-c.pid")
[ "$(stat -c %U "/proc/$pid")" != root ] || fail "it runs as root"
in_root prosody-ctl status
in_root prosody-ctl user list localhost | grep -q kim@localhost || fail "no account"
python3 "$here/login.py" "$port" kim secret
status=0
in_root prosody-c || status=$?
[ "$status" -eq 75 ] || fail "a second server ended with $status"

echo "== upgrade"
install --reinstall /tmp/prosody-c.deb
in_root prosody-ctl status >/dev/null || fail "the upgrade has ended it"

echo "== remove"
in_root apt-get -qq -y remove prosody-c >"$root/apt.log" 2>&1 || { cat "$root/apt.log"; fail "not removed"; }
# In a container nobody may come for what is left of a process.
! grep -q '^State:.*[^Z] (' "/proc/$pid/status" 2>/dev/null || fail "it still runs"
pid=
[ -e "$root/var/lib/prosody-c/prosody.sqlite" ] || fail "accounts have gone with the program"
[ -e "$root/etc/prosody-c/prosody-c.conf" ] || fail "the configuration has gone with the program"
rm "$root/etc/prosody-c/plugins.d/ports.conf"
in_root apt-get -qq -y purge prosody-c >"$root/apt.log" 2>&1 || { cat "$root/apt.log"; fail "not purged"; }
for left in /var/lib/prosody-c /etc/prosody-c; do
	[ ! -e "$root$left" ] || fail "$left stays after the purge"
done
echo "== installed, served, upgraded, removed and purged"
