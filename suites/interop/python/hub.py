"""The hub as a back end sees it, through azure-iot-hub."""

from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties

import lab


class Hub:
    def __init__(self, host):
        if host not in lab.hubs:
            raise LookupError(f"{host} is none of the lab's hubs")
        self.manager = IoTHubRegistryManager.from_connection_string(lab.hubs[host])

    def identity(self, device_id):
        return self.manager.get_device(device_id)

    def twin(self, device_id):
        return self.manager.get_twin(device_id)

    def desire(self, device_id, desired):
        self.manager.update_twin(device_id, Twin(properties=TwinProperties(desired=desired)))

    def call(self, device_id, method, payload):
        request = CloudToDeviceMethod(method_name=method, payload=payload, response_timeout_in_seconds=10)
        return self.manager.invoke_device_method(device_id, request)

    def remove(self, device_id):
        self.manager.delete_device(device_id)
