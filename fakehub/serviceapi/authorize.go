package serviceapi

import (
	"regexp"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
)

// Policy is the one policy of a hub, with all rights.
const Policy = "iothubowner"

// Authorizing is passed by every request whose token was judged. Its step is that of
// BeforeWrite.
var Authorizing = point.Define[Authorization]("hub.service-authorizing")

// Reasons of an Authorization.
const (
	NoToken        = "there is no token" // or what is there is none
	WrongPolicy    = "the token names no policy of this hub"
	WrongResource  = "the token is for another resource"
	WrongSignature = "the token is signed with neither key"
	Expired        = "the token has expired"
)

// Authorization is the verdict on a request.
type Authorization struct {
	Refused string // why; "" lets it in
	Detail  error  // what keeps a text from being a token; for the log
}

// authorize verifies the token. What is wrong with it stays in the log. [DPS-HUB-055]
func (q *request) authorize() error {
	var a Authorization
	a.Refused, a.Detail = q.unauthorized()
	Authorizing.Hit(q.Context(), q.api.Points, q.at(q.Context()), &a)
	if a.Refused == "" {
		return nil
	}
	q.api.Logger.Debug("service request refused", "host", q.api.Host, "step", q.step, "reason", a.Refused, "detail", a.Detail)
	return huberror.New(huberror.UnauthorizedAccess, "Unauthorized")
}

func (q *request) unauthorized() (reason string, detail error) {
	token, err := sas.Parse(q.Header.Get("Authorization"))
	switch {
	case err != nil:
		return NoToken, err
	case token.Policy != Policy:
		return WrongPolicy, nil
	case !token.Covers(q.api.Host + q.URL.Path):
		return WrongResource, nil
	case !token.VerifiedBy(q.api.Keys[0]) && !token.VerifiedBy(q.api.Keys[1]):
		return WrongSignature, nil
	case token.Expired(q.api.Clock.Now()):
		return Expired, nil
	}
	return "", nil
}

var date = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

func (q *request) checkVersion() error {
	if v := q.URL.Query().Get("api-version"); !date.MatchString(v) {
		return huberror.New(huberror.InvalidProtocolVersion, "api-version is %.40q; give a date such as 2021-04-12", v)
	}
	return nil
}
