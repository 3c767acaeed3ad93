// A device's TPM: swtpm's, behind a socket, for azure-iot-security-tpm.
'use strict';

const net = require('node:net');
const { promisify } = require('node:util');
const { TpmSecurityClient } = require('azure-iot-security-tpm');
const { Tpm } = require('tss.js');
const lab = require('./lab');

const responseHead = 6; // a tag, and the size of the whole

// Tss.js knows a device file and Microsoft's simulator, which has a protocol of its own. This is
// one of its devices: commands and responses as they are, one at a time.
class SocketDevice {
  connect(connected) {
    this.socket = net.connect(lab.tpmSocket(), () => connected(null));
    this.socket.unref(); // a program with nothing else to do may end
    return null;
  }

  dispatchCommand(command, answered) {
    let response = Buffer.alloc(0);
    const done = (error, all) => {
      this.socket.off('data', more).off('error', done).unref();
      answered(error, all);
    };
    const more = (chunk) => {
      response = Buffer.concat([response, chunk]);
      if (response.length >= responseHead && response.length >= response.readUInt32BE(2)) done(null, response);
    };
    this.socket.on('data', more).on('error', done).ref();
    this.socket.write(command);
  }

  close() {
    this.socket.destroy();
  }
}

let only;

// client is the one client of the TPM: it remembers what was activated.
function client() {
  if (!only) {
    const tpm = new Tpm(false);
    tpm.device = new SocketDevice();
    only = new TpmSecurityClient(lab.registrationId, tpm);
  }
  return only;
}

const endorsementKey = () => promisify(client().getEndorsementKey).call(client());

module.exports = { client, endorsementKey };
