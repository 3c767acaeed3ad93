"""One cell: a device's way from its enrollment to a working day at its hub, and everything
removed again.

    python cell.py mqtt|mqtt-ws symmetric-individual|symmetric-group|x509-individual|x509-group
"""

import json
import queue
import sys

from azure.iot.device import Message, MethodResponse

import attestations
import lab
from enrollments import remove_registration
from hub import Hub
from registration import register, transports
from step import refused, same, step

INITIAL_TWIN = {"tags": {"site": "north"}, "properties": {"desired": {"rate": 5}}}
PAYLOAD = {"modelId": "dtmi:dpslab:thermometer;1", "slots": [1, 2]}
PATIENCE = 10  # seconds until the hub must have told the device


def main(transport, attestation):
    how = attestations.by_name[attestation]

    with step("enroll"):
        enrollment = how.put({
            "attestation": how.attestation(), "provisioningStatus": "enabled", "initialTwin": INITIAL_TWIN})
        same(bool(enrollment["etag"]), True)
        same(how.get()["etag"], enrollment["etag"])
    credential = how.credential(enrollment)

    with step("register") as saw:
        result = register(transport, credential, PAYLOAD)
        same(result.status, "assigned")
        state = result.registration_state
        same(json.loads(state.response_payload), None)  # that is what custom allocation may send
        host, device_id = state.assigned_hub, state.device_id
        saw.update(assignedHub=host, deviceId=device_id)
    hub = Hub(host)

    with step("registration"):
        found = how.registration()
        same(
            [found[name] for name in ("status", "substatus", "assignedHub", "deviceId", "etag")],
            ["assigned", "initialAssignment", host, device_id, state.etag])
        same(state.sub_status, "initialAssignment")

    with step("identity"):
        identity = hub.identity(device_id)
        same(
            [identity.device_id, identity.status, identity.authentication.type],
            [device_id, "enabled", credential.hub_authentication])

    with step("initial twin"):
        twin = hub.twin(device_id)
        same([twin.tags["site"], twin.properties.desired["rate"]], ["north", 5])

    with step("connect"):
        device = credential.hub_client(host, device_id, **transports[transport])
        device.connect()

    # The SDK subscribes when it is given a handler, and waits until that stands.
    with step("telemetry"):
        def answer(request):
            heard = {"heard": request.payload, "method": request.name}
            device.send_method_response(MethodResponse.create_from_method_request(request, 200, heard))
        device.on_method_request_received = answer
        message = Message(json.dumps({"celsius": 21}, separators=(",", ":")))
        message.content_type = "application/json"
        message.content_encoding = "utf-8"
        message.custom_properties["line"] = "a b"
        device.send_message(message)

    with step("twin"):
        same(device.get_twin()["desired"]["rate"], 5)

    with step("report"):
        device.patch_twin_reported_properties({"firmware": "1.2"})
        same(hub.twin(device_id).properties.reported["firmware"], "1.2")

    with step("desired"):
        patches = queue.Queue()
        device.on_twin_desired_properties_patch_received = patches.put
        hub.desire(device_id, {"rate": 9})
        same(patches.get(timeout=PATIENCE)["rate"], 9)

    with step("method"):
        result = hub.call(device_id, "reboot", {"after": 3})
        same([result.status, result.payload], [200, {"heard": {"after": 3}, "method": "reboot"}])

    with step("disconnect"):
        device.shutdown()

    with step("remove"):
        hub.remove(device_id)
        remove_registration()
        how.remove()
        for get in (lambda: hub.identity(device_id), how.registration, how.get):
            same(refused(get).response.status_code, 404)


if __name__ == "__main__":
    main(*sys.argv[1:])
