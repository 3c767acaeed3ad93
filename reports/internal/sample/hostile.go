package sample

import (
	"reflect"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

// Evil is text that wants to be something else: markup, a script, a template action, a
// terminal's command, a change of direction, bytes that are no text.
const Evil = `</script><script>window.evil = 1</script><img src=x onerror="window.evil = 2">` +
	`'"--><svg/onload=window.evil=3>{{.}}${evil}]]><!ENTITY a "b">&lt;&#x3c; javascript:evil` +
	"\x1b]0;evil\a\x1b[31m\u009b31m\x00\x7f\r\n\u202egnp.exe\u2066\u200b\ufeff\U000e0041 a\u0301 \xff\xfe\xed\xa0\x80\xc3"

// Hostile is a run in which every text that is not picked from a few words is evil, in its
// whole or by the megabyte. It follows from the types, so it misses no member.
func Hostile() reports.Run {
	r := Mixed()
	for i := range r.Results {
		if one := &r.Results[i]; one.Outcome.Red() {
			one.Exchange = Exchange()
		}
	}
	huge := 5
	replace(reflect.ValueOf(&r).Elem(), func(s string) string {
		if huge--; huge > 0 {
			return Evil + strings.Repeat(Evil, 1<<20/len(Evil))
		}
		return Evil + s // some have to differ
	})
	first := &r.Results[0]
	first.Outcome, first.Reason, first.Failure = reports.Failed, "", strings.Repeat(Evil, 1<<20/len(Evil))
	first.Exchange = append(Exchange(), first.Exchange...)
	for i := range first.Exchange {
		e := &first.Exchange[i]
		e.Summary, e.Body, e.Lines = Evil, strings.Repeat(Evil, 1<<20/len(Evil)), []string{strings.Repeat("<", 1<<20), Evil}
	}
	r.Schema = reports.Schema
	r.Tally()
	return r
}

// replace puts every string of v through f, but for the words that programs act upon.
func replace(v reflect.Value, f func(string) string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Side", "Direction", "Kind": // transcripts have no others
			default:
				replace(v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			replace(v.Index(i), f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			replace(v.Elem(), f)
		}
	case reflect.String:
		if v.CanSet() && v.String() != "" && v.Type() == reflect.TypeFor[string]() && v.String() != transcript.KindInjected {
			v.SetString(f(v.String()))
		}
	}
}
