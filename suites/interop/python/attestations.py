"""The four ways to enroll a device. Each has the attestation that the operator writes into an
individual enrollment or a group, and the credential that the device makes of it."""

import base64
import hashlib
import hmac

import lab
from credentials import Certificate, Key
from enrollments import Group, Individual


class SymmetricKey:
    def attestation(self):
        return {"type": "symmetricKey"}  # without keys: the service makes them


class SymmetricIndividual(SymmetricKey, Individual):
    def credential(self, enrollment):
        return Key(enrollment["attestation"]["symmetricKey"]["primaryKey"])


class SymmetricGroup(SymmetricKey, Group):
    def credential(self, enrollment):
        """A device of a group has a key of its own: the registration id, signed with the
        group's."""
        group_key = base64.b64decode(enrollment["attestation"]["symmetricKey"]["primaryKey"])
        derived = hmac.digest(group_key, lab.registration_id.encode(), hashlib.sha256)
        return Key(base64.b64encode(derived).decode())


class X509Certificate:
    def credential(self, enrollment):
        return Certificate(lab.device_certificate())


class X509Individual(X509Certificate, Individual):
    def attestation(self):
        leaf = lab.text("DPSLAB_INTEROP_CERTIFICATE")
        return {"type": "x509", "x509": {"clientCertificates": {"primary": {"certificate": leaf}}}}


class X509Group(X509Certificate, Group):
    """The group knows the root alone; the device brings leaf and intermediate."""

    def attestation(self):
        root = lab.text("DPSLAB_INTEROP_ROOT")
        return {"type": "x509", "x509": {"signingCertificates": {"primary": {"certificate": root}}}}


by_name = {
    "symmetric-individual": SymmetricIndividual(),
    "symmetric-group": SymmetricGroup(),
    "x509-individual": X509Individual(),
    "x509-group": X509Group(),
}
