#!/usr/bin/env python3
"""A soak: mixed load on one server for as long as told, and a gate on how its memory grows.

    soak.py [--minutes N] [--most-kb-per-hour N]

Whole answers, streams, translated ones and large bodies take turns, so that connections, buffers and records of each kind come
and go.
Memory (RSS) is taken when all have had
their turn. The first quarter is warm-up: pools fill, tables reach their size. Of the rest the
slope is a line through medians (Theil and Sen), which a single odd value does not move. The gate is the slope, less what
such a line varies by when the values have no slope, so that noise does not fail a short run: short ones find large leaks only.
"""
import argparse
import itertools
import random
import statistics
import sys
import time

from answers import ANSWERS, KINDS
from rig import memory_kb, rig

CONNECTIONS = 32
TURN_S = 5


def slope(points):
    """The median of the slopes between all pairs of (time, value)."""
    between = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2) if b[0] > a[0]]
    return statistics.median(between)


def slope_of_noise(points, times=200):
    """What the slope of the same values in any order stays below 19 times of 20."""
    chance = random.Random(1)
    values = [value for _, value in points]
    slopes = []
    for _ in range(times):
        chance.shuffle(values)
        slopes.append(abs(slope([(at, value) for (at, _), value in zip(points, values)])))
    return sorted(slopes)[times * 19 // 20]


def thinned(points, most=120):
    step = max(1, len(points) // most)
    return points[::step]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--most-kb-per-hour", type=float, default=1_024, help="beyond noise (default: 1024)")
    arguments = parser.parse_args()
    message = {"max_tokens": 64, "messages": [{"role": "user", "content": "x" * 900}]}
    with rig(ANSWERS) as stage:
        server = stage.sluice(KINDS)
        # Whole answers and streams in the client's dialect, a translated one, and large bodies.
        turns = [server.request("chat", message), server.request("burst", {**message, "stream": True}),
                 server.request("messages", message), server.request("chat", {"messages": [{"role": "user", "content": "y" * 200_000}]})]
        points, answered = [], 0
        began = time.monotonic()
        for request in itertools.cycle(turns):
            if time.monotonic() - began > arguments.minutes * 60:
                break
            result = stage.load(server, request, CONNECTIONS, TURN_S)
            answered += result["answers"]
            if request is not turns[-1]:
                continue  # memory is compared after the same turn each time: large bodies take more than small ones
            points.append(((time.monotonic() - began) / 3600, memory_kb(server.pids, "Rss")))
            print(f"{points[-1][0] * 60:7.1f} min  {answered:>10,} answers  {points[-1][1]:>8,} KB", flush=True)
        late = thinned([point for point in points if point[0] >= points[-1][0] / 4])
        if len(late) < 4:
            raise SystemExit("soak: too short to tell: give it a minute at least")
        grows, noise = slope(late), slope_of_noise(late)
        beyond = max(abs(grows) - noise, 0) if grows > 0 else 0
        print(f"RSS grows by {grows:,.0f} KB an hour, noise is up to {noise:,.0f}: {beyond:,.0f} beyond noise, allowed {arguments.most_kb_per_hour:,.0f}")
        return 0 if beyond <= arguments.most_kb_per_hour else 1


if __name__ == "__main__":
    sys.exit(main())
