// Package fakehub is a fake IoT hub, or any number of them in one process: enough of one
// for a device to arrive after provisioning and for service clients to see it there.
//
// The wire story of a hub:
//
//  1. AddHub makes it: a name under the domain, a certificate, a policy iothubowner with
//     its keys, a clock of its own, and a place behind the process's front door, by its
//     name or on an address of its own. RemoveHub takes it away while others run on.
//  2. A service client, the provisioning service first of all, writes an identity over
//     HTTPS, alone or in one step with its twin (serviceapi).
//  3. The device connects over MQTT with the key or certificate of that identity, sends
//     telemetry, reads and reports its twin, and answers methods (devicefront).
//  4. The service client changes desired properties, calls methods and queries twins; the
//     registry and the method exchange carry them to the device, whatever its transport.
//  5. When the identity is disabled or deleted, its connections end.
//  6. What devices sent is kept in the hub's telemetry store, for the control port.
//
// A hub knows nothing of provisioning. Its wrong behaviours are the catalogue Defects.
package fakehub
