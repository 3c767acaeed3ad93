// A device whose enrollment was given to another hub, at its next registration.
//
//   node move.js http|mqtt|amqp migrate|reset|never
'use strict';

const assert = require('node:assert/strict');
const attestations = require('./attestations');
const { removeRegistration } = require('./enrollments');
const hubs = require('./hub');
const lab = require('./lab');
const { register } = require('./registration');
const { refused, step } = require('./step');

const initialTwin = { tags: { site: 'north' }, properties: { desired: { rate: 5 } } };

// What the enrollment says of hub and data, and what comes of it: where the device is, how
// the service calls that, and whether it works on with the rate of 9 that its back end gave
// it, or with the 5 of the enrollment.
const policies = {
  migrate: { policy: [true, true], place: 'second', substatus: 'deviceDataMigrated', rate: 9 },
  reset: { policy: [true, false], place: 'second', substatus: 'deviceDataReset', rate: 5 },
  never: { policy: [false, false], place: 'first', substatus: 'initialAssignment', rate: 9 },
};

async function main([transport, name]) {
  const { policy: [updateHubAssignment, migrateDeviceData], place, substatus, rate } = policies[name];
  const [first, second] = [...lab.hubs.keys()].sort();
  const [here, other] = place === 'first' ? [first, second] : [second, first];
  const how = attestations['symmetric-individual'];

  const enrollment = await step('enroll', () => how.kind.put({
    attestation: how.attestation(), allocationPolicy: 'static', iotHubs: [first],
    reprovisionPolicy: { updateHubAssignment, migrateDeviceData }, initialTwin,
  }));
  const credential = how.credential(enrollment);

  const { deviceId } = await step('register', async () => {
    const state = await register(transport, credential);
    assert.deepEqual([state.assignedHub, state.substatus], [first, 'initialAssignment']);
    return state;
  });

  await step('work', async () => {
    const device = await credential.hubClient(first, deviceId);
    await device.open();
    await hubs.open(first).desire(deviceId, { rate: 9 });
    assert.equal((await device.getTwin()).properties.desired.rate, 9);
    await device.close();
  });

  await step('move', async () => how.kind.put({ ...(await how.kind.get()), iotHubs: [second] }));

  await step('register again', async () => {
    const state = await register(transport, credential);
    assert.deepEqual([state.assignedHub, state.substatus], [here, substatus]);
    return state;
  }, (state) => ({ substatus: state.substatus }));

  await step('twin', async () => {
    const { tags, properties } = await hubs.open(here).twin(deviceId);
    assert.deepEqual([tags.site, properties.desired.rate], ['north', rate]);
  });

  await step('work again', async () => {
    const device = await credential.hubClient(here, deviceId);
    await device.open();
    assert.equal((await device.getTwin()).properties.desired.rate, rate);
    await device.close();
  });

  await step('the other hub', async () => {
    assert.equal((await refused(() => hubs.open(other).identity(deviceId))).response?.statusCode, 404);
    const device = await credential.hubClient(other, deviceId);
    assert.match((await refused(() => device.open())).message, /not authorized/i);
  });

  await step('remove', async () => {
    await hubs.open(here).remove(deviceId);
    await removeRegistration();
    await how.kind.remove();
  });
}

main(process.argv.slice(2));
