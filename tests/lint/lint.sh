#!/bin/sh
# The checks of `./dev lint`: all of them, or those that are named. Goes on after a failure, and
# fails at the end.
set -u
cd "$(dirname "$0")/../.." || exit 1
JOBS=${JOBS:-2}
export JOBS

ours()
{
	find include core modules plugins.d tests -name "$1" -print | sort
}

# Every file of ours compiles without a warning, by each compiler that is here.
warnings()
{
	status=0
	for compiler in gcc clang; do
		command -v $compiler >/dev/null || { echo "no $compiler: skipped"; continue; }
		launcher=
		! command -v ccache >/dev/null || launcher=ccache
		cmake -S . -B build-lint-$compiler -G Ninja -DCMAKE_BUILD_TYPE=Release -DPC_WERROR=ON \
			-DCMAKE_C_COMPILER=$compiler -DCMAKE_C_COMPILER_LAUNCHER=$launcher >/dev/null || return 1
		cmake --build build-lint-$compiler -j "$JOBS" --target all unit-tests -- -k 0 || status=1
	done
	return $status
}

# Releases of clang-format differ in their opinions, so one of them decides.
format()
{
	command -v clang-format-14 >/dev/null || { echo "no clang-format-14: skipped"; return 0; }
	ours '*.[ch]' | xargs clang-format-14 --dry-run --Werror
}

tidy()
{
	command -v clang-tidy >/dev/null || { echo "no clang-tidy: skipped"; return 0; }
	[ -e build-lint-clang/compile_commands.json ] ||
		cmake -S . -B build-lint-clang -G Ninja -DCMAKE_BUILD_TYPE=Release -DPC_WERROR=ON \
			-DCMAKE_C_COMPILER=clang >/dev/null || return 1
	find core modules plugins.d tests/bench -name '*.c' -print | sort |
		xargs -P "$JOBS" -n 1 sh tests/lint/tidy.sh build-lint-clang
}

rules()
{
	/usr/bin/python3 tests/lint/rules.py && /usr/bin/python3 tests/lint/xeps.py
}

abi()
{
	/usr/bin/python3 tests/abi/exports.py
}

scripts()
{
	status=0
	if command -v shellcheck >/dev/null; then
		find dev .ci/run tests core/dist -type f \( -name dev -o -name run -o -name '*.sh' \) -exec shellcheck {} + || status=1
	else
		echo "no shellcheck: skipped"
	fi
	ours '*.py' | PYTHONDONTWRITEBYTECODE=1 xargs -n 1 /usr/bin/python3 -c '
import sys
compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' || status=1
	if /usr/bin/python3 -c 'import pyflakes' 2>/dev/null; then
		ours '*.py' | xargs /usr/bin/python3 -m pyflakes || status=1
	else
		echo "no pyflakes: skipped"
	fi
	return $status
}

failed=
[ $# -gt 0 ] || set -- rules abi scripts format warnings tidy
for check in "$@"; do
	case $check in
	warnings | format | tidy | rules | abi | scripts) ;;
	*) echo "no such check: $check" >&2; exit 2 ;;
	esac
	begin=$(date +%s)
	echo "== lint: $check"
	"$check" || failed="$failed $check"
	echo "== lint: $check, $(($(date +%s) - begin)) s"
done
[ -z "$failed" ] || { echo "== lint failed:$failed"; exit 1; }
echo "== lint passed"
