"""What Sluice costs and adds, beside nginx in the same run. Usage: ./dev bench [--json] [--rounds N] [--only TABLE...] [--portkey]

Sluice runs with everything on: a key with budget and rate limit, a price, the ledger, audit, metrics, the log. Rounds are
interleaved, because neighbours on a shared machine come and go: read the ratios, they hold where microseconds do not.

  relay        CPU per request and per stream event at saturation
  translation  what translation costs over lane 1 with the same body
  latency      open loop: what is added at a fixed rate, and the highest rate at which p99 stays below 0.9 ms
  streams      1,000 streams of 50 events a second: what is added to the first token, and how even the events come
  footprint    idle memory, time to be ready, size of the binary, memory of an open stream
  attack       what healthy clients notice of attacks, and the memory that these take; only when it is asked for
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import attack as attacks
from answers import ANSWERS, KINDS, conversation, short_body
from rig import BUILD, LOAD_CORE, memory_kb, rig

SECONDS = 3
USUAL_TABLES = ("relay", "translation", "latency", "streams", "footprint")
TABLES = (*USUAL_TABLES, "attack")

# name, provider's answer, connections, request body bytes, per event (or per request)
SCENARIOS = [
    ("request, 1 KB", "chat", 64, 1024, False),
    ("request, 20 KB", "chat", 64, 20 * 1024, False),
    ("stream event, paced", "paced", 64, 1024, True),
    ("stream event, burst", "burst", 16, 1024, True),
]
# Client's path, its body's bytes, provider of the same dialect, provider of another.
TRANSLATIONS = [
    ("chat, 2 KB, OpenAI to Anthropic", "/v1/chat/completions", 2 * 1024, "chat", "messages"),
    ("Claude Code, 200 KB, Anthropic to OpenAI", "/v1/messages", 200 * 1024, "messages", "chat"),
]
STEADY_RATE = 1_000
LATENCY_CONNECTIONS = 128
LATENCY_LIMIT_US = 900
RATES = [2_000, 4_000, 6_000, 8_000, 10_000, 12_500, 15_000, 17_500, 20_000, 25_000, 30_000, 35_000, 40_000]
STREAMS, OPEN_STREAMS = 1_000, 5_000
HEALTHY_RATE, HEALTHY_CONNECTIONS = 500, 32
ATTACK_SETTLES_S = 2  # until its connections stand


def middle(values, digits=2):
    return {"median": round(statistics.median(values), digits), "min": round(min(values), digits), "max": round(max(values), digits)}


def relay(rounds, portkey, say):
    with rig(ANSWERS) as bench:
        gateways = [bench.sluice(KINDS), bench.nginx(), *([bench.portkey(portkey)] if portkey else [])]
        seen = {title: {g.name: [] for g in gateways} for title, *_ in SCENARIOS}
        for number in range(rounds):
            say(f"relay, round {number + 1} of {rounds}")
            for title, answer, connections, body_bytes, per_event in SCENARIOS:
                for gateway in gateways:
                    if gateway.name == "portkey" and per_event:
                        continue  # it answers streams with 500 as npm installs it
                    request = gateway.request(answer, short_body(body_bytes, per_event, gateway.model(answer)))
                    result = bench.load(gateway, request, connections, SECONDS)
                    unit = result["events"] if per_event else result["answers"]
                    seen[title][gateway.name].append((result["cpu_us"] / unit, unit / result["seconds"]))
    return [relay_row(title, by_gateway) for title, by_gateway in seen.items()]


def relay_row(title, by_gateway):
    """`by_gateway`: for each its rounds' (CPU us, per second). Ratios are taken within a round."""
    row = {"what": title}
    for name, samples in by_gateway.items():
        if samples:
            row[name] = {"cpu_us": middle([s[0] for s in samples]), "per_second": round(statistics.median(s[1] for s in samples))}
    row["ratio"] = middle([s[0] / n[0] for s, n in zip(by_gateway["sluice"], by_gateway["nginx"])])
    if by_gateway.get("portkey"):
        row["portkey_ratio"] = middle([p[0] / s[0] for s, p in zip(by_gateway["sluice"], by_gateway["portkey"])], 0)
    return row


