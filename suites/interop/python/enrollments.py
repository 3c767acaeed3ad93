"""An individual enrollment and an enrollment group, through the service SDK. What stands is
replaced only with if_match: the SDK sends no condition by itself."""

from azure.iot.deviceprovisioning import DeviceProvisioningClient

import lab

service = DeviceProvisioningClient.from_connection_string(lab.service_connection_string)
registrations = service.device_registration_state


class Individual:
    def put(self, members, if_match=None):
        enrollment = {"registrationId": lab.registration_id, **members}
        return service.enrollment.create_or_update(lab.registration_id, enrollment, if_match=if_match)

    def get(self):
        return service.enrollment.get(lab.registration_id)

    def remove(self):
        service.enrollment.delete(lab.registration_id)

    def registration(self):
        return registrations.get(lab.registration_id)


class Group:
    id = f"{lab.registration_id}-group"

    def put(self, members, if_match=None):
        enrollment = {"enrollmentGroupId": self.id, **members}
        return service.enrollment_group.create_or_update(self.id, enrollment, if_match=if_match)

    def get(self):
        return service.enrollment_group.get(self.id)

    def remove(self):
        service.enrollment_group.delete(self.id)

    def registration(self):
        """The registration must also be found among those of the group."""
        ids = [state["registrationId"] for state in registrations.query(self.id)]
        if lab.registration_id not in ids:
            raise AssertionError(f"the group has the registrations {ids}")
        return registrations.get(lab.registration_id)


def remove_registration():
    registrations.delete(lab.registration_id)
