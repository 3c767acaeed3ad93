"""A device asks the provisioning service for its hub."""

# What every client of the SDK is told to connect by.
transports = {"mqtt": {"websockets": False}, "mqtt-ws": {"websockets": True}}


def register(transport, credential, payload=None):
    """Returns the result of a registration, as the SDK hands it to an application."""
    client = credential.provisioning_client(**transports[transport])
    client.provisioning_payload = payload
    return client.register()
