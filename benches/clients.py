#!/usr/bin/env python3
"""What a request costs the client that sends it: wrk with a fixed request, this project's client,
the AWS SDK for Rust, and PyPI's dynamo-benchmark, one after the other, round by round, against one
server that answers at once.

    benches/clients.py [--rounds 5] [--seconds 5] [--json FILE]

Prints the median of the rounds and each median's ratio to that of wrk. Single figures depend on
the machine and on what else it does; the ratios do much less. Every client has one core and the
server another, where there are two. Needs Linux, Python 3 and cargo; wrk is taken from Debian's
packages and dynamo-benchmark from PyPI where they are missing, which needs root for the first.
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
wrk.headers["x-amz-target"] = "DynamoDB_20120810.GetItem"
wrk.headers["x-amz-date"] = "20261123T181500Z"
wrk.headers["authorization"] = "AWS4-HMAC-SHA256 Credential=dynamometer/20261123/us-east-1/" ..
  "dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" ..
  string.rep("0", 64)
wrk.body = '{"TableName":"Bench","Key":{"id":{"S":"123456789"}},' ..
  '"ConsistentRead":false,"ReturnConsumedCapacity":"INDEXES"}'
"""


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
    environment = Path(folder) / "venv"
    venv.create(environment, with_pip=True)
    command = [environment / "bin" / "pip", "install", "-q", "--no-input", PACKAGE]
    subprocess.run(command, check=True)
    return str(environment / "bin" / "dynamo-benchmark")


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


def clients(dyno, url, seconds, folder):
    """Each client's name, command, and what finds the number of requests in its output."""
    script = Path(folder) / "request.lua"
    script.write_text(WRK_REQUEST)
    connections = str(CONNECTIONS)

    def ours(client):
        command = [dyno, "bench", "--only", client, "--reads", "--json"]
        command += ["--endpoint", url, "--seconds", str(seconds)]
        return command, lambda text: json.loads(text)["clients"][0]["requests"]

    wrk = [install_wrk(), "-t1", "-c" + connections, f"-d{seconds}s", "-s", str(script), url]
    other = [install_dynamo_benchmark(folder), "-e", url, "-ak", "dynamometer:dynamometer"]
    other += ["-c", connections, "-s", str(seconds), "Bench", "GetItem"]
    other += ["id:S:{Key uniform 1000000000}"]
    return {
        "wrk": (wrk, lambda text: count(r"(\d+) requests in", text)),
        "dyno": ours("wire"),
        "dyno --client sdk": ours("sdk"),
        "dynamo-benchmark": (other, lambda text: count(OTHERS_REQUESTS, text)),
    }


# Its last line, when all connections are closed.
OTHERS_REQUESTS = r"conn: 0, cnt: (\d+)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
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
            measured = measure(arguments, clients(dyno, url, arguments.seconds, folder))
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

    print(f"{'client':<18} {'CPU/request':>12} {'to wrk':>7} {'requests/s':>11} {'to wrk':>7}")
    for name in measured:
        cpu, rate = median(name, "cpu_us"), median(name, "per_second")
        to_cpu, to_rate = cpu / median("wrk", "cpu_us"), rate / median("wrk", "per_second")
        print(f"{name:<18} {cpu:>9.1f} µs {to_cpu:>7.2f} {rate:>11,.0f} {to_rate:>7.2f}")
    ours = median("dyno", "cpu_us")
    for other in ("dyno --client sdk", "dynamo-benchmark"):
        print(f"{other} takes {median(other, 'cpu_us') / ours:.1f} times the CPU time of dyno")


if __name__ == "__main__":
    main()
