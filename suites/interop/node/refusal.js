// One refusal: the SDK must tell the application so, and the same device must be served as
// soon as its reason is gone.
//
//   node refusal.js http|mqtt|mqtt-ws|amqp|amqp-ws wrong-key|wrong-certificate|disabled
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const attestations = require('./attestations');
const credentials = require('./credentials');
const { removeRegistration } = require('./enrollments');
const hubs = require('./hub');
const lab = require('./lab');
const { register } = require('./registration');
const { describe, refused, step } = require('./step');

// What the device is enrolled by, and what is wrong at first.
const reasons = {
  'wrong-key': { by: 'symmetric-individual', wrong: () => credentials.key(crypto.randomBytes(32).toString('base64')) },
  'wrong-certificate': { by: 'x509-individual', wrong: () => credentials.certificate(lab.otherCertificate()) },
  disabled: { by: 'symmetric-individual', provisioningStatus: 'disabled' },
};

async function main([transport, why]) {
  const reason = reasons[why];
  const how = attestations[reason.by];

  const enrollment = await step('enroll', () =>
    how.kind.put({ attestation: how.attestation(), provisioningStatus: reason.provisioningStatus ?? 'enabled' }));
  const right = how.credential(enrollment);

  await step('refused', async () => describe(await refused(() => register(transport, reason.wrong?.() ?? right))),
    ({ name, message }) => ({ name, message }));

  const { assignedHub, deviceId } = await step('served', async () => {
    if (reason.provisioningStatus) await how.kind.put({ ...enrollment, provisioningStatus: 'enabled' });
    const state = await register(transport, right);
    assert.equal(state.status, 'assigned');
    return state;
  });

  await step('remove', async () => {
    await hubs.open(assignedHub).remove(deviceId);
    await removeRegistration();
    await how.kind.remove();
  });
}

main(process.argv.slice(2));
