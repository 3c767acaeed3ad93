"""A device whose enrollment was given to another hub, at its next registration.

    python move.py mqtt migrate|reset|never
"""

import sys

from azure.iot.device.exceptions import CredentialError

import attestations
import lab
from enrollments import remove_registration
from hub import Hub
from registration import register
from step import refused, same, step

# What the enrollment says of hub and data, and what comes of it: where the device is, how the
# service calls that, and whether it works on with the rate of 9 that its back end gave it, or
# with the 5 of the enrollment.
POLICIES = {
    "migrate": (True, True, "second", "deviceDataMigrated", 9),
    "reset": (True, False, "second", "deviceDataReset", 5),
    "never": (False, False, "first", "initialAssignment", 9),
}


def main(transport, policy):
    update, migrate, place, substatus, rate = POLICIES[policy]
    hosts = dict(zip(("first", "second"), sorted(lab.hubs)))
    how = attestations.by_name["symmetric-individual"]

    with step("enroll"):
        enrollment = how.put({
            "attestation": how.attestation(),
            "allocationPolicy": "static",
            "iotHubs": [hosts["first"]],
            "reprovisionPolicy": {"updateHubAssignment": update, "migrateDeviceData": migrate},
            "initialTwin": {"tags": {"site": "north"}, "properties": {"desired": {"rate": 5}}}})
    credential = how.credential(enrollment)

    with step("register"):
        state = register(transport, credential).registration_state
        same([state.assigned_hub, state.sub_status], [hosts["first"], "initialAssignment"])

    with step("work"):
        device = credential.hub_client(hosts["first"], state.device_id)
        device.connect()
        Hub(hosts["first"]).desire(state.device_id, {"rate": 9})
        same(device.get_twin()["desired"]["rate"], 9)
        device.shutdown()

    with step("move"):
        how.put({**enrollment, "iotHubs": [hosts["second"]]}, if_match=how.get()["etag"])

    with step("register again") as saw:
        state = register(transport, credential).registration_state
        same([state.assigned_hub, state.sub_status], [hosts[place], substatus])
        saw.update(substatus=state.sub_status)

    with step("twin"):
        twin = Hub(hosts[place]).twin(state.device_id)
        same([twin.tags["site"], twin.properties.desired["rate"]], ["north", rate])

    with step("work again"):
        device = credential.hub_client(hosts[place], state.device_id)
        device.connect()
        same(device.get_twin()["desired"]["rate"], rate)
        device.shutdown()

    with step("the other hub"):
        (other,) = set(hosts.values()) - {hosts[place]}
        same(refused(lambda: Hub(other).identity(state.device_id)).response.status_code, 404)
        same(type(refused(credential.hub_client(other, state.device_id).connect)), CredentialError)

    with step("remove"):
        Hub(hosts[place]).remove(state.device_id)
        remove_registration()
        how.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
