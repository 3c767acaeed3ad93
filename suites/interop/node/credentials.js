// How a device proves who it is, to the provisioning service and then to its hub.
'use strict';

const { NoRetry } = require('azure-iot-common');
const { Client } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

// Without a retry policy of its own the client hides what went wrong for four minutes.
function hubClient(connectionString) {
  const client = Client.fromConnectionString(connectionString, Mqtt);
  client.setRetryPolicy(new NoRetry());
  return client;
}

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

module.exports = { key, certificate };
