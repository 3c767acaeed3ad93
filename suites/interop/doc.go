// Package interop lets official SDKs, unmodified, tell whether a lab is what they expect:
// they are witnesses that no code of this module has a part in. It has no code of its own,
// only tests, and small client programs in the SDKs' languages.
//
// node/ holds the programs over the npm packages, python/ those over the PyPI packages.
// `make interop` runs them:
//
//  1. It installs the packages once: npm ci by the lock file, and pip into python/.venv by
//     requirements.txt, both with digests; qpid-proton is Debian's. Then `go test ./suites/interop`, which downloads
//     nothing but npm packages that are missing, and builds dpslab unless DPSLAB_BINARY
//     names one.
//  2. SDKs resolve names by themselves and dial ports 443, 8883 and 5671. So the test starts
//     again in network and mount namespaces of its own, where these ports are free, the
//     loopback device is the only one, and nothing leads to the real cloud. There it runs
//     `dpslab up --standard-ports -- TEST`, itself once more.
//  3. Inside, it lays a hosts file with the lab's names over /etc/hosts. Now every name
//     that an SDK asks for is the lab. They trust it by the variables that `dpslab up` sets:
//     NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, REQUESTS_CA_BUNDLE.
//  4. Each cell is a subtest and one process: TestPython/mqtt-ws/x509-group runs
//     python/cell.py, which enrolls a device through the service SDK, registers it, and has
//     it work at its hub: over MQTT, whatever it registered over. The program prints one line
//     of JSON for each step.
//  5. Beside the cells are refusals, whose error is compared with what the SDK is known to
//     say; devices that a move of their enrollment gives to another hub; and devices at a
//     service that has no registration left to give, whose clock the test moves.
//     In Node a device may have a TPM too, swtpm's: TestNode/amqp/tpm. Its security client needs
//     nothing native for that.
//  6. Clients that know AMQP and nothing of provisioning register by all four attestations:
//     go-amqp within the test, TestGoAMQP, and qpid-proton by proton/register.py, TestProton.
//     Since the SDK in Node has an AMQP library of its own, three have said the same.
//  7. A red shows the SDK's own error and the lab's record of that device.
//
// DPSLAB_INTEROP=skip skips them, for a machine without Node or Python. On systems other than
// Linux they are skipped too, unless it is required: then they fail. The same goes for cells with a TPM where
// swtpm is missing.
package interop
