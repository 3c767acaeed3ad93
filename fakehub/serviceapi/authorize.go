package serviceapi

import (
	"regexp"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/sas"
)

// Policy is the one policy of a hub, with all rights.
const Policy = "iothubowner"

// authorize verifies the token. What is wrong with it stays in the log.
func (q *request) authorize() error {
	reason := q.unauthorized()
	if reason == "" {
		return nil
	}
	q.api.Logger.Debug("service request refused", "host", q.api.Host, "step", q.step, "reason", reason)
	return huberror.New(huberror.UnauthorizedAccess, "Unauthorized")
}

func (q *request) unauthorized() (reason string) {
	token, err := sas.Parse(q.Header.Get("Authorization"))
	switch {
	case err != nil:
		return err.Error()
	case token.Policy != Policy:
		return "the token names no policy of this hub"
	case !token.Covers(q.api.Host + q.URL.Path):
		return "the token is for another resource"
	case !token.VerifiedBy(q.api.Keys[0]) && !token.VerifiedBy(q.api.Keys[1]):
		return "the token is signed with neither key"
	case token.Expired(q.api.Clock.Now()):
		return "the token has expired"
	}
	return ""
}

var date = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

func (q *request) checkVersion() error {
	if v := q.URL.Query().Get("api-version"); !date.MatchString(v) {
		return huberror.New(huberror.InvalidProtocolVersion, "api-version is %.40q; give a date such as 2021-04-12", v)
	}
	return nil
}
