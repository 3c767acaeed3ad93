// Package tpm is a device's trusted platform module, in two kinds that devwire.TPM cannot
// tell apart. Emulated is a TPM's arithmetic in pure Go, made from a seed, for fleets; it
// protects nothing and is reported as emulated. Hardware speaks TPM 2.0 commands to a TPM
// behind a device file or a socket, which may be a chip or a software TPM.
//
// A registration takes a TPM through these steps (device-api.md 4):
//
//  1. The device shows its endorsement key (EK) and its storage root key (SRK), both
//     RSA 2048, as TPM2B_PUBLIC. The service knows the EK from the enrollment.
//  2. The service answers with a blob (SplitBlob) that only the TPM with both keys can
//     open: a credential, encrypted to the EK and bound to the SRK's name, is the key of
//     the inner wrapping of an HMAC key, whose outer wrapping is encrypted to the SRK.
//  3. ActivateCredential yields the inner key, Import the HMAC key. It is the identity
//     key: what the device signs with it proves that it has the EK.
//  4. When the device is assigned, another such blob brings the key for its hub.
//
// The section numbers are those of the TPM 2.0 Library Specification, Part 1 (Rev. 1.59)
// unless another part is named.
package tpm
