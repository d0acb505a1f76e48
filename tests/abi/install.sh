#!/bin/sh
# install.sh BUILD_FOLDER SOURCE_FOLDER: installs into a folder of its own, and builds the author's guide
# and the examples of plugins.d against what was installed there and nothing else.
set -eu
build=$1 source=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root cmake --install "$build" >"$root/log" || { cat "$root/log"; exit 1; }

PKG_CONFIG_SYSROOT_DIR=$root
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name prosody-c.pc)")
PKG_CONFIG_LIBDIR=$PKG_CONFIG_PATH
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
cflags=$(pkg-config --cflags prosody-c)
modules=$root$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=moduledir prosody-c)

for program in prosody-c prosody-ctl; do
	[ -n "$(find "$root" -type f -name "$program" -perm -u+x)" ] || { echo "$program is not installed"; exit 1; }
done
[ -n "$(find "$modules" -name 'mod_*.so')" ] || { echo "no module is in $modules"; exit 1; }

compile()
{
	# shellcheck disable=SC2086 # a list of words
	${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden $cflags \
		-o "$root/module.so" "$@"
	nm -D --defined-only "$root/module.so" | grep -q ' pc_mod_' || { echo "$*: exports no module"; exit 1; }
}

cat >"$root/mod_least.c" <<'C'
#include <prosody-c/prosody-c.h>
static void load(pc_module *m)
{
	pc_add_feature(m, "urn:example:least");
}
PC_MODULE(least, .summary = "The least that a module can be", .load = load);
C
compile "$root/mod_least.c"
# Each piece of code of the author's guide is a module.
guide=$(find "$root" -name modules.md)
awk -v to="$root/guide" '/^```c$/ { n++; in_code = 1; next } /^```$/ { in_code = 0 }
	in_code { print > (to n ".c") }' "$guide"
[ -e "$root/guide1.c" ] || { echo "no code in $guide"; exit 1; }
for piece in "$root"/guide*.c; do
	compile "$piece"
done
for example in "$source"/plugins.d/mod_*.c; do
	[ ! -e "$example" ] || compile "$example"
done
for folder in "$source"/plugins.d/*/; do
	[ -z "$(find "$folder" -name '*.c' 2>/dev/null)" ] || compile "$folder"*.c
done
echo "installed and built against"
