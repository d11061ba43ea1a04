# Sourced by the scripts beside it. Moves to the top of the repository.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# usage "$@": prints the comment at the top of the script for --help, and ends.
usage() {
    [[ ${1:-} == --help || ${1:-} == -h ]] || return 0
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
    exit 0
}

# quietly NAME WHAT COMMAND...: runs the command with its output in .build/logs/NAME.log.
# On a terminal the last line of it is shown meanwhile, elsewhere a sign of life every minute, and on failure its errors.
quietly() {
    local log=.build/logs/$1.log what=$2 begun=$SECONDS status=0 pid
    shift 2
    mkdir -p .build/logs
    [[ -t 1 ]] || say "$what ..."
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # A background job does not hear Ctrl-C by itself.
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    local next=60
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        if [[ -t 1 ]]; then
            printf '\r\033[K%s (%d s): %.70s' "$what" $((SECONDS - begun)) "$(tail -n 1 "$log" | tr -d '\r')"
        elif ((SECONDS - begun >= next)); then
            say "... $((SECONDS - begun)) s"
            next=$((next + 60))
        fi
    done
    wait "$pid" || status=$?
    trap - INT TERM
    [[ -t 1 ]] && printf '\r\033[K'
    if ((status != 0)); then
        say "$what failed; the whole output is in $log" >&2
        grep -m 20 -A 4 -E '(^|[^a-z])error:' "$log" >&2 || tail -n 20 "$log" >&2
    fi
    return "$status"
}
