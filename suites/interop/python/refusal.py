"""One refusal: the SDK must tell the application so, and the same device must be served as soon
as its reason is gone.

    python refusal.py mqtt|mqtt-ws wrong-key|wrong-certificate|disabled
"""

import base64
import gc
import secrets
import sys

import attestations
import lab
from credentials import Certificate, Key
from enrollments import remove_registration
from hub import Hub
from registration import transports
from step import describe, refused, same, step


def main(transport, reason):
    by = "x509-individual" if reason == "wrong-certificate" else "symmetric-individual"
    how = attestations.by_name[by]

    with step("enroll"):
        enrollment = how.put({
            "attestation": how.attestation(),
            "provisioningStatus": "disabled" if reason == "disabled" else "enabled"})
    right = how.credential(enrollment)

    with step("refused") as saw:
        wrong = {
            "wrong-key": lambda: Key(base64.b64encode(secrets.token_bytes(32)).decode()),
            "wrong-certificate": lambda: Certificate(lab.other_certificate()),
            "disabled": lambda: right,
        }[reason]()
        client = wrong.provisioning_client(**transports[transport])
        error = describe(refused(client.register))
        saw.update((name, error[name]) for name in ("name", "message", "cause"))

    with step("served"):
        if reason == "disabled":
            how.put({**enrollment, "provisioningStatus": "enabled"}, if_match=enrollment["etag"])
        else:
            # No call ends a client that was refused. It stays connected, and would connect
            # again whenever another client of the registration takes its place.
            del client
            gc.collect()
            client = right.provisioning_client(**transports[transport])
        result = client.register()
        same(result.status, "assigned")

    with step("remove"):
        Hub(result.registration_state.assigned_hub).remove(result.registration_state.device_id)
        remove_registration()
        how.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
