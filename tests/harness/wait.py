"""Waiting for something to become true. The only place that sleeps: between two looks, never instead of a look."""

import time

# Generous, because the machine may be busy with other work; a test that passes never waits this long.
DEADLINE_S = 60.0


def eventually(look, what, timeout_s=DEADLINE_S, between_s=0.02):
    """Calls `look` until it returns something true and returns that. An assertion error in `look` counts as not yet.

    `what` completes the sentence "gave up waiting for ...".
    """
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        try:
            value = look()
            if value:
                return value
            last = repr(value)
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting for {what} after {timeout_s:g} s; last seen: {last}")
        time.sleep(between_s)
