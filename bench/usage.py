"""How long `sluice usage` and a start take on a ledger of many rows. Usage: bench/usage.py [--rows N] [--keys N] [--models N] [--tags N]

Makes a data directory of its own with the built binary, fills its ledger with rows of the last 30 days (each key uses --models
models and --tags sets of tags) and the sums by the hour from them, as a fold does, and asks each question. The first answer of
each kind may come from the disk; the median of five is told.
"""
import argparse
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "build/release/sluice"
HOUR = 3_600_000_000
MONTH = 30 * 24 * HOUR

ROWS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
INSERT INTO ledger (request_id, start_us, end_us, key_id, dialect, requested_model, provider, model, ground, stream, status, outcome,
  attempt, final, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, reported, cost_pico, price_source, ttft_us,
  total_us, config_hash, tags)
SELECT 'req_' || i, at - 1000000, at, 'key_' || key, 'openai_chat', 'auto', 'provider' || (key % 5),
  'model' || ((key * 7 + i / 13 % :models) % 10), 'proprietary', i % 2, 200, 'ok', 1, 1, 1000, 0, 0, 0, 200, 0, 1,
  123456789, 'list', 100000, 1000000, x'0102030405060708', CASE i / 7 % :tags WHEN 0 THEN '' ELSE 'set' || (i / 7 % :tags) END
FROM (SELECT i, :from + i * (:month / :rows) AS at, (i * 7919 + i / 977) % :keys AS key FROM n)
"""
SUMS = """
INSERT INTO usage_hourly SELECT end_us / 3600000000, key_id, provider, model, ground, tags, sum(final), sum(final AND outcome <> 'ok'),
  sum(NOT final), sum(input), sum(cache_read), sum(cache_write_5m + cache_write_1h), sum(output + reasoning), 0, 0,
  sum(cost_pico) / 1000000000000, sum(cost_pico) % 1000000000000 FROM ledger GROUP BY 1, 2, 3, 4, 5, 6
"""


DAYS = """
INSERT INTO usage_daily SELECT hour / 24, key_id, provider, model, ground, tags, sum(requests), sum(failed), sum(extra_attempts), sum(input),
  sum(cache_read), sum(cache_write), sum(output), 0, 0, sum(usd) + sum(pico) / 1000000000000, sum(pico) % 1000000000000 FROM usage_hourly
  GROUP BY 1, 2, 3, 4, 5, 6
"""


def seconds(*command):
    times = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run([str(BINARY), *command], check=True, capture_output=True)
        times.append(time.monotonic() - begin)
    return statistics.median(times)


def main():
    options = argparse.ArgumentParser()
    for name, default in (("rows", 10_000_000), ("keys", 50), ("models", 2), ("tags", 2)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--folder", help="where the data directory is made; it takes about 300 bytes a row")
    wanted = options.parse_args()
    data = Path(tempfile.mkdtemp(prefix="sluice-usage-", dir=wanted.folder))
    try:
        subprocess.run([str(BINARY), "keys", "create", "--name", "one", "--data", str(data)], check=True, capture_output=True)
        database = sqlite3.connect(data / "sluice.db", isolation_level=None)
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        database.execute(ROWS, {**vars(wanted), "from": int(time.time() * 1e6) - MONTH, "month": MONTH})
        database.execute(SUMS)
        database.execute(DAYS)
        database.execute("COMMIT")
        sums = database.execute("SELECT count(*) FROM usage_hourly").fetchone()[0]
        database.close()
        print(f"{wanted.rows:,} rows, {sums:,} sums by the hour, {(data / 'sluice.db').stat().st_size / 1e9:.1f} GB")
        base = seconds("keys", "list", "--data", str(data))
        print(f"{'(the program itself)':30} {base * 1e3:7.0f} ms")
        for by in ("key", "model", "provider", "day", "team", "tag"):
            print(f"usage --by {by:19} {seconds('usage', '--by', by, '--data', str(data)) * 1e3:7.0f} ms")
        print(f"{'usage --since 7d':30} {seconds('usage', '--since', '7d', '--data', str(data)) * 1e3:7.0f} ms")
        subprocess.run([str(BINARY), "budgets", "set", "--everybody", "--usd", "5", "--window", "month", "--data", str(data)], check=True, capture_output=True)
        print(f"{'a limits sum, as a start does':30} {seconds('budgets', 'list', '--data', str(data)) * 1e3:7.0f} ms")
    finally:
        shutil.rmtree(data)


if __name__ == "__main__":
    sys.exit(main())
