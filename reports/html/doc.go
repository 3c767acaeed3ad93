// Package html renders results as one HTML file each: for a browser, for paper, to be
// mailed around.
//
// A page is one file without any request: template, style sheet and script are embedded,
// and a content security policy names the two by their digests and allows nothing else.
// It can be read without the script, which only filters, copies and opens what is folded
// before it is printed.
//
// Whatever a target or its peers said is hostile here. html/template escapes it for the
// place where it stands; before that, shown escapes what would not be seen, such as
// control characters and those that turn the direction of text, and bounds every text.
// What is cut says so. A page of 500 red results stays below 5 MB.
package html
