package reference

import (
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// rightNames are the words of service-api.md 3.2 for the rights that operations ask for.
var rightNames = map[string]serviceapi.Rights{
	"EnrollmentRead": serviceapi.EnrollmentRead, "EnrollmentWrite": serviceapi.EnrollmentWrite,
	"RegistrationStatusRead": serviceapi.RegistrationStatusRead, "RegistrationStatusWrite": serviceapi.RegistrationStatusWrite,
}

// accessPolicies reads the policies that control asks for.
func accessPolicies(asked []controlserver.AccessPolicy) ([]serviceapi.Policy, error) {
	var list []serviceapi.Policy
	for _, p := range asked {
		policy := serviceapi.Policy{Name: p.Name, Primary: p.PrimaryKey, Secondary: p.SecondaryKey}
		for word := range strings.SplitSeq(p.Rights, ",") {
			right, known := rightNames[strings.TrimSpace(word)]
			if !known {
				return nil, fmt.Errorf("shared access policy %q: no operation asks for the right %q", p.Name, word)
			}
			policy.Rights |= right
		}
		list = append(list, policy)
	}
	return list, nil
}
