"""A device of a few lines over qpid-proton, which knows AMQP and nothing of provisioning.

    python3 register.py registered|refused

It runs with Debian's Python and its package python3-qpid-proton."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import sys
import time
import urllib.parse
import uuid

from proton import Message, SSLDomain, symbol
from proton.reactor import LinkOption
from proton.utils import BlockingConnection

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import lab
from step import describe, refused, same, step

PATIENCE = 20  # seconds until the service must have answered
ADDRESS = f"{lab.id_scope}/registrations/{lab.registration_id}"


class Rejected(Exception):
    """The service's word for a message that it does not take."""


class Version(LinkOption):
    """The version of the requests and answers on a link."""

    def apply(self, link):
        link.properties = {symbol("com.microsoft:api-version"): "2021-06-01"}


def token(key):
    resource, expiry = urllib.parse.quote(ADDRESS, safe=""), int(time.time()) + 3600
    signed = hmac.digest(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    signature = urllib.parse.quote(base64.b64encode(signed), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=registration"


def connect():
    """A device with a key says who it is by SASL; one with a certificate has said so by TLS."""
    trust = SSLDomain(SSLDomain.MODE_CLIENT)
    trust.set_trusted_ca_db(lab.variable("DPSLAB_CA_FILE"))
    trust.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
    key = os.environ.get("DPSLAB_INTEROP_SYMMETRIC_KEY")
    if key:
        how = {"sasl_enabled": True, "allowed_mechs": "PLAIN", "user": ADDRESS, "password": token(key)}
    else:
        trust.set_credentials(*lab.device_certificate(), None)
        how = {"sasl_enabled": False}
    return BlockingConnection(f"amqps://{lab.dps_host}:5671", timeout=PATIENCE, reconnect=False, ssl_domain=trust, **how)


def register():
    connection = connect()
    receiver = connection.create_receiver(ADDRESS, credit=1, options=Version())
    sender = connection.create_sender(ADDRESS, options=Version())

    def ask(kind, body=None, **properties):
        request = Message(body=body, correlation_id=str(uuid.uuid4()), properties={"iotdps-operation-type": kind, **properties})
        outcome = sender.send(request, error_states=[])
        if outcome.remote_state != outcome.ACCEPTED:
            raise Rejected(f"{outcome.remote.condition.name}: {outcome.remote.condition.description}")
        answer = receiver.receive(timeout=PATIENCE)  # which comes settled
        same(answer.correlation_id, request.correlation_id)
        return json.loads(bytes(answer.body)), answer.properties or {}

    state, properties = ask("iotdps-register", json.dumps({"registrationId": lab.registration_id}).encode())
    while state["status"] == "assigning":
        time.sleep(properties["retry-after"])
        state, properties = ask("iotdps-get-operationstatus", **{"iotdps-operation-id": state["operationId"]})
    connection.close()
    same(state["status"], "assigned")
    return state["registrationState"]


def main(expected):
    if expected == "refused":
        with step("refused") as saw:
            error = describe(refused(register))
            saw.update((name, error[name]) for name in ("name", "message"))
        return
    with step("registered") as saw:
        state = register()
        saw.update((name, state[name]) for name in ("registrationId", "assignedHub", "deviceId", "substatus"))


if __name__ == "__main__":
    main(*sys.argv[1:])
