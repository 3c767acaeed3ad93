// How a device proves who it is, to the provisioning service and then to its hub.
'use strict';

const { NoRetry } = require('azure-iot-common');
const { Client } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { TpmAuthenticationProvider } = require('azure-iot-security-tpm');
const { X509Security } = require('azure-iot-security-x509');

// With its own retry policy the client hides what went wrong for four minutes.
function withoutRetries(client) {
  client.setRetryPolicy(new NoRetry());
  return client;
}

const hubClient = (connectionString) => withoutRetries(Client.fromConnectionString(connectionString, Mqtt));

// key is a symmetric key, in base64 as the SDKs take it.
function key(primaryKey) {
  return {
    hubAuthentication: 'sas',
    security: (registrationId) => new SymmetricKeySecurityClient(registrationId, primaryKey),
    hubClient: async (host, deviceId) => hubClient(`HostName=${host};DeviceId=${deviceId};SharedAccessKey=${primaryKey}`),
  };
}

// certificate is { cert, key } in PEM; cert may go on with the leaf's issuers.
function certificate(pair) {
  return {
    hubAuthentication: 'selfSigned',
    security: (registrationId) => new X509Security(registrationId, pair),
    hubClient: async (host, deviceId) => {
      const client = hubClient(`HostName=${host};DeviceId=${deviceId};x509=true`);
      await client.setOptions(pair);
      return client;
    },
  };
}

// tpm is a TpmSecurityClient. The TPM keeps the hub's key too: the service sends it in a blob.
function tpm(client) {
  return {
    hubAuthentication: 'sas',
    security: () => client,
    hubClient: async (host, deviceId) => {
      const provider = TpmAuthenticationProvider.fromTpmSecurityClient(deviceId, host, client);
      return withoutRetries(Client.fromAuthenticationProvider(provider, Mqtt));
    },
  };
}

module.exports = { key, certificate, tpm };
