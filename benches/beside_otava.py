#!/usr/bin/env python3
"""The same made-up histories, judged by Apache Otava.

    cargo bench --bench verdict -- full --export DIR
    benches/beside_otava.py DIR [JOBS] [--check]

JOBS kinds at once, 1 unless told otherwise. --check exits with 1 when our own rule (DIR/ours.csv)
gives more false alerts than Otava on any kind, needs more than 3 nights (median) to find +10 %,
or more than 1 to find +20 %, or finds +5 % less often within 14 nights than Otava. Installs
apache-otava 0.8.0 into an environment of its own (DIR/.otava) and reads every DIR/*/history.csv
with Otava's own CSV importer. Each series is replayed night by night; a change for the worse that
is at most 14 nights old counts when it is first reported, unless one within 14 nights of it was
reported before, since Otava moves its changes about. That is the milder count: each new position
for itself would be more.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

VERSION = "0.8.0"
WINDOW_NIGHTS = 14
# -P 0.001 -M 0.03 --window 50
OPTIONS = {"window_len": 50, "max_pvalue": 0.001, "min_magnitude": 0.03}


def install(folder):
    """Runs this file again with a Python that has Otava."""
    home = folder / ".otava"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    subprocess.run(
        [python, "-m", "pip", "install", "-q", f"apache-otava=={VERSION}"], check=True
    )
    environment = dict(os.environ, DYNO_OTAVA="ready", OPENBLAS_NUM_THREADS="1")
    os.execve(python, [str(python), *sys.argv], environment)


def read(csv, columns):
    from otava.csv_options import CsvOptions
    from otava.importer import CsvImporter
    from otava.test_config import CsvMetric, CsvTestConfig

    metrics = [CsvMetric(name=c, direction=-1, scale=1.0, column=c) for c in columns]
    config = CsvTestConfig(
        name="nightly",
        file=str(csv),
        csv_options=CsvOptions(),
        time_column="time",
        metrics=metrics,
        attributes=["commit"],
    )
    return CsvImporter().fetch_data(config, selector_of_everything()).data


def selector_of_everything():
    from datetime import datetime, timezone

    from otava.data_selector import DataSelector

    selector = DataSelector()
    selector.since_time = datetime(1970, 1, 1, tzinfo=timezone.utc)
    selector.until_time = datetime(2999, 1, 1, tzinfo=timezone.utc)
    selector.last_n_points = 1_000_000
    return selector


def alerts(values):
    """Night of each alert and the night that it names."""
    from otava.analysis import compute_change_points

    told = []
    for nights in range(2, len(values) + 1):
        changes, _ = compute_change_points(values[:nights], **OPTIONS)
        for change in changes:
            worse = change.stats.mean_2 > change.stats.mean_1
            recent = nights - 1 - change.index < WINDOW_NIGHTS
            known = any(abs(change.index - named) <= WINDOW_NIGHTS for _, named in told)
            if worse and recent and not known:
                told.append((nights - 1, int(change.index)))
    return told


def score(job):
    import warnings

    warnings.filterwarnings("ignore")
    kind, csv, truth = job
    data = read(csv, [column for column, *_ in truth])
    nights = false = 0
    delays, errors = [], []
    for column, right, changed in truth:
        nights += len(data[column])
        delay = None
        for night, named in alerts(data[column]):
            if not right or night < changed:
                false += 1
            elif delay is None:
                delay = night - changed + 1
                errors.append(abs(named - changed))
        if right:
            delays.append(delay)
    return kind, nights, false, delays, sorted(errors)


def wilson(part, whole):
    z, n = 1.959964, max(whole, 1)
    p = part / n
    reach = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    low, high = (p + z * z / (2 * n) - reach), (p + z * z / (2 * n) + reach)
    return max(0.0, low / (1 + z * z / n)), high / (1 + z * z / n)


def line(kind, nights, false, delays, errors):
    low, high = wilson(false, nights)
    rate = f"{100 * false / nights:.3f} ({100 * low:.3f}–{100 * high:.3f})"
    text = f"{kind:<26}{rate:>26}"
    if not delays:
        return text
    for limit in (1, 3, 7, WINDOW_NIGHTS):
        found = sum(1 for delay in delays if delay is not None and delay <= limit)
        low, high = wilson(found, len(delays))
        text += f"  {100 * found / len(delays):>5.1f} % ({100 * low:.0f}–{100 * high:.0f})"
    ordered = sorted(delay if delay is not None else 10**9 for delay in delays)
    median = ordered[(len(ordered) - 1) // 2]
    text += f"   {median if median < 10**9 else 'never'}"
    at = lambda part: errors[min(len(errors) - 1, len(errors) * part // 100)] if errors else 0
    return text + f"   median {at(50)}, 90 % within {at(90)}"


def failures(folder, otavas):
    """What our rule does worse than it has to; Otava's false alerts and timely finds by kind."""
    worse = []
    for row in (folder / "ours.csv").read_text().splitlines()[1:]:
        kind, false, median, found = row.split(",")
        otava, otava_found = otavas[kind]
        print(f"ours: {kind:<26} {false} false alerts, Otava {otava}; median delay {median or '-'}; "
              f"found within {WINDOW_NIGHTS} nights {found}, Otava {otava_found}")
        if int(false) > otava:
            worse.append(f"{kind}: {false} false alerts, Otava {otava}")
        if kind.startswith("step_+5") and int(found) < otava_found:
            worse.append(f"{kind}: found {found}, Otava {otava_found}")
        for step, most in (("+10", 3), ("+20", 1)):
            if kind.startswith(f"step_{step}") and not (median and int(median) <= most):
                worse.append(f"{kind}: found after {median or 'never'} nights, not {most}")
    return worse


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if not 1 <= len(arguments) <= 2:
        sys.exit(__doc__)
    folder = Path(arguments[0]).resolve()
    if not (folder / "truth.csv").is_file():
        sys.exit(f"{folder} has no truth.csv: export the histories first\n\n{__doc__}")
    if os.environ.get("DYNO_OTAVA") != "ready":
        install(folder)
    from concurrent.futures import ProcessPoolExecutor

    truth = {}
    for row in (folder / "truth.csv").read_text().splitlines()[1:]:
        kind, right, column, changed = row.split(",")
        truth.setdefault(kind, []).append((column, right == "true", int(changed)))
    work = [(kind, folder / kind / "history.csv", rows) for kind, rows in truth.items()]
    print(f"apache-otava {VERSION}, {OPTIONS}; 95 % Wilson intervals")
    print(f"{'kind':<26}{'false per 100 nights':>26}   found within 1, 3, 7, 14 nights; "
          "median; error of location")
    jobs = int(arguments[1]) if len(arguments) > 1 else 1
    otavas = {}
    with ProcessPoolExecutor(jobs) as pool:
        for result in (pool.map if jobs > 1 else map)(score, work):
            print(line(*result), flush=True)
            found = [delay for delay in result[3] if delay is not None and delay <= WINDOW_NIGHTS]
            otavas[result[0]] = result[2], len(found)
    if "--check" in sys.argv:
        worse = failures(folder, otavas)
        sys.exit("\n".join(worse) if worse else 0)


if __name__ == "__main__":
    main()
