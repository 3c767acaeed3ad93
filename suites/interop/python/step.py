"""A program is a row of named steps. Each prints one line of JSON when it ends:

    {"step": "register", "ok": true, "ms": 2042, "saw": {…}}
    {"step": "register", "ok": false, "ms": 12, "error": {"name": "CredentialError", …}}

and the first that fails ends the program with exit code 1."""

import contextlib
import json
import os
import time
import traceback


@contextlib.contextmanager
def step(name):
    """One step. What its body puts into the dictionary that it gets is printed: nothing
    else, since results hold keys."""
    started = time.monotonic()

    def ended(**line):
        ms = round((time.monotonic() - started) * 1000)
        print(json.dumps({"step": name, **line, "ms": ms}), flush=True)

    saw = {}
    try:
        yield saw
    except Exception as error:
        ended(ok=False, error=describe(error))
        os._exit(1)  # an exit would wait for threads and timers of the SDK
    ended(ok=True, saw=saw)


def describe(error):
    """Keeps the SDK's own words, and the answer that it read them from."""
    response = getattr(error, "response", None)
    return {
        "name": type(error).__name__,
        "message": str(error),
        "status": getattr(response, "status_code", 0),
        "answer": answer(response),
        "cause": cause(error),
        "stack": "".join(traceback.format_exception(error)),
    }


def answer(response):
    try:
        return response.json()
    except Exception:  # there is none, or none in JSON
        return None


def cause(error):
    """The error below an error, which tells more in this SDK."""
    below = error.__cause__
    return "" if below is None else f"{type(below).__name__}: {below}"


def refused(act):
    """Expects an SDK call to fail and returns its error."""
    try:
        result = act()
    except Exception as error:
        return error
    raise AssertionError(f"it was not refused, but answered {result}")


def same(got, wanted):
    """A comparison that holds under python -O too, and shows both sides."""
    if got != wanted:
        raise AssertionError(f"got {got!r} instead of {wanted!r}")
