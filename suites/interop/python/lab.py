"""What the lab says about itself in the environment of a program that `dpslab up` runs, and
what the Go side of the suite adds: who this device is."""

import os
import pathlib


def variable(name):
    value = os.environ.get(name)
    if not value:
        raise LookupError(f"{name} is not set; go test ./suites/interop runs this with all that it needs")
    return value


def text(name):
    return pathlib.Path(variable(name)).read_text()


dps_host = variable("DPSLAB_DPS_HOST")
id_scope = variable("DPSLAB_ID_SCOPE")
service_connection_string = variable("DPSLAB_SERVICE_CONNECTION_STRING")
registration_id = variable("DPSLAB_INTEROP_REGISTRATION")

# Connection strings by host name.
hubs = {
    variable(f"DPSLAB_HUB_{n}_HOST"): variable(f"DPSLAB_HUB_{n}_CONNECTION_STRING")
    for n in range(1, int(variable("DPSLAB_HUB_COUNT")) + 1)
}


# PEM files. The device's is its leaf with the certificates between it and the root.
def device_certificate():
    return variable("DPSLAB_INTEROP_CERTIFICATE"), variable("DPSLAB_INTEROP_KEY")


def other_certificate():
    return variable("DPSLAB_INTEROP_OTHER_CERTIFICATE"), variable("DPSLAB_INTEROP_OTHER_KEY")
