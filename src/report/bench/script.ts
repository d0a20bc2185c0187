/**
 * The script of a bench's page: it filters roofline, times and table at once, orders them by a column of the table, says
 * what a point is, and leads the arrow keys from point to point. It reads what is on the page and holds nothing of it, so
 * that a hash in the page's policy lets it run and nothing else; without it everything is there, in the document's order.
 */
export const BENCH_SCRIPT = `
const table = document.getElementById('figures');
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const plain = (text) => text.toLowerCase().replaceAll('×', 'x').replaceAll('²', '2').replaceAll('→', '->');
const NONE = /^(–|not measured|)$/;

if (table) {
  const body = table.querySelector('tbody');
  const gathered = (selector, keyOf) => {
    const found = new Map();
    for (const element of all(selector)) {
      const key = keyOf(element);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(element);
    }
    return found;
  };
  const points = gathered('.points a', (link) => link.getAttribute('href').slice(1));
  const lines = gathered('.line[data-of]', (line) => line.dataset.of);
  let entries = all('tr', body).map((row) => ({
    row,
    id: row.id,
    cells: [...row.children].map((cell) => cell.textContent.trim()),
    text: plain(row.textContent),
    facets: new Set(row.dataset.facets.split(' ')),
    points: points.get(row.id) ?? [],
    lines: lines.get(row.id) ?? [],
  }));
  const inOrder = entries;
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const text = document.getElementById('filter-text');
  const count = document.getElementById('filter-count');
  const clear = document.getElementById('filter-clear');
  const boxes = all('.chips input');
  const more = { bars: all('.more[data-of=bars]')[0], table: all('.more[data-of=table]')[0] };
  const most = { bars: 60, table: 100 };

  const show = () => {
    const words = plain(text.value).split(/\\s+/).filter(Boolean);
    const chosen = new Map();
    for (const { checked, value } of boxes)
      if (checked) chosen.set(value[0], [...(chosen.get(value[0]) ?? []), value]);
    const wanted = [...chosen.values()];
    const fits = ({ text, facets }) =>
      words.every((word) => text.includes(word)) && wanted.every((keys) => keys.some((key) => facets.has(key)));
    const shown = entries.filter(fits);
    const kept = new Set(shown);
    for (const entry of entries) {
      entry.row.hidden = true;
      for (const line of entry.lines) line.hidden = !kept.has(entry);
      for (const point of entry.points) point.classList.toggle('off', !kept.has(entry));
    }
    for (const { row } of shown.slice(0, most.table)) row.hidden = false;
    let problems = 0;
    for (const problem of all('.times .bars > li')) {
      const fitting = all('.line', problem).some((line) => !line.hidden);
      problem.hidden = !fitting || ++problems > most.bars;
    }
    for (const group of all('.times')) group.hidden = all('li', group).every((problem) => problem.hidden);
    more.bars.hidden = problems <= most.bars;
    more.bars.textContent = 'Show all ' + problems.toLocaleString('en-US');
    more.table.hidden = shown.length <= most.table;
    more.table.textContent = 'Show all ' + shown.length.toLocaleString('en-US');
    const filtered = words.length > 0 || wanted.length > 0;
    count.textContent =
      (filtered ? shown.length.toLocaleString('en-US') + ' of ' : '') + entries.length.toLocaleString('en-US') + ' entries';
    clear.hidden = !filtered;
    for (const drawing of drawings) drawing.enter();
  };
  const clearAll = () => {
    text.value = '';
    for (const box of boxes) box.checked = false;
    show();
  };
  text.addEventListener('input', show);
  for (const box of boxes) box.addEventListener('change', show);
  clear.addEventListener('click', () => { clearAll(); text.focus(); });
  for (const [what, button] of Object.entries(more))
    button.addEventListener('click', () => { most[what] = Infinity; show(); });

  // A heading of the table orders by its column: numbers the largest first, words by the alphabet; a third click ends it.
  const heads = all('thead th', table);
  const numberOf = (cell) => Number(/^-?[\\d.,]+(e[-+]?\\d+)?(?=[^\\w]|$)/.exec(cell)?.[0].replaceAll(',', '') ?? NaN);
  const place = () => {
    body.append(...entries.map(({ row }) => row));
    for (const list of all('.times .bars')) {
      const problems = new Set();
      for (const { lines } of entries)
        for (const line of lines) if (line.parentNode.parentNode === list) problems.add(line.parentNode);
      list.append(...problems);
    }
    show();
  };
  for (const [column, head] of heads.entries()) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const known = inOrder.filter(({ cells }) => !NONE.test(cells[column]));
      const numbers = known.length > 0 && known.every(({ cells }) => !Number.isNaN(numberOf(cells[column])));
      const turns = numbers ? ['descending', 'ascending'] : ['ascending', 'descending'];
      const turn = turns[turns.indexOf(head.getAttribute('aria-sort')) + 1];
      for (const other of heads) other.removeAttribute('aria-sort');
      if (turn) head.setAttribute('aria-sort', turn);
      const sign = turn === 'descending' ? -1 : 1;
      const rank = ({ cells }) => (NONE.test(cells[column]) ? 2 : numbers || Number.isNaN(numberOf(cells[column])) ? 0 : 1);
      entries = !turn ? inOrder : inOrder.toSorted((a, b) =>
        rank(a) === 2 || rank(b) === 2 ? rank(a) - rank(b)
        : sign * (numbers ? numberOf(a.cells[column]) - numberOf(b.cells[column])
          : a.cells[column].localeCompare(b.cells[column], 'en', { numeric: true })));
      place();
    });
  }

  // A link to a row that the filter took away, or that is beyond the first ones, brings it back.
  const reveal = (id) => {
    const entry = byId.get(id);
    if (!entry || !entry.row.hidden) return;
    if (entry.lines.some((line) => line.hidden)) clearAll();
    most.table = Infinity;
    show();
  };
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href^="#e-"]');
    if (link) reveal(link.getAttribute('href').slice(1));
  });

  // Points: one stop of the tab key a drawing, arrow keys from there; what a point is stands beside it.
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  tip.setAttribute('aria-hidden', 'true');
  document.body.append(tip);
  const tell = (link) => {
    tip.replaceChildren(...link.getAttribute('aria-label').split('; ').map((part) => {
      const line = document.createElement('div');
      line.textContent = part;
      return line;
    }));
    tip.hidden = false;
    const box = link.getBoundingClientRect();
    const left = Math.min(box.right + 10, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (box.top > tip.offsetHeight + 16 ? box.top - tip.offsetHeight - 8 : box.bottom + 8) + 'px';
  };
  const hush = () => { tip.hidden = true; };
  const acrossOf = (link) => Number(/-?[\\d.]+/.exec(link.firstElementChild.getAttribute('transform') ?? '')?.[0] ?? 0);
  const drawings = all('.points').map((group) => {
    const links = all('a', group).sort((a, b) => acrossOf(a) - acrossOf(b));
    for (const link of links) {
      const title = link.querySelector('title');
      link.setAttribute('aria-label', title.textContent);
      title.remove();
      for (const event of ['mouseenter', 'focus']) link.addEventListener(event, () => tell(link));
      for (const event of ['mouseleave', 'blur']) link.addEventListener(event, hush);
    }
    let entered = null;
    const enter = (to) => {
      const open = links.filter((link) => !link.classList.contains('off'));
      entered?.setAttribute('tabindex', '-1');
      entered = to ?? (open.includes(entered) ? entered : open[0]) ?? null;
      entered?.setAttribute('tabindex', '0');
    };
    group.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const open = links.filter((link) => !link.classList.contains('off'));
      const next = event.key === 'Home' ? open[0] : event.key === 'End' ? open.at(-1) : step && open[open.indexOf(entered) + step];
      if (event.key === 'Escape') hush();
      if (!next) return;
      event.preventDefault();
      enter(next);
      next.focus();
    });
    return { enter };
  });
  addEventListener('scroll', hush, { passive: true });

  for (const part of all('.filter')) part.hidden = false;
  show();
  reveal(location.hash.slice(1));
}
`;
