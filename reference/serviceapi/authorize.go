package serviceapi

import (
	"context"
	"strings"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/problem"
)

// Policy is a shared access policy; either key signs.
type Policy struct {
	Name               string
	Primary, Secondary []byte
	Rights             Rights
}

// Authorizing is passed when a token was judged, before the judgement counts.
var Authorizing = point.Define[Authorization]("serviceapi.authorizing")

// Authorization is the judgement on a service token. An empty Refused lets it through; it
// is for logs and plans, never for the client.
type Authorization struct {
	Token    sas.Token
	Resource string // host and path, which the token's resource has to cover
	Refused  string
}

// Reasons to refuse a token.
const (
	RefusedMalformed = "malformed"
	RefusedPolicy    = "unknown policy"
	RefusedSignature = "bad signature"
	RefusedExpired   = "expired"
	RefusedResource  = "another resource"
	RefusedRight     = "right is missing"
)

func (a *API) authorize(ctx context.Context, x *exchange) error {
	token, err := sas.Parse(x.Header.Get("Authorization"))
	judged := Authorization{Token: token, Resource: x.Host + x.URL.Path, Refused: RefusedMalformed}
	if err == nil {
		judged.Refused = a.judge(token, x)
	}
	Authorizing.Hit(ctx, a.o.Points, x.at, &judged)
	if judged.Refused == "" {
		return nil
	}
	a.o.Logger.InfoContext(ctx, "operator refused", "service", a.o.Name, "policy", token.Policy, "reason", judged.Refused)
	return problem.Unauthorized() // [DPS-SAS-027]
}

func (a *API) judge(token sas.Token, x *exchange) string {
	var policy *Policy
	for i := range a.o.Policies {
		if strings.EqualFold(a.o.Policies[i].Name, token.Policy) {
			policy = &a.o.Policies[i]
		}
	}
	switch {
	case policy == nil:
		return RefusedPolicy
	case !token.VerifiedBy(policy.Primary) && !token.VerifiedBy(policy.Secondary):
		return RefusedSignature
	case token.Expired(a.o.Now()):
		return RefusedExpired
	case !a.covers(token, x):
		return RefusedResource
	case policy.Rights&x.route.asks(x.Method) == 0:
		return RefusedRight // [DPS-SAS-031]
	}
	return ""
}

// covers reports whether the token's resource is the host, or a segment-wise prefix of
// host and path (service-api.md 3.1). A host may be written with the port of the request.
func (a *API) covers(token sas.Token, x *exchange) bool {
	_, port, _ := strings.Cut(x.Host, ":")
	for _, host := range a.o.Hosts {
		if token.Covers(host+x.URL.Path) || (port != "" && token.Covers(host+":"+port+x.URL.Path)) {
			return true
		}
	}
	return false
}
