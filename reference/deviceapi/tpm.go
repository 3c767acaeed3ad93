package deviceapi

import (
	"bytes"
	"encoding/json"

	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// TPMKeys reads the keys of a device with a TPM from its register body: nil where the body
// names none (device-api.md 4.2).
func TPMKeys(body []byte) (*provisioning.TPMKeys, error) {
	if len(bytes.TrimSpace(body)) == 0 || !json.Valid(body) { // what is no JSON is for Check to judge
		return nil, nil
	}
	var doc struct {
		TPM *struct {
			EndorsementKey []byte `json:"endorsementKey"`
			StorageRootKey []byte `json:"storageRootKey"`
		} `json:"tpm"`
	}
	if err := json.Unmarshal(body, &doc); err != nil { // [DPS-TPM-017]
		return nil, problem.InvalidArgument("The tpm member is not an object of keys in base64.")
	}
	if doc.TPM == nil {
		return nil, nil
	}
	if len(doc.TPM.EndorsementKey) == 0 {
		return nil, problem.InvalidArgument("The tpm member names no endorsementKey.")
	}
	return &provisioning.TPMKeys{EndorsementKey: doc.TPM.EndorsementKey, StorageRootKey: doc.TPM.StorageRootKey}, nil
}

// challenge is what a device with a TPM is asked over HTTPS. A status would make it
// another answer to one SDK (device-api.md 0.1 item 17).
type challenge struct {
	Message           string `json:"message"`
	KeyName           string `json:"keyName"`
	AuthenticationKey []byte `json:"authenticationKey"`
}

// EncodeChallenge renders the body of a challenge.
func EncodeChallenge(c *provisioning.Challenge) ([]byte, error) { // [DPS-TPM-002]
	return json.Marshal(challenge{"Authorization required", c.KeyName, c.Blob})
}
