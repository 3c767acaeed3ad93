// What every report page is held to, whatever it shows: it asks for nothing beyond its
// file, says nothing on the console, and breaks no rule of axe-core.
'use strict';

const { pathToFileURL } = require('node:url');
const { chromium } = require('playwright-core');
const { want } = require('./step');

// Rules that a page has to follow: WCAG up to 2.2 AA, and what axe-core thinks good besides.
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// withBrowser starts the browser that DPSLAB_CHROMIUM names, with a profile of its own, and
// ends it.
async function withBrowser(act) {
  const browser = await chromium.launch({
    executablePath: process.env.DPSLAB_CHROMIUM,
    headless: true,
    chromiumSandbox: false, // root cannot have it, and the pages are our own
    args: [
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND',
    ],
  });
  try {
    return await act(browser);
  } finally {
    await browser.close();
  }
}

// Watched is a page of a file, with everything that it did and must not do.
class Watched {
  static async open(browser, file, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const watched = new Watched();
    watched.context = context;
    watched.misdeeds = [];
    watched.requests = [];
    context.on('request', (r) => watched.requests.push(r.url()));
    if (options.javaScriptEnabled !== false) {
      await context.addInitScript({ path: require.resolve('axe-core/axe.min.js') });
      await context.addInitScript(() => {
        addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
      });
    }
    watched.page = await context.newPage();
    const done = (what) => watched.misdeeds.push(what);
    context.on('page', () => done('it opened another page'));
    watched.page.on('console', (m) => { if (['error', 'warning', 'assert'].includes(m.type())) done(`console ${m.type()}: ${m.text()}`); });
    watched.page.on('pageerror', (e) => done(`error: ${e.message}`));
    watched.page.on('crash', () => done('it crashed'));
    watched.page.on('download', (d) => done(`it downloads ${d.url()}`));
    watched.page.on('dialog', (d) => { done(`dialog: ${d.message()}`); d.dismiss(); });
    watched.url = pathToFileURL(file).href;
    await watched.page.goto(watched.url);
    return watched;
  }

  // clean fails when the page did what it must not.
  clean() {
    want(this.misdeeds.length === 0, this.misdeeds.join('\n'));
    const others = this.requests.filter((url) => url.split('#')[0] !== this.url && !url.startsWith('data:'));
    want(others.length === 0, `it asks for ${others.join(' ')}`);
    want(this.requests.includes(this.url), 'nobody asked for the page itself');
  }

  // accessible runs axe-core over what is visible now.
  async accessible() {
    const { violations, passes } = await this.page.evaluate((tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), rules);
    want(violations.length === 0, violations.map((v) => `${v.id}: ${v.help}\n` + v.nodes.slice(0, 5).map((n) =>
      `  ${n.target.join(' ')}\n    ${n.html.slice(0, 200)}\n    ${n.failureSummary.replaceAll('\n', ' ')}`).join('\n')).join('\n'));
    want(passes.length > 10, `only ${passes.length} rules found something to look at`);
    return passes.length;
  }

  // tabTo presses Tab until the focus is on what the selector selects, as a person without
  // a mouse does, and sees that the focus is to be seen there.
  async tabTo(selector, most = 120) {
    for (let i = 0; i < most; i++) {
      await this.page.keyboard.press('Tab');
      const at = await this.page.evaluate((s) => {
        const e = document.activeElement;
        return e.matches(s) && { outline: getComputedStyle(e).outlineStyle, width: parseFloat(getComputedStyle(e).outlineWidth) };
      }, selector);
      if (at) {
        want(at.outline !== 'none' && at.width >= 1, `the focus on ${selector} is not to be seen`);
        return i + 1;
      }
    }
    throw new Error(`Tab does not come to ${selector}`);
  }

  // unfold opens everything that is folded.
  async unfold() {
    await this.page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true; });
  }

  // fits fails when the page has to be moved sideways to be read.
  async fits() {
    const [wide, has] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    want(wide <= has, `it is ${wide} pixels wide where there are ${has}`);
  }

  close() { return this.context.close(); }
}

module.exports = { withBrowser, Watched };
