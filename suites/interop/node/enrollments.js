// An individual enrollment and an enrollment group, through the service SDK.
'use strict';

const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const lab = require('./lab');

const service = ProvisioningServiceClient.fromConnectionString(lab.serviceConnectionString);
const groupId = `${lab.registrationId}-group`;

const individual = {
  async put(members) {
    const answer = await service.createOrUpdateIndividualEnrollment({ registrationId: lab.registrationId, ...members });
    return answer.responseBody;
  },
  get: async () => (await service.getIndividualEnrollment(lab.registrationId)).responseBody,
  remove: () => service.deleteIndividualEnrollment(lab.registrationId),
  registration,
};

const group = {
  async put(members) {
    const answer = await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId: groupId, ...members });
    return answer.responseBody;
  },
  get: async () => (await service.getEnrollmentGroup(groupId)).responseBody,
  remove: () => service.deleteEnrollmentGroup(groupId),

  // The registration must also be found among those of the group.
  async registration() {
    const states = service.createEnrollmentGroupDeviceRegistrationStateQuery({ query: '*' }, groupId);
    const ids = (await states.next()).responseBody.map((state) => state.registrationId);
    if (!ids.includes(lab.registrationId)) throw new Error(`the group has the registrations ${JSON.stringify(ids)}`);
    return registration();
  },
};

async function registration() {
  return (await service.getDeviceRegistrationState(lab.registrationId)).responseBody;
}

const removeRegistration = () => service.deleteDeviceRegistrationState(lab.registrationId);

module.exports = { individual, group, registration, removeRegistration };
