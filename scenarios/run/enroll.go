package run

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/simulator/fleet"
)

// bulkItems is what the service takes in one bulk operation (service-api.md 1.5).
const bulkItems = 10

// enroll lets the shard's devices in. A group that another shard has made already is left.
func enroll(ctx context.Context, service *devwire.ServiceClient, f *fleet.Fleet, p Plan) error {
	groups, err := f.Groups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		answer, err := service.PutGroup(ctx, map[string]any{"enrollmentGroupId": g.ID, "attestation": g.Attestation})
		if err != nil {
			return err
		}
		if answer.Status >= 300 && answer.Status != http.StatusConflict {
			return refused("group "+g.ID, answer)
		}
	}
	var records []map[string]any
	for i := p.Shard - 1; i < f.Size(); i += p.Of {
		e, individual, err := f.Individual(i)
		if err != nil {
			return err
		}
		if individual {
			records = append(records, map[string]any{"registrationId": e.ID, "attestation": e.Attestation})
		}
		if len(records) == bulkItems || i+p.Of >= f.Size() {
			if err := create(ctx, service, records); err != nil {
				return err
			}
			records = nil
		}
	}
	return nil
}

// create creates individual enrollments by one bulk operation.
func create(ctx context.Context, service *devwire.ServiceClient, records []map[string]any) error {
	if len(records) == 0 {
		return nil
	}
	answer, err := service.Do(ctx, devwire.ServiceRequest{
		Method: http.MethodPost, Path: "/enrollments", Body: map[string]any{"mode": "create", "enrollments": records},
	})
	if err != nil {
		return err
	}
	if answer.Status >= 300 {
		return refused("enrollments in bulk", answer)
	}
	result, err := answer.JSON()
	if err != nil {
		return err
	}
	if result["isSuccessful"] != true {
		return fmt.Errorf("enrollments in bulk: the service left some out: %v", result["errors"])
	}
	return nil
}

func refused(what string, answer devwire.HTTPResponse) error {
	if e := answer.Error(); e != nil {
		return fmt.Errorf("%s: the service answered %d: %s", what, e.ErrorCode, e.Message)
	}
	return fmt.Errorf("%s: the service answered %d", what, answer.Status)
}
