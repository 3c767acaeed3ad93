// What the lab says about itself in the environment of a program that `dpslab up` runs,
// and what the Go side of the suite adds: who this device is.
'use strict';

const fs = require('node:fs');

function variable(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; go test ./suites/interop runs this with all that it needs`);
  return value;
}

const file = (name) => fs.readFileSync(variable(name), 'utf8');

function hubs() {
  const all = new Map();
  for (let n = 1; n <= Number(variable('DPSLAB_HUB_COUNT')); n++) {
    all.set(variable(`DPSLAB_HUB_${n}_HOST`), variable(`DPSLAB_HUB_${n}_CONNECTION_STRING`));
  }
  return all;
}

module.exports = {
  dpsHost: variable('DPSLAB_DPS_HOST'),
  idScope: variable('DPSLAB_ID_SCOPE'),
  serviceConnectionString: variable('DPSLAB_SERVICE_CONNECTION_STRING'),
  hubs: hubs(), // connection strings by host name

  registrationId: variable('DPSLAB_INTEROP_REGISTRATION'),
  // PEM texts. The device's is its leaf with the certificates between it and the root.
  deviceCertificate: () => ({ cert: file('DPSLAB_INTEROP_CERTIFICATE'), key: file('DPSLAB_INTEROP_KEY') }),
  otherCertificate: () => ({ cert: file('DPSLAB_INTEROP_OTHER_CERTIFICATE'), key: file('DPSLAB_INTEROP_OTHER_KEY') }),
  rootCertificate: () => file('DPSLAB_INTEROP_ROOT'),
  tpmSocket: () => variable('DPSLAB_INTEROP_TPM'),
};
