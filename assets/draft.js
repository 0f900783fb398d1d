// Keeps what is typed into the correction, as it is typed: Gradio does not report the first key of a
// field, nor a pasted text. Choices are kept by the form's own events.
const FIELDS = {kind: 4, answer: 5, note: 6, author: 7};
function keepTyped(event) {
  const field = event.target.closest('#kind, #answer, #note, #author');
  const id = new URL(window.location.href).searchParams.get('case');
  if (!field || !id) return;
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(`tw-draft-${id}`)); } catch (error) { /* begin anew */ }
  kept = Array.isArray(kept) ? kept : [null, null, null, 0, '', '', '', ''];
  kept[FIELDS[field.id]] = event.target.value;
  try {
    if (field.id === 'author') localStorage.setItem('tw-author', event.target.value);
    localStorage.setItem(`tw-draft-${id}`, JSON.stringify(kept));
  } catch (error) { /* private mode: nothing is kept */ }
}
if (window.triadKeep) document.removeEventListener('input', window.triadKeep);
window.triadKeep = keepTyped;
document.addEventListener('input', keepTyped);
