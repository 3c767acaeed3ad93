// A device that registers again when its service has no registration left to give. The Go
// side lets time pass there once the device was told so.
//
//   node throttled.js http|mqtt|mqtt-ws|amqp|amqp-ws
'use strict';

const assert = require('node:assert/strict');
const { setTimeout: delay } = require('node:timers/promises');
const attestations = require('./attestations');
const { removeRegistration } = require('./enrollments');
const hubs = require('./hub');
const { register } = require('./registration');
const { step } = require('./step');

// Over MQTT and AMQP the SDK comes again by itself, over HTTP it leaves that to the application.
async function comeAgain(transport, credential) {
  for (;;) {
    try {
      return await register(transport, credential);
    } catch (error) {
      if (transport !== 'http' || error.name !== 'ThrottlingError') throw error;
      await delay(1000 * error.response.headers['retry-after']);
    }
  }
}

async function main([transport]) {
  const how = attestations['symmetric-individual'];

  const enrollment = await step('enroll', () =>
    how.kind.put({ attestation: how.attestation(), provisioningStatus: 'enabled' }));
  const credential = how.credential(enrollment);

  const first = await step('register', async () => {
    const state = await register(transport, credential);
    assert.equal(state.status, 'assigned');
    return state;
  });

  await step('register again', async () => {
    const again = await comeAgain(transport, credential);
    assert.deepEqual([again.status, again.assignedHub], ['assigned', first.assignedHub]);
  });

  await step('remove', async () => {
    await hubs.open(first.assignedHub).remove(first.deviceId);
    await removeRegistration();
    await how.kind.remove();
  });
}

main(process.argv.slice(2));
