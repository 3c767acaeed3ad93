// Usage: node large.js PAGE. Opens a page as large as pages come and filters it.
'use strict';

const { step, main, want } = require('./step');
const { withBrowser, Watched } = require('./page');

const [file] = process.argv.slice(2);

main(() => withBrowser(async (browser) => {
  let watched;
  await step('open', async () => {
    watched = await Watched.open(browser, file);
    await watched.page.locator('#filter').waitFor({ state: 'visible' });
    return watched.page.locator('[data-item]').count();
  });
  await step('filter', async () => {
    await watched.page.locator('#filter [name=text]').fill('DPS-MQTT-499');
    await watched.page.waitForFunction(() => document.querySelector('#filter output').textContent === '1 of 500 results');
    want(await watched.page.locator('[data-item]:visible').count() === 1, 'more than one is shown');
    watched.clean();
  });
}));