def translation(rounds, say):
    with rig(ANSWERS) as bench:
        gateway = bench.sluice(KINDS)
        seen = {title: [] for title, *_ in TRANSLATIONS}
        for number in range(rounds):
            say(f"translation, round {number + 1} of {rounds}")
            for title, path, body_bytes, *answers in TRANSLATIONS:
                cpu = []
                for answer in answers:
                    result = bench.load(gateway, gateway.request(answer, conversation(path, body_bytes), path), 16, SECONDS)
                    cpu.append(result["cpu_us"] / result["answers"])
                seen[title].append(cpu)
    return [{"what": title, "lane_1_us": round(statistics.median(s[0] for s in samples), 2),
             "lane_2_us": round(statistics.median(s[1] for s in samples), 2),
             "added_us": middle([other - same for same, other in samples])} for title, samples in seen.items()]


def latency(rounds, say):
    with rig(ANSWERS) as bench:
        direct, gateways = bench.direct(), [bench.sluice(KINDS), bench.nginx()]

        def measure(gateway, rate, seconds):
            request = gateway.request("chat", short_body(1024, False, gateway.model("chat")))
            return bench.load(gateway, request, LATENCY_CONNECTIONS, seconds, rate=rate)["answer_us"]

        def added(gateway, rate, seconds):
            alone, through = measure(direct, rate, seconds), measure(gateway, rate, seconds)
            return {p: through[p] - alone[p] for p in ("p50", "p99")}

        steady = {g.name: [] for g in gateways}
        highest = {g.name: [] for g in gateways}
        for number in range(rounds):
            say(f"latency, round {number + 1} of {rounds}: {STEADY_RATE:,}/s")
            for gateway in gateways:
                steady[gateway.name].append(added(gateway, STEADY_RATE, 5))
            for gateway in gateways:
                best = 0
                for rate in RATES:
                    if added(gateway, rate, 2)["p99"] >= LATENCY_LIMIT_US and added(gateway, rate, 2)["p99"] >= LATENCY_LIMIT_US:
                        break  # twice: one neighbour's moment is not the gateway's limit
                    best = rate
                say(f"  {gateway.name}: {best:,}/s with p99 below {LATENCY_LIMIT_US} us")
                highest[gateway.name].append(best)
    return [{"what": g.name, "rate": STEADY_RATE, "added_p50_us": middle([a["p50"] for a in steady[g.name]], 0),
             "added_p99_us": middle([a["p99"] for a in steady[g.name]], 0),
             "highest_rate": middle(highest[g.name], 0)} for g in gateways]


def streams(rounds, say):
    with rig(ANSWERS) as bench:
        gateways = [bench.direct(), bench.sluice(KINDS), bench.nginx()]
        seen = {g.name: [] for g in gateways}
        for number in range(rounds):
            say(f"streams, round {number + 1} of {rounds}")
            for gateway in gateways:
                request = gateway.request("steady", short_body(1024, True, gateway.model("steady")))
                result = bench.load(gateway, request, STREAMS, 6, warm=3)
                seen[gateway.name].append({"first": result["first_us"]["p99"], "jitter": result["jitter_us"]["p99"],
                                           "delay": result["event_us"]["p50"], "per_second": result["events"] / result["seconds"]})
    rows = []
    for gateway in gateways[1:]:
        pairs = list(zip(seen["direct"], seen[gateway.name]))
        rows.append({"what": gateway.name, "streams": STREAMS,
                     **{f"added_{part}_us": middle([through[key] - alone[key] for alone, through in pairs], 0)
                        for part, key in (("first_token_p99", "first"), ("jitter_p99", "jitter"), ("delay_p50", "delay"))},
                     "events_per_second": middle([through["per_second"] for _, through in pairs], 0)})
    return rows


