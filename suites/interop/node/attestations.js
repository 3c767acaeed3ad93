// The ways to enroll a device. Each has the attestation that the operator writes into
// an individual enrollment or a group, and the credential that the device makes of it.
'use strict';

const crypto = require('node:crypto');
const credentials = require('./credentials');
const { individual, group } = require('./enrollments');
const lab = require('./lab');
const tpm = require('./tpm');

const symmetricKey = { type: 'symmetricKey' }; // without keys: the service makes them
const primaryKey = (enrollment) => enrollment.attestation.symmetricKey.primaryKey;

// A device of a group has a key of its own: the registration id, signed with the group's.
function derived(groupKey) {
  return crypto.createHmac('sha256', Buffer.from(groupKey, 'base64')).update(lab.registrationId).digest('base64');
}

module.exports = {
  'symmetric-individual': {
    kind: individual,
    attestation: () => symmetricKey,
    credential: (enrollment) => credentials.key(primaryKey(enrollment)),
  },
  'symmetric-group': {
    kind: group,
    attestation: () => symmetricKey,
    credential: (enrollment) => credentials.key(derived(primaryKey(enrollment))),
  },
  'x509-individual': {
    kind: individual,
    attestation: () => ({
      type: 'x509',
      x509: { clientCertificates: { primary: { certificate: lab.deviceCertificate().cert } } },
    }),
    credential: () => credentials.certificate(lab.deviceCertificate()),
  },
  // The group knows the root alone; the device brings leaf and intermediate.
  'x509-group': {
    kind: group,
    attestation: () => ({
      type: 'x509',
      x509: { signingCertificates: { primary: { certificate: lab.rootCertificate() } } },
    }),
    credential: () => credentials.certificate(lab.deviceCertificate()),
  },
  // Individual alone: each TPM has an endorsement key of its own.
  tpm: {
    kind: individual,
    attestation: async () => {
      const endorsementKey = await tpm.endorsementKey();
      return { type: 'tpm', tpm: { endorsementKey: endorsementKey.toString('base64') } };
    },
    credential: () => credentials.tpm(tpm.client()),
  },
};
