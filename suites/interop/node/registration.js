// A device asks the provisioning service for its hub, over one of five transports.
'use strict';

const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Amqp, AmqpWs } = require('azure-iot-provisioning-device-amqp');
const { Http } = require('azure-iot-provisioning-device-http');
const { Mqtt, MqttWs } = require('azure-iot-provisioning-device-mqtt');
const lab = require('./lab');

const transports = { http: Http, mqtt: Mqtt, 'mqtt-ws': MqttWs, amqp: Amqp, 'amqp-ws': AmqpWs };

// register resolves to the registration state. The SDK hands it to an application as it is, or
// inside the whole answer to a device with a TPM.
async function register(transport, credential, payload) {
  const client = ProvisioningDeviceClient.create(
    lab.dpsHost, lab.idScope, new transports[transport](), credential.security(lab.registrationId));
  client.setProvisioningPayload(payload);
  const told = await client.register();
  return told.registrationState ?? told;
}

module.exports = { register };