def footprint(rounds, say):
    rows = []
    ready, idle = [], []
    for number in range(max(rounds, 5)):
        say(f"footprint, start {number + 1}")
        with rig(ANSWERS) as bench:
            gateway = bench.sluice(KINDS)
            time.sleep(1)
            ready.append(gateway.ready_ms)
            idle.append(memory_kb(gateway.pids, "Rss") / 1024)
    rows.append({"what": "start to ready, ms", "sluice": middle(ready, 0)})
    rows.append({"what": "idle memory (RSS), MB", "sluice": middle(idle, 1)})
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "sluice"
        subprocess.run(["strip", "-o", stripped, BUILD / "sluice"], check=True)
        rows.append({"what": "stripped binary, MB", "sluice": middle([stripped.stat().st_size / 1e6], 1)})
    say(f"footprint, {OPEN_STREAMS:,} open streams")
    row = {"what": f"memory of an open stream ({OPEN_STREAMS:,} of them, PSS), KB"}
    with rig(ANSWERS) as bench:
        places = f"limits: {{ in_flight: {2 * OPEN_STREAMS}, in_flight_per_key: {2 * OPEN_STREAMS} }}\n"
        for gateway in (bench.sluice(KINDS, settings=places), bench.nginx()):
            before = memory_kb(gateway.pids)
            load, problems = bench.open_streams(gateway, gateway.request("slow", short_body(1024, True, gateway.model("slow"))), OPEN_STREAMS)
            time.sleep(10)
            if problems():
                raise SystemExit(f"bench: {gateway.name} does not hold {OPEN_STREAMS} streams: {problems()}")
            row[gateway.name] = middle([(memory_kb(gateway.pids) - before) / OPEN_STREAMS], 1)
            load.kill()
            load.wait()
    return [*rows, row]


def bounds_met(port):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
    return sum(int(count) for count in re.findall(r"^sluice_limit_hits_total\{.*\} (\d+)$", page, re.MULTILINE))


def attack(rounds, say):
    """The p99 of healthy clients under each attack over that before it, the most memory (RSS, peak) of the server, and how often
    the attack has met a bound: an attack that meets none holds only what it may, or does not reach the server."""
    rows = []
    with rig(ANSWERS) as bench:
        gateway = bench.sluice(KINDS)
        key = gateway.headers("chat")[0].encode() + b"\r\n"
        request = gateway.request("chat", short_body(1024, False, gateway.model("chat")))

        def p99():
            return bench.load(gateway, request, HEALTHY_CONNECTIONS, SECONDS, rate=HEALTHY_RATE)["answer_us"]["p99"]
        p99()
        for one in attacks.ATTACKS:
            ratios, alone, under, met = [], [], [], bounds_met(gateway.port)
            for number in range(rounds):
                say(f"attack {one.__name__}, round {number + 1} of {rounds}")
                alone.append(p99())
                with attacks.under(one, LOAD_CORE, gateway.port, key):
                    time.sleep(ATTACK_SETTLES_S)
                    under.append(p99())
                ratios.append(under[-1] / alone[-1])
            peak_kb = next(int(line.split()[1]) for line in Path(f"/proc/{gateway.pids[0]}/status").read_text().splitlines() if line.startswith("VmHWM:"))
            rows.append({"what": one.__name__.replace("_", " "), "alone_p99_us": middle(alone, 0), "p99_us": middle(under, 0),
                         "ratio": middle(ratios), "rss_mb": round(peak_kb / 1024, 1),
                         "bounds_met": bounds_met(gateway.port) - met})
    return rows


def span(value, digits=2):
    return f"{value['median']:,.{digits}f} ({value['min']:,.{digits}f}-{value['max']:,.{digits}f})"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|", *("| " + " | ".join(r) + " |" for r in rows)])


