// Package browser opens report pages in a real browser. It has no code of its own, only
// tests, and the small programs in node/ that drive the browser for them.
//
//  1. The test renders a run and writes the page to a file.
//  2. It starts one Node process, which starts a headless Chromium with a profile of its
//     own and opens the file: nothing is served, and nothing resolves.
//  3. The program uses the page as somebody without a mouse does, in a light and in a dark
//     scheme, narrow, printed, and without the script. It prints one line of JSON for each
//     step.
//  4. Whatever the page shows, node/page.js holds it to this: no request beyond its file,
//     nothing on the console, no violation of axe-core's rules. A program for another page
//     is a file like node/run.js over the same node/page.js.
//
// `make browser` runs it, with a Chromium that is installed first where that can be. Where
// there is none it does not run, and says so: a skip here, and a line at the end of `make
// test`. DPSLAB_BROWSER=required fails instead; DPSLAB_BROWSER=none asks for none;
// DPSLAB_CHROMIUM names one.
package browser
