package reference

import (
	"testing"

	"github.com/dpslab/dpslab/reference/serviceapi"
)

func TestAPolicyNeedsANameOfItsOwnAndTwoKeys(t *testing.T) {
	key := []byte("0123456789abcdef")
	whole := serviceapi.Policy{Name: "reader", Primary: key, Secondary: key, Rights: serviceapi.EnrollmentRead}
	if _, err := (ServiceSpec{Policies: []serviceapi.Policy{whole}}).complete(); err != nil {
		t.Error(err)
	}
	for rule, policies := range map[string][]serviceapi.Policy{
		"no name":          {{Primary: key, Secondary: key}},
		"the owner's name": {{Name: "ProvisioningServiceOwner", Primary: key, Secondary: key}},
		"one name twice":   {whole, whole},
		"no primary key":   {{Name: "reader", Secondary: key}},
		"no secondary key": {{Name: "reader", Primary: key}},
	} {
		if _, err := (ServiceSpec{Policies: policies}).complete(); err == nil {
			t.Errorf("%s: taken", rule)
		}
	}
}
