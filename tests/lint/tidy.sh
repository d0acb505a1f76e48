#!/bin/sh
# tidy.sh BUILD_FOLDER FILE: clang-tidy over one file, unless what the compiler sees of it, with all
# headers, has passed before under the same settings.
set -u
folder=$1 file=$2
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/prosody-c-tidy
mkdir -p "$cache"

# The analyser gives a function up after so many states. What it finds it finds early: three times as
# many (its default) take three times as long, for a few functions that have more states than any
# number would cover.
nodes=${TIDY_NODES:-50000}

seen=$cache/$$.i
trap 'rm -f "$seen"' EXIT
key=
if clang -E -P -dD -D_GNU_SOURCE -DPC_VERSION='""' -Iinclude -Icore "$file" -o "$seen" 2>/dev/null; then
	key=$({ clang-tidy --version; echo "$nodes"; cat .clang-tidy "$file" "$seen"; } | sha256sum | cut -d ' ' -f 1)
	[ ! -e "$cache/$key" ] || exit 0
fi

analyzer="--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=$nodes"
# shellcheck disable=SC2086 # a list of words
if output=$(clang-tidy --quiet -p "$folder" $analyzer "$file" 2>/dev/null); then
	[ -z "$key" ] || : >"$cache/$key"
else
	printf '%s: clang-tidy objects\n%s\n' "$file" "$output"
	exit 1
fi
