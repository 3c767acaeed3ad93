"""One refusal: the SDK must tell the application so, and the same device must be served as soon
as its reason is gone.

    python refusal.py mqtt|mqtt-ws wrong-key|wrong-certificate|disabled
"""

import base64
import multiprocessing
import secrets
import sys
from concurrent.futures import ProcessPoolExecutor

import attestations
import lab
from credentials import Certificate, Key
from enrollments import remove_registration
from hub import Hub
from registration import register
from step import describe, refused, same, step

# What the device shows at first instead of what it is enrolled by.
WRONG = {
    "wrong-key": lambda: Key(base64.b64encode(secrets.token_bytes(32)).decode()),
    "wrong-certificate": lambda: Certificate(lab.other_certificate()),
}


def attempt(transport, credential):
    return describe(refused(lambda: register(transport, credential)))


def in_its_own_process(function, *arguments):
    """No call ends a client that was refused: it stays connected, and connects again whenever
    another client of its registration takes its place. So the device ends, and starts again."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def main(transport, reason):
    by = "x509-individual" if reason == "wrong-certificate" else "symmetric-individual"
    how = attestations.by_name[by]

    with step("enroll"):
        enrollment = how.put({
            "attestation": how.attestation(),
            "provisioningStatus": "disabled" if reason == "disabled" else "enabled"})
    right = how.credential(enrollment)

    with step("refused") as saw:
        shown = WRONG[reason]() if reason in WRONG else right
        error = in_its_own_process(attempt, transport, shown)
        saw.update((name, error[name]) for name in ("name", "message", "cause"))

    with step("served"):
        if reason == "disabled":
            how.put({**enrollment, "provisioningStatus": "enabled"}, if_match=enrollment["etag"])
        result = register(transport, right)
        same(result.status, "assigned")

    with step("remove"):
        Hub(result.registration_state.assigned_hub).remove(result.registration_state.device_id)
        remove_registration()
        how.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
