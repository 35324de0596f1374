#!/usr/bin/env python3
"""What a request costs the client that sends it: wrk with a fixed request, this project's client,
the AWS SDK for Rust, and PyPI's dynamo-benchmark, one after the other, round by round, against one
server that answers at once.

    benches/clients.py [--operation GetItem|PutItem] [--rounds 5] [--seconds 5] [--json FILE]

Prints the median of the rounds and the medians' ratios. Single figures depend on the machine and
on what else it does; the ratios do much less. Every client has one core and the server another,
where there are two.

All send requests about items of 1 KB over 16 connections as fast as they are answered, and read
the answers; all but wrk sign each request. CPU time is that of the whole process, threads, start
and end included, over the requests that it counted itself; that is more than a percent only in
the shortest runs. A client that had other answers than successes is told of by an error.

Needs Linux, Python 3 and cargo; wrk is taken from Debian's packages and dynamo-benchmark from PyPI
where they are missing, which needs root for the first. What cannot be had is left out, and said.
DYNO names a binary of dyno that is to be used instead of a new build.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "dynamo-benchmark==1.0.2"
CONNECTIONS = 16

# A request as the SDK sends it; the server reads no signature.
WRK_REQUEST = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/x-amz-json-1.0"
wrk.headers["x-amz-target"] = "DynamoDB_20120810.OPERATION"
wrk.headers["x-amz-date"] = "20261123T181500Z"
wrk.headers["authorization"] = "AWS4-HMAC-SHA256 Credential=dynamometer/20261123/us-east-1/" ..
  "dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" ..
  string.rep("0", 64)
wrk.body = '{"TableName":"Bench",BODY,"ReturnConsumedCapacity":"INDEXES"}'
"""
WRK_BODIES = {
    "GetItem": '"Key":{"id":{"S":"123456789"}},"ConsistentRead":false',
    "PutItem": '"Item":{"id":{"S":"123456789"},"text":{"S":"TEXT"}}'.replace("TEXT", "x" * 1000),
}
# Of dynamo-benchmark; its values are binary, so that they take a third more in JSON.
FIELDS = {
    "GetItem": ["id:S:{Key uniform 1000000000}"],
    "PutItem": ["id:S:{Key uniform 1000000000}", "text:B:{Value 750}"],
}
# What ours is asked for, and what times as much CPU time it is to take at most.
GOALS = {"wrk": 2.0, "dyno --client sdk": 1 / 4, "dynamo-benchmark": 1 / 7}


def build():
    if "DYNO" in os.environ:
        return os.environ["DYNO"]
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "release" / "dyno")


def install_wrk():
    if not shutil.which("wrk"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return "wrk"


def install_dynamo_benchmark(folder):
    if found := shutil.which("dynamo-benchmark"):
        return found
    environment = Path(folder) / "venv"
    venv.create(environment, with_pip=True)
    command = [environment / "bin" / "pip", "install", "-q", "--no-input", PACKAGE]
    subprocess.run(command, check=True)
    return str(environment / "bin" / "dynamo-benchmark")


def unless_missing(name, install, *arguments):
    try:
        return install(*arguments)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"left out: {name} cannot be installed here ({error})", file=sys.stderr)
        return None


def on_core(core):
    """What pins a process to a core, where there are two of them."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cores[core]})


def run(command):
    """What a command printed, and the seconds of CPU time that it took."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=on_core(1)
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if child.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{text}")
    return text, usage.ru_utime + usage.ru_stime


def count(pattern, text):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"no {pattern!r} in:\n{text}")
    return float(found[1].replace(",", ""))


def clients(dyno, url, arguments, folder):
    """Each client's name, command, and what finds the number of requests in its output."""
    operation, seconds, connections = arguments.operation, str(arguments.seconds), str(CONNECTIONS)
    script = Path(folder) / "request.lua"
    request = WRK_REQUEST.replace("OPERATION", operation)
    script.write_text(request.replace("BODY", WRK_BODIES[operation]))

    def ours(client):
        mix = "reads" if operation == "GetItem" else "writes"
        command = [dyno, "bench", "--only", client, "--mix", mix, "--json"]
        command += ["--endpoint", url, "--seconds", seconds]
        # It fails when a request does.
        return command, lambda text: json.loads(text)["clients"][0]["requests"]

    found = {}
    if wrk := unless_missing("wrk", install_wrk):
        command = [wrk, "-t1", "-c" + connections, f"-d{seconds}s", "-s", str(script), url]
        found["wrk"] = command, of_wrk
    found["dyno"] = ours("wire")
    found["dyno --client sdk"] = ours("sdk")
    if other := unless_missing("dynamo-benchmark", install_dynamo_benchmark, folder):
        command = [other, "-e", url, "-ak", "dynamometer:dynamometer", "-c", connections]
        command += ["-s", seconds, "Bench", operation, *FIELDS[operation]]
        found["dynamo-benchmark"] = command, of_dynamo_benchmark
    return found


def of_wrk(text):
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"wrk had errors:\n{text}")
    return count(r"(\d+) requests in", text)


def of_dynamo_benchmark(text):
    if re.search(r"error|fail", text, re.IGNORECASE):
        sys.exit(f"dynamo-benchmark had errors:\n{text}")
    # Its last line, when all connections are closed.
    return count(r"conn: 0, cnt: (\d+)", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--operation", choices=sorted(WRK_BODIES), default="GetItem")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    dyno = build()
    with tempfile.TemporaryDirectory() as folder:
        command = [dyno, "bench", "--serve", "0"]
        pipe = subprocess.PIPE
        server = subprocess.Popen(command, stdout=pipe, text=True, preexec_fn=on_core(0))
        try:
            url = server.stdout.readline().strip()
            measured = measure(arguments, clients(dyno, url, arguments, folder))
        finally:
            server.terminate()
            server.wait()
    show(measured)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n")


def measure(arguments, all_clients):
    measured = {name: {"cpu_us": [], "per_second": []} for name in all_clients}
    for number in range(arguments.rounds):
        for name, (command, requests) in all_clients.items():
            text, cpu = run(command)
            done = requests(text)
            measured[name]["cpu_us"].append(cpu / done * 1e6)
            measured[name]["per_second"].append(done / arguments.seconds)
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    return measured


def show(measured):
    def median(name, what):
        return statistics.median(measured[name][what])

    print(f"{'client':<18} {'CPU/request':>12} {'least':>7} {'most':>7} {'requests/s':>11}")
    for name in measured:
        cpu, rate = median(name, "cpu_us"), median(name, "per_second")
        all_cpu = measured[name]["cpu_us"]
        least, most = min(all_cpu), max(all_cpu)
        print(f"{name:<18} {cpu:>9.1f} µs {least:>7.1f} {most:>7.1f} {rate:>11,.0f}")
    for other, goal in GOALS.items():
        if other in measured:
            cpu = median("dyno", "cpu_us") / median(other, "cpu_us")
            rate = median("dyno", "per_second") / median(other, "per_second")
            print(
                f"dyno takes {cpu:.2f} × the CPU time of {other} (goal: at most {goal:.2f} ×), "
                f"and has {rate:.1f} × its requests/s"
            )


if __name__ == "__main__":
    main()
