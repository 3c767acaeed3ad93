package httpsfront

import (
	"net/http"
	"strconv"
)

func (f *Front) write(w http.ResponseWriter, r *http.Request, c *call, reply *Reply) {
	reply.Header.Set("Content-Type", "application/json; charset=utf-8")
	reply.Header.Set("x-ms-request-id", c.tracking)
	reply.Header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
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
