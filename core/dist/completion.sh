#!/bin/sh
# completion.sh BUILD_FOLDER OUTPUT_FOLDER: writes prosody-ctl.bash, .zsh and .fish from what `prosody-ctl
# help` lists with every module loaded. Words only: accounts and hosts are not asked for.
set -eu
build=$1 out=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

modules=
for file in "$build"/modules/mod_*.so; do
	name=$(basename "$file" .so)
	case $name in
	mod_auth_* | mod_storage_*) ;;
	*) modules="$modules \"${name#mod_}\";" ;;
	esac
done
cat >"$place/prosody-c.conf" <<CONF
data_path = "data"
default_storage = "memory"
run_as_root = true
modules_enabled = {$modules }
VirtualHost "localhost"
CONF

# WORD [SUBWORD]<tab>description. Arguments are in capitals, brackets or dots.
"$build/prosody-ctl" -c "$place/prosody-c.conf" help 2>"$place/errors" | awk '
	{
		help = $0
		sub(/^.*[^ ]  +/, "", help)
		words = $1
		if ($2 ~ /^[a-z][a-z0-9_-]*$/ && index($0, "  ") > length($1) + 1) words = words " " $2
		print words "\t" help
	}
	END { # what prosody-ctl does by itself
		print "start\tBecomes the server, in the foreground"
		print "about\tTells the version, or the reference of everything"
		print "cert generate\tMakes a key and a self-signed certificate for a host"
		print "cert request\tMakes a signing request for a host"
		print "cert import\tCopies certificates of hosts from a folder"
		print "shell\tMany commands, one a line"
		print "check config\tTells what is wrong with the configuration"
		print "check certs\tTells what is wrong with the certificates"
		print "check dns\tTells whether names lead to this machine"
		print "check connectivity\tTells whether hosts can be reached"
	}' | awk -F '\t' '!seen[$1]++' | sort >"$place/commands"
if [ "$(wc -l <"$place/commands")" -lt 10 ]; then
	cat "$place/errors" >&2
	echo "completion.sh: prosody-ctl offers too little" >&2
	exit 1
fi

# LETTER<tab>NAME<tab>takes a file, a text or nothing<tab>description
cat >"$place/options" <<'OPTIONS'
c	config	file	the configuration
o	option	text	KEY=VALUE: sets an option
s	socket	file	the socket of the server
	csv	file	accounts from a file
q	quiet		print no more than is asked for
	json		print one value of JSON
	force		with restore and cert: in the place of what is there
	host	text	with export: of that host alone
	user	text	with export: that account alone
	dry-run		with import: only tell what there is
	reference		with about: everything that can be set and called
	version		print the version
h	help		print how it is used
OPTIONS

first()
{
	cut -f 1 "$place/commands" | cut -d ' ' -f 1 | sort -u
}

second()
{
	awk -F '\t' -v first="$1" 'split($1, w, " ") == 2 && w[1] == first { print w[2] }' "$place/commands"
}

lines()
{
	tr '\n' ' ' | sed 's/ $//'
}

options()
{
	awk -F '\t' '{ if ($1 != "") print "-" $1; print "--" $2 }' "$place/options"
}

sections()
{
	awk -F '\t' 'split($1, w, " ") == 2 { print w[1] }' "$place/commands" | sort -u
}

{
	cat <<BASH
# bash completion for prosody-ctl

_prosody_ctl()
{
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=() i
	case \$prev in
	-c | --config | -s | --socket | --csv)
		mapfile -t COMPREPLY < <(compgen -f -- "\$cur")
		return ;;
	-o | --option | --host | --user)
		COMPREPLY=()
		return ;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case \${COMP_WORDS[i]} in
		-c | --config | -s | --socket | --csv | -o | --option | --host | --user) ((i++)) ;;
		-*) ;;
		*) words+=("\${COMP_WORDS[i]}") ;;
		esac
	done
	local choice=
	if [[ \$cur == -* ]]; then
		choice="$(options | lines)"
	elif [[ \${#words[@]} -eq 0 ]]; then
		choice="$(first | lines)"
	elif [[ \${#words[@]} -eq 1 ]]; then
		case \${words[0]} in
BASH
	for section in $(sections); do
		printf '\t\t%s) choice="%s" ;;\n' "$section" "$(second "$section" | lines)"
	done
	cat <<'BASH'
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$cur")
}

complete -o default -F _prosody_ctl prosody-ctl
BASH
} >"$out/prosody-ctl.bash"

# Text in single quotes, and what zsh takes for the end of a word in a description.
quoted()
{
	sed "s/'/'\\\\''/g"
}

{
	cat <<'ZSH'
#compdef prosody-ctl

_prosody_ctl_commands()
{
	local -a choice
	case ${words[1]} in
ZSH
	for section in $(sections); do
		printf '\t%s) choice=(\n' "$section"
		awk -F '\t' -v first="$section" \
			'split($1, w, " ") == 2 && w[1] == first { print w[2] ":" $2 }' "$place/commands" |
			quoted | sed "s/.*/		'&'/"
		printf '\t) ;;\n'
	done
	cat <<'ZSH'
	esac
	((CURRENT == 2 && $#choice)) && _describe 'command' choice || _default
}

_prosody_ctl()
{
	local -a choice
	local state line
ZSH
	printf '\tchoice=(\n'
	awk -F '\t' '
		split($1, w, " ") == 1 { help[w[1]] = $2; next }
		!(w[1] in help) { help[w[1]] = "commands about " w[1] }
		END { for (name in help) print name ":" help[name] }' "$place/commands" | sort | quoted |
		sed "s/.*/		'&'/"
	printf '\t)\n\t_arguments -S \\\n'
	awk -F '\t' '{
		takes = $3 == "file" ? ":file:_files" : $3 == "text" ? ":text: " : ""
		if ($1 != "") print "-" $1 "[" $4 "]" takes
		print "--" $2 "[" $4 "]" takes }' "$place/options" | quoted | sed "s/.*/		'&' \\\\/"
	cat <<'ZSH'
		'1: :->command' '*:: :->rest'
	case $state in
	command) _describe 'command' choice ;;
	rest) _prosody_ctl_commands ;;
	esac
}

_prosody_ctl "$@"
ZSH
} >"$out/prosody-ctl.zsh"

{
	echo "# fish completion for prosody-ctl"
	echo
	awk -F '\t' -v q="'" '{
		line = "complete -c prosody-ctl -l " $2
		if ($1 != "") line = line " -s " $1
		if ($3 == "file") line = line " -rF"
		if ($3 == "text") line = line " -x"
		print line " -d " q $4 q }' "$place/options"
	awk -F '\t' '
		split($1, w, " ") == 1 { print w[1] "\t" $2; next }
		!seen[w[1]]++ { print w[1] "\tcommands about " w[1] }' "$place/commands" | quoted |
		awk -F '\t' -v q="'" '{ print "complete -c prosody-ctl -f -n __fish_use_subcommand -a " $1 " -d " q $2 q }'
	quoted <"$place/commands" | awk -F '\t' -v q="'" 'split($1, w, " ") == 2 {
		print "complete -c prosody-ctl -f -n " q "__fish_seen_subcommand_from " w[1] q " -a " w[2] " -d " q $2 q }'
} >"$out/prosody-ctl.fish"
