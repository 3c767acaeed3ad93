package html

// Shown is shown.
func Shown(s string, limit int) string { return shown(s, limit) }

// Failure takes an assertion's text apart.
func Failure(text string) (about, got, expected, all string) {
	f := newFailure(text)
	return f.About, f.Got, f.Expected, f.Text
}
