"""A device asks the provisioning service for its hub."""

# What every client of the SDK is told to connect by.
transports = {"mqtt": {"websockets": False}, "mqtt-ws": {"websockets": True}}


def register(transport, credential):
    """Returns the result of a registration, as the SDK hands it to an application."""
    return credential.provisioning_client(**transports[transport]).register()
