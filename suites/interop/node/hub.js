// The hub as a back end sees it, through azure-iothub.
'use strict';

const { Client, Registry } = require('azure-iothub');
const lab = require('./lab');

function open(host) {
  const connectionString = lab.hubs.get(host);
  if (!connectionString) throw new Error(`${host} is none of the lab's hubs`);
  const registry = Registry.fromConnectionString(connectionString);
  const client = Client.fromConnectionString(connectionString);
  return {
    identity: async (deviceId) => (await registry.get(deviceId)).responseBody,
    twin: async (deviceId) => (await registry.getTwin(deviceId)).responseBody,
    desire: (deviceId, desired) => registry.updateTwin(deviceId, { properties: { desired } }, '*'),
    call: async (deviceId, methodName, payload) =>
      (await client.invokeDeviceMethod(deviceId, { methodName, payload, responseTimeoutInSeconds: 10 })).result,
    remove: (deviceId) => registry.delete(deviceId),
  };
}

module.exports = { open };
