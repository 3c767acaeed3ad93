'use strict';
// Everything can be read without this. It filters, copies, and unfolds what is printed.
(() => {
  const filter = document.getElementById('filter');
  const results = document.getElementById('results');
  const folds = () => document.querySelectorAll('details');

  if (filter) {
    const fields = [...filter.querySelectorAll('select, input')];
    const shown = filter.querySelector('output');
    const items = [...document.querySelectorAll('[data-item]')];
    const parts = [...document.querySelectorAll('[data-part]')];
    const groups = [...document.querySelectorAll('[data-fold]')];
    const texts = new Map();
    let saying;

    const text = (item) => {
      if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
      return texts.get(item);
    };

    const apply = () => {
      const wanted = fields.filter((f) => f.value.trim() !== '');
      const words = filter.querySelector('[name=text]').value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const item of items) {
        const fits = wanted.every((f) => f.name === 'text' || item.dataset[f.name] === f.value) &&
          words.every((w) => text(item).includes(w));
        item.hidden = !fits;
        if (fits) count++;
      }
      const filtered = wanted.length > 0;
      for (const group of groups) {
        const some = group.querySelector('[data-item]:not([hidden])') !== null;
        group.hidden = !some;
        group.open = filtered && some;
      }
      for (const part of parts) {
        part.hidden = filtered && part.querySelector('[data-item]:not([hidden])') === null;
      }
      results.classList.toggle('filtered', filtered);
      const say = () => {
        shown.textContent = filtered ? `${count} of ${items.length} results` : `${items.length} results`;
      };
      // Once the typing pauses, so that a screen reader is not interrupted by each key.
      clearTimeout(saying);
      if (filter.hidden) say();
      else saying = setTimeout(say, 150);
    };

    const set = (values) => {
      for (const f of fields) f.value = values[f.name] ?? '';
      apply();
    };

    filter.addEventListener('input', apply);
    filter.querySelector('[name=clear]').addEventListener('click', () => {
      set({});
      fields[0].focus();
    });
    for (const link of document.querySelectorAll('a[data-set-outcome], a[data-set-family]')) {
      link.addEventListener('click', (event) => {
        event.preventDefault();
        set({outcome: link.dataset.setOutcome, family: link.dataset.setFamily, transport: link.dataset.setTransport});
        results.focus();
        results.scrollIntoView();
      });
    }
    apply();
    filter.hidden = false;
  }

  // Clipboards are for pages that the browser trusts; elsewhere the command is selected.
  for (const block of document.querySelectorAll('.copy')) {
    const command = block.querySelector('code');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    const said = document.createElement('span');
    said.setAttribute('role', 'status');
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        said.textContent = 'copied';
      } catch {
        getSelection().selectAllChildren(command);
        said.textContent = 'selected';
      }
    });
    block.append(button, said);
  }

  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...folds()].filter((d) => !d.open);
    for (const d of folded) d.open = true;
  });
  addEventListener('afterprint', () => {
    for (const d of folded) d.open = false;
  });
})();
