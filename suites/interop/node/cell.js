// One cell: a device's way from its enrollment to a working day at its hub, and everything
// removed again.
//
//   node cell.js http|mqtt|mqtt-ws|amqp|amqp-ws symmetric-individual|symmetric-group|x509-individual|x509-group
//   node cell.js http|amqp|amqp-ws tpm
'use strict';

const assert = require('node:assert/strict');
const { on } = require('node:events');
const { Message } = require('azure-iot-device');
const attestations = require('./attestations');
const { removeRegistration } = require('./enrollments');
const hubs = require('./hub');
const lab = require('./lab');
const { register } = require('./registration');
const { step, refused } = require('./step');

const initialTwin = { tags: { site: 'north' }, properties: { desired: { rate: 5 } } };

const payload = { modelId: 'dtmi:dpslab:thermometer;1', slots: [1, 2] };

async function main([transport, name]) {
  const how = attestations[name];

  const enrollment = await step('enroll', async () => {
    const attestation = await how.attestation();
    const put = await how.kind.put({ attestation, provisioningStatus: 'enabled', initialTwin });
    assert.ok(put.etag);
    assert.equal((await how.kind.get()).etag, put.etag);
    return put;
  });
  const credential = how.credential(enrollment);

  const assigned = await step('register', async () => {
    const state = await register(transport, credential, payload);
    assert.equal(state.status, 'assigned');
    assert.equal(state.registrationId, lab.registrationId);
    assert.equal(state.payload, undefined); // that is what custom allocation may send
    return state;
  }, ({ assignedHub, deviceId }) => ({ assignedHub, deviceId }));
  const { assignedHub, deviceId } = assigned;
  const hub = hubs.open(assignedHub);

  await step('registration', async () => {
    const state = await how.kind.registration();
    assert.deepEqual(
      [state.status, state.substatus, state.assignedHub, state.deviceId],
      ['assigned', 'initialAssignment', assignedHub, deviceId]);
    assert.equal(state.etag, assigned.etag);
  });

  await step('identity', async () => {
    const identity = await hub.identity(deviceId);
    assert.deepEqual(
      [identity.deviceId, identity.status, identity.authentication.type],
      [deviceId, 'enabled', credential.hubAuthentication]);
  });

  await step('initial twin', async () => {
    const { tags, properties } = await hub.twin(deviceId);
    assert.deepEqual([tags.site, properties.desired.rate], ['north', 5]);
  });

  const device = await step('connect', async () => {
    const client = await credential.hubClient(assignedHub, deviceId);
    client.on('disconnect', ({ transportObj: reason }) => { throw reason ?? new Error('the hub hung up'); });
    await client.open();
    return client;
  });

  // The SDK does not tell when its subscription to methods stands. It is sent before the
  // telemetry, so the acknowledgement of the telemetry says that the hub has seen it.
  await step('telemetry', async () => {
    device.onDeviceMethod('reboot', (request, response) => response.send(200, { heard: request.payload }));
    const message = new Message(JSON.stringify({ celsius: 21 }));
    message.contentType = 'application/json';
    message.properties.add('line', 'a b');
    await device.sendEvent(message);
  });

  const twin = await step('twin', async () => {
    const got = await device.getTwin();
    assert.equal(got.properties.desired.rate, 5);
    return got;
  });

  // Likewise the answer to the report says that the subscription to desired properties
  // stands. The first event tells what is known already.
  const rates = on(twin, 'properties.desired.rate');
  const nextRate = async () => (await rates.next()).value[0];

  await step('report', async () => {
    await new Promise((done, failed) => {
      twin.properties.reported.update({ firmware: '1.2' }, (error) => (error ? failed(error) : done()));
    });
    assert.equal((await hub.twin(deviceId)).properties.reported.firmware, '1.2');
  });

  await step('desired', async () => {
    assert.equal(await nextRate(), 5);
    await hub.desire(deviceId, { rate: 9 });
    assert.equal(await nextRate(), 9);
  });

  await step('method', async () => {
    const result = await hub.call(deviceId, 'reboot', { after: 3 });
    assert.deepEqual(result, { status: 200, payload: { heard: { after: 3 } } });
  });

  await step('disconnect', () => device.close());

  await step('remove', async () => {
    await hub.remove(deviceId);
    await removeRegistration();
    await how.kind.remove();
    for (const get of [() => hub.identity(deviceId), how.kind.registration, how.kind.get]) {
      assert.equal((await refused(get)).response?.statusCode, 404);
    }
  });
}

main(process.argv.slice(2));
