// Usage: node judge.js PAGE…. Holds any pages to what every report page is held to. A step
// that fails ends the steps of its page only.
'use strict';

const { step, main, Ended } = require('./step');
const { withBrowser, Watched } = require('./page');

async function judge(browser, file) {
  let watched;
  await step('open', async () => { watched = await Watched.open(browser, file); });
  try {
    await step('clean', () => watched.clean());
    await step('accessible', () => watched.accessible());
    await step('narrow', async () => {
      await watched.page.setViewportSize({ width: 320, height: 640 });
      await watched.fits();
    });
  } finally {
    await watched.close();
  }
}

main(() => withBrowser(async (browser) => {
  for (const file of process.argv.slice(2)) {
    await judge(browser, file).catch((error) => {
      if (!(error instanceof Ended)) throw error;
    });
  }
}));