def relay_table(rows):
    head = ["CPU us per", "Sluice", "nginx proxy_pass", "ratio", "Sluice per second, one core"]
    portkey = any("portkey" in row for row in rows)
    lines = []
    for row in rows:
        cells = [row["what"], span(row["sluice"]["cpu_us"]), span(row["nginx"]["cpu_us"]), span(row["ratio"]), f"{row['sluice']['per_second']:,}"]
        lines.append(cells + ([f"{span(row['portkey']['cpu_us'], 0)}, {span(row['portkey_ratio'], 0)} times Sluice" if "portkey" in row else "-"] if portkey else []))
    return table(head + (["Portkey"] if portkey else []), lines)


def translation_table(rows):
    return table(["CPU us per request and answer", "same dialect", "translated", "added by translation"],
                 [[r["what"], f"{r['lane_1_us']:.2f}", f"{r['lane_2_us']:.2f}", span(r["added_us"])] for r in rows])


def latency_table(rows):
    return table([f"open loop, {STEADY_RATE:,} requests a second", "added p50, us", "added p99, us", "highest rate with p99 added below 0.9 ms"],
                 [[r["what"], span(r["added_p50_us"], 0), span(r["added_p99_us"], 0), span(r["highest_rate"], 0)] for r in rows])


def streams_table(rows):
    return table([f"{STREAMS:,} streams of 50 events a second", "added to the first token, p99 us", "added jitter, p99 us", "added delay, p50 us", "events a second"],
                 [[r["what"], span(r["added_first_token_p99_us"], 0), span(r["added_jitter_p99_us"], 0), span(r["added_delay_p50_us"], 0),
                   span(r["events_per_second"], 0)] for r in rows])


def footprint_table(rows):
    return table(["footprint", "Sluice", "nginx"], [[r["what"], span(r["sluice"], 1), span(r["nginx"], 1) if "nginx" in r else "-"] for r in rows])


def attack_table(rows):
    return table(["healthy clients beside an attack", "p99 before, us", "p99 under it, us", "ratio", "server's memory so far, MB", "bounds met"],
                 [[r["what"], span(r["alone_p99_us"], 0), span(r["p99_us"], 0), span(r["ratio"]), f"{r['rss_mb']}", f"{r['bounds_met']:,}"] for r in rows])


def portkey_folder(say):
    """Portkey's gateway from npm, in the cache folder; None where npm cannot get it."""
    folder = Path(os.environ.get("SLUICE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice") / "bench/portkey-1.15.2"
    if not (folder / "node_modules/@portkey-ai/gateway").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        run = shutil.which("npm") and subprocess.run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts",
                                                      "@portkey-ai/gateway@1.15.2"], capture_output=True, text=True)
        if not run or run.returncode:
            say("Portkey is left out: npm could not install it" + (f": {run.stderr[-300:]}" if run else ""))
            return None
    return folder


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=TABLES, nargs="+", default=USUAL_TABLES, help="some of the tables")
    parser.add_argument("--portkey", action="store_true", help="measure Portkey's gateway beside (installs it with npm)")
    options = parser.parse_args()
    if os.cpu_count() < 2:
        raise SystemExit("bench: needs two cores: one for the gateway, one for provider and load")
    say = lambda text: print(f"           {text}", file=sys.stderr, flush=True)
    portkey = portkey_folder(say) if options.portkey else None
    measured = {"relay": lambda: relay(options.rounds, portkey, say), "translation": lambda: translation(options.rounds, say),
                "latency": lambda: latency(options.rounds, say), "streams": lambda: streams(options.rounds, say),
                "footprint": lambda: footprint(options.rounds, say), "attack": lambda: attack(options.rounds, say)}
    rows = {name: measured[name]() for name in TABLES if name in options.only}
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        made = {"relay": relay_table, "translation": translation_table, "latency": latency_table, "streams": streams_table,
                "footprint": footprint_table, "attack": attack_table}
        print("\n\n".join(made[name](part) for name, part in rows.items()))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
