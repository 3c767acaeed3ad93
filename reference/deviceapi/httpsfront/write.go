package httpsfront

import (
	"net/http"
	"strconv"

	"github.com/dpslab/dpslab/reference/httpapi"
)

func (f *Front) write(w http.ResponseWriter, r *http.Request, c *call, reply *Reply) {
	httpapi.SetCommon(reply.Header, c.tracking)
	reply.Request = r
	Replying.Hit(r.Context(), c.service.Points(), c.at, reply)
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if !reply.Chunked { // [DPS-HTTPS-011]
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	if reply.Chunked {
		http.NewResponseController(w).Flush()
	}
	w.Write(reply.Body)
}
