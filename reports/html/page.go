package html

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"sync"
)

//go:embed assets
var assets embed.FS

// pages are the templates, parsed when the first page is written.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"plural": plural}).ParseFS(assets, "assets/*.tmpl"))
})

// page is what page.tmpl puts around every page.
type page struct {
	Title  string
	Policy string // the content security policy
	Style  template.CSS
	Script template.JS
}

// newPage is a page with the embedded style sheet and script. Its policy allows these two,
// by their digests, images that the page holds itself, and nothing else.
func newPage(title string) page {
	style, script := asset("page.css"), asset("page.js")
	return page{
		Title: title, Style: template.CSS(style), Script: template.JS(script),
		Policy: "default-src 'none'; style-src " + digest(style) + "; script-src " + digest(script) +
			"; img-src data:; base-uri 'none'; form-action 'none'",
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func asset(name string) string {
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}
