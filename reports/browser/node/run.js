// Usage: node run.js PAGE light|dark. Uses the page of a conformance run, one with results
// of every outcome, as people do who have no mouse.
'use strict';

const { step, main, want } = require('./step');
const { withBrowser, Watched } = require('./page');

const [file, colorScheme] = process.argv.slice(2);

// shown counts the results that are to be seen, by outcome; counted waits for the page to
// say how many there are.
const shown = (page) => page.evaluate(() => {
  const counts = {};
  for (const item of document.querySelectorAll('[data-item]:not([hidden])')) {
    if (!item.closest('[hidden]')) counts[item.dataset.outcome] = (counts[item.dataset.outcome] ?? 0) + 1;
  }
  return counts;
});
const said = (page, pattern) => page.waitForFunction((p) => new RegExp(p).test(document.querySelector('#filter output').textContent), pattern);
const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

main(() => withBrowser(async (browser) => {
  let page;
  let all;
  const watched = await Watched.open(browser, file, { colorScheme });

  await step('open', async () => {
    page = watched.page;
    all = await shown(page);
    want((await page.title()).startsWith('Does not conform: dpslab conformance of '), await page.title());
    await said(page, `^${sum(all)} results$`);
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor) !== 'rgb(255, 255, 255)';
    want(dark === (colorScheme === 'dark'), `the background is dark: ${dark}`);
    watched.clean();
    return all;
  });
  await step('accessible', () => watched.accessible());

  await step('filter by outcome', async () => {
    await watched.tabTo('#filter [name=outcome]');
    await page.keyboard.type('failed');
    await said(page, `^${all.failed} of ${sum(all)} results$`);
    const now = await shown(page);
    want(JSON.stringify(now) === JSON.stringify({ failed: all.failed }), JSON.stringify(now));
    return now;
  });
  await step('filter by family', async () => {
    await watched.tabTo('#filter [name=family]');
    await page.keyboard.type('MQTT');
    await said(page, `of ${sum(all)} results$`);
    const families = await page.locator('[data-item]:visible').evaluateAll((items) => items.map((i) => `${i.dataset.outcome} ${i.dataset.family}`));
    want(families.length > 0 && families.every((f) => f === 'failed MQTT'), families.join(', '));
    return families.length;
  });
  await step('filter by text', async () => {
    await watched.tabTo('#filter [name=clear]');
    await page.keyboard.press('Enter');
    await said(page, `^${sum(all)} results$`);
    await watched.tabTo('#filter [name=text]');
    await page.keyboard.type('number 10 SAS demands');
    await page.waitForFunction(() => document.querySelectorAll('[data-item]:not([hidden])').length < 10);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('DPS-svc-004 NUMBER');
    await said(page, `^1 of ${sum(all)} results$`);
    want(await page.locator('[data-item]:visible').count() === 1, 'what passed is folded although it was searched for');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('no such words');
    await said(page, `^0 of ${sum(all)} results$`);
    await watched.accessible();
    await watched.tabTo('#filter [name=clear]');
    await page.keyboard.press('Enter');
    await said(page, `^${sum(all)} results$`);
    want(JSON.stringify(await shown(page)) === JSON.stringify(all), 'clearing does not show everything again');
  });

  await step('open a red', async () => {
    const red = page.locator('#red details.failed').first();
    want(!await red.locator('.wire').isVisible(), 'it is open from the beginning');
    await watched.tabTo('#red details.failed summary');
    await page.keyboard.press('Enter');
    await red.locator('.wire').waitFor({ state: 'visible' });
    const text = await red.innerText();
    for (const part of ['Requires', 'Source', 'Run again', 'client → server', 'server → client', 'https-register-200']) {
      want(text.includes(part), `it does not say ${part}`);
    }
    await watched.accessible();
  });
  await step('copy its command', async () => {
    await watched.tabTo('.copy button');
    await page.keyboard.press('Enter');
    const status = page.locator('.copy [role=status]:not(:empty)');
    await status.waitFor();
    return status.innerText();
  });
  await step('follow the grid', async () => {
    await page.keyboard.press('Control+Home');
    await page.evaluate(() => document.activeElement.blur());
    await watched.tabTo('.grid a[data-set-family=SVC][data-set-transport=none]');
    await page.keyboard.press('Enter');
    await said(page, `of ${sum(all)} results$`);
    const families = await page.locator('[data-item]:visible').evaluateAll((items) => items.map((i) => i.dataset.family));
    want(families.length > 0 && families.every((f) => f === 'SVC'), families.join(', '));
    want(await page.evaluate(() => document.activeElement.id) === 'results', 'the focus stays behind');
    await page.locator('#filter [name=clear]').click();
    await said(page, `^${sum(all)} results$`);
    return families.length;
  });

  await step('unfolded', async () => {
    await watched.unfold();
    return watched.accessible();
  });
  await step('narrow', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    await watched.fits();
    return watched.accessible();
  });

  await step('print', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.reload();
    await said(page, `^${sum(all)} results$`);
    await page.emulateMedia({ media: 'print', colorScheme });
    want(!await page.locator('#filter').isVisible(), 'the filter is printed');
    const folded = await page.evaluate(() => [...document.querySelectorAll('[data-item] .body, .rows li')].filter((e) => e.getBoundingClientRect().height === 0).length);
    want(folded === 0, `${folded} results are not printed`);
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    want(paper === 'rgb(255, 255, 255)', `the paper is ${paper}`);
    const pdf = await page.pdf({ format: 'A4' });
    want(pdf.subarray(0, 5).toString() === '%PDF-', 'it is no PDF');
    return `${pdf.length} bytes`;
  });
  await step('clean', async () => {
    watched.clean();
    await watched.close();
  });

  await step('without script', async () => {
    const plain = await Watched.open(browser, file, { colorScheme, javaScriptEnabled: false });
    want(!await plain.page.locator('#filter').isVisible(), 'a filter that does nothing is shown');
    const red = plain.page.locator('#red details.failed').first();
    await red.locator('summary').click();
    want(await red.locator('.wire').isVisible(), 'a red does not open');
    const group = plain.page.locator('#passed details').first();
    await group.locator('summary').click();
    want(await group.locator('li').first().isVisible(), 'what passed does not open');
    plain.clean();
    await plain.close();
  });
}));
