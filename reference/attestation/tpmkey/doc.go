// Package tpmkey wraps a key so that one TPM alone can unwrap it: what DPS sends a device
// that proves itself by its endorsement key (device-api.md 4.4).
//
// The wire story, from the service's side:
//
//  1. The device sends its endorsement key and its storage root key, each as a
//     TPM2B_PUBLIC. ParseStorageKey reads them.
//  2. Wrap draws an inner key and binds it to the two: only a TPM that holds the
//     endorsement key gives it out, and only for that storage root key (MakeCredential).
//  3. It makes the identity key an HMAC key object, encrypts its sensitive part with the
//     inner key, and that again for the storage root key (Duplicate).
//  4. The six parts go out one after the other. The TPM activates, imports and loads them;
//     from then on it signs with a key that never leaves it.
//
// Everything is written here from the rules of the TPM 2.0 library, parts 1 and 2; no TPM
// library has a part in it, since clients use one.
package tpmkey
