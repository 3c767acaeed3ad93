// Usage: node hostile.js PAGE. Opens a page whose every text wants to be a script, and sees
// that none of them ran.
'use strict';

const { step, main, want } = require('./step');
const { withBrowser, Watched } = require('./page');

const [file] = process.argv.slice(2);

main(() => withBrowser(async (browser) => {
  const watched = await Watched.open(browser, file);
  await step('open', async () => {
    await watched.page.locator('#filter').waitFor({ state: 'visible' });
    await watched.unfold();
    want(await watched.page.evaluate(() => 'evil' in window) === false, 'a script of the target ran');
    const scripts = await watched.page.evaluate(() => document.scripts.length + document.images.length + document.querySelectorAll('svg, iframe, form').length);
    want(scripts === 1, `${scripts} elements where one script belongs`);
    const text = await watched.page.locator('body').innerText();
    want(text.includes('<script>window.evil = 1</script>'), 'the text is not shown as it is');
    watched.clean();
  });
  await step('accessible', () => watched.accessible());
  await step('narrow', async () => {
    await watched.page.setViewportSize({ width: 320, height: 640 });
    await watched.fits();
  });
  await step('click and filter', async () => {
    await watched.page.setViewportSize({ width: 1280, height: 900 });
    await watched.page.locator('.grid a').first().click();
    await watched.page.locator('#filter [name=text]').fill('<script>window.evil');
    for (const button of await watched.page.locator('.copy button:visible').all()) await button.click();
    want(await watched.page.evaluate(() => 'evil' in window) === false, 'a script of the target ran');
    watched.clean();
  });
}));
