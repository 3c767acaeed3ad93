package serviceapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/registration"
)

func (a *API) getRegistration(ctx context.Context, x *exchange) (*Reply, error) {
	r, err := a.findRegistration(ctx, x.route.id)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, document.StateOf(r))
}

// deleteRegistration forgets the record; the identity at the hub stays (iot-hub.md 5).
func (a *API) deleteRegistration(ctx context.Context, x *exchange) (*Reply, error) {
	condition, err := etag.ParseIfMatch(x.Header)
	if err != nil {
		return nil, problem.InvalidArgument("ETag is invalid.")
	}
	for {
		r, err := a.findRegistration(ctx, x.route.id)
		if err != nil {
			return nil, err
		}
		if err := a.deletable(ctx, x, condition, r.ETag); err != nil {
			return nil, err
		}
		err = a.o.Registrations.Delete(ctx, r.RegistrationID, r.ETag)
		if errors.Is(err, registration.ErrChanged) {
			continue
		}
		return noContent(), err
	}
}

func (a *API) findRegistration(ctx context.Context, id string) (registration.Record, error) {
	r, err := a.o.Registrations.Get(ctx, id)
	if errors.Is(err, registration.ErrNotFound) {
		return r, problem.RegistrationNotFound()
	}
	return r, err
}
