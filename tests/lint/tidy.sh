#!/bin/sh
# tidy.sh BUILD_FOLDER FILE: clang-tidy over one file, unless the same file with the same headers
# and settings has passed before.
set -u
folder=$1 file=$2
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/prosody-c-tidy
mkdir -p "$cache"

headers=$(clang -MM -D_GNU_SOURCE -DPC_VERSION='""' -Iinclude -Icore "$file" 2>/dev/null |
	tr -s ' ' '\n' | grep -E '^(include|core|modules|plugins\.d)/')
# shellcheck disable=SC2086 # a list of words
key=$({ clang-tidy --version; cat .clang-tidy "$file" $headers; } | sha256sum | cut -d ' ' -f 1)
[ ! -e "$cache/$key" ] || exit 0

if output=$(clang-tidy --quiet -p "$folder" "$file" 2>/dev/null); then
	: >"$cache/$key"
else
	printf '%s\n' "$output"
	exit 1
fi
