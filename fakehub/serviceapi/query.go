package serviceapi

import (
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/query"
)

// What a query on /devices/query can be about. There are no modules here.
const (
	twinsCollection   = "devices"
	modulesCollection = "devices.modules"
)

type queryText struct {
	Query string `json:"query"`
}

// runQuery answers with one page of twins (iot-hub.md 4.5). The header x-ms-continuation
// is there only when more pages follow.
func runQuery(q *request) (reply, error) {
	var in queryText
	if err := q.read(maxBody, &in); err != nil {
		return reply{}, err
	}
	parsed, err := query.Parse(in.Query)
	if err != nil {
		return reply{}, huberror.New(huberror.ArgumentInvalid, "the query is not understood: %v", err)
	}
	if parsed.Projects() {
		return reply{}, huberror.New(huberror.ArgumentInvalid, "the query is not understood: projections are not supported")
	}
	size, err := query.PageSize(q.Header.Get("x-ms-max-item-count"))
	if err != nil {
		return reply{}, huberror.New(huberror.ArgumentInvalid, "%v", err)
	}
	twins := byID(q.api.Registry.Twins())
	if strings.EqualFold(parsed.From(), modulesCollection) {
		twins = byID(nil)
	}
	page, err := query.Select(parsed, in.Query, twinsCollection, q.Header.Get("x-ms-continuation"), size, twins, document)
	if err != nil {
		return reply{}, huberror.New(huberror.ArgumentInvalid, "%v", err)
	}
	answer := reply{status: http.StatusOK, header: http.Header{}}
	answer.header.Set("x-ms-item-type", "Twin")
	answer.header.Set("x-ms-max-item-count", strconv.Itoa(size))
	if page.Continuation != "" {
		answer.header.Set("x-ms-continuation", page.Continuation)
	}
	documents := make([]map[string]any, 0, len(page.Items))
	for _, t := range page.Items {
		documents = append(documents, document(t))
	}
	answer.value = documents
	return answer, nil
}

func byID(twins []registry.Twin) iter.Seq2[string, registry.Twin] {
	return func(yield func(string, registry.Twin) bool) {
		for _, t := range twins {
			if !yield(t.Identity.DeviceID, t) {
				return
			}
		}
	}
}
