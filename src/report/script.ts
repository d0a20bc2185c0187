/**
 * The page's only script, for the slider of the threshold: it shows a row of the table that is there without it. Nothing
 * of the report is in it, so that a hash in the page's policy lets it run and nothing else.
 */
export const SCRIPT = `
for (const box of document.querySelectorAll('.slider')) {
  const table = document.getElementById(box.dataset.table);
  const head = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const rows = [...table.tBodies[0].rows];
  const input = box.querySelector('input');
  const show = () => {
    const cells = [...rows[input.value].cells].map((cell) => cell.textContent);
    const words = head.map((name, i) => name + ' ' + cells[i]).join(', ');
    box.querySelector('output').textContent = words;
    input.setAttribute('aria-valuetext', words);
  };
  input.addEventListener('input', show);
  box.hidden = false;
  show();
}
`;
