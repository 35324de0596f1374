# For scripts that start processes of their own: sourced by .ci/slurm and .ci/namespaces. Makes the
# folder `$work`; on exit stops what was started, by process id, calls `take_down`, and removes the
# folder.

work=$(mktemp -d)
chmod 755 "$work"
started=()
# What else has to go, once nothing runs any more; to be defined anew.
take_down() { :; }
finish() {
    code=$?
    # The last started first: nothing then asks for what is gone already.
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    take_down
    [ "$code" -eq 0 ] || tail -n 20 "$work"/*.log >&2 || true
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# `$1`: name of the log; then the command.
start() {
    local log=$work/$1.log
    shift
    "$@" >"$log" 2>&1 &
    started+=("$!")
}
# Waits for at most a minute until the command succeeds.
await() {
    local tries=600
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "in vain: $*" >&2; return 1; }
        sleep 0.1
    done
}
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
}
