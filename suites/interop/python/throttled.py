"""A device that registers again when its service has no registration left to give. The Go side
lets time pass there once the device was told so.

    python throttled.py mqtt|mqtt-ws
"""

import sys

import attestations
from enrollments import remove_registration
from hub import Hub
from registration import register
from step import same, step


def main(transport):
    how = attestations.by_name["symmetric-individual"]

    with step("enroll"):
        enrollment = how.put({"attestation": how.attestation(), "provisioningStatus": "enabled"})
    credential = how.credential(enrollment)

    with step("register"):
        first = register(transport, credential)
        same(first.status, "assigned")

    with step("register again"):
        again = register(transport, credential)
        same([again.status, again.registration_state.assigned_hub], ["assigned", first.registration_state.assigned_hub])

    with step("remove"):
        Hub(again.registration_state.assigned_hub).remove(again.registration_state.device_id)
        remove_registration()
        how.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
