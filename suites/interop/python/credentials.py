"""How a device proves who it is, to the provisioning service and then to its hub."""

from azure.iot.device import X509, IoTHubDeviceClient, ProvisioningDeviceClient

import lab

# With the client's own reconnecting a failure would be a wait.
ONCE = {"auto_connect": False, "connection_retry": False}


class Key:
    """A symmetric key, in base64 as the SDK takes it."""

    hub_authentication = "sas"

    def __init__(self, primary_key):
        self.primary_key = primary_key

    def provisioning_client(self, **options):
        return ProvisioningDeviceClient.create_from_symmetric_key(
            provisioning_host=lab.dps_host, registration_id=lab.registration_id, id_scope=lab.id_scope,
            symmetric_key=self.primary_key, **options)

    def hub_client(self, host, device_id, **options):
        return IoTHubDeviceClient.create_from_symmetric_key(
            symmetric_key=self.primary_key, hostname=host, device_id=device_id, **ONCE, **options)


class Certificate:
    """PEM files of a certificate, which may go on with the leaf's issuers, and of its key."""

    hub_authentication = "selfSigned"

    def __init__(self, files):
        self.x509 = X509(*files)

    def provisioning_client(self, **options):
        return ProvisioningDeviceClient.create_from_x509_certificate(
            provisioning_host=lab.dps_host, registration_id=lab.registration_id, id_scope=lab.id_scope,
            x509=self.x509, **options)

    def hub_client(self, host, device_id, **options):
        return IoTHubDeviceClient.create_from_x509_certificate(
            x509=self.x509, hostname=host, device_id=device_id, **ONCE, **options)
