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

// RightsOf are the rights that words name, as in EnrollmentRead.
func RightsOf(words []string) (rights serviceapi.Rights, err error) {
	for _, word := range words {
		right, known := rightNames[word]
		if !known {
			return 0, fmt.Errorf("no operation asks for the right %q", word)
		}
		rights |= right
	}
	return rights, nil
}

// accessPolicies reads the policies that control asks for.
func accessPolicies(asked []controlserver.AccessPolicy) ([]serviceapi.Policy, error) {
	var list []serviceapi.Policy
	for _, p := range asked {
		words := strings.Split(p.Rights, ",")
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		rights, err := RightsOf(words)
		if err != nil {
			return nil, fmt.Errorf("shared access policy %q: %w", p.Name, err)
		}
		list = append(list, serviceapi.Policy{Name: p.Name, Primary: p.PrimaryKey, Secondary: p.SecondaryKey, Rights: rights})
	}
	return list, nil
}
