// How far long work is, with Cancel; afterwards how it ended. A screen reader hears beginning and end.
const what = h('p', {class: 'tw-next-title'});
const message = h('p', {class: 'tw-next-message'});
const bar = h('progress', {max: 1, 'aria-label': 'Progress'});
const cancel = h('button', {class: 'tw-small', type: 'button', text: 'Cancel', onclick: () => trigger('cancel')});
const said = h('span', {class: 'tw-hidden', role: 'status', 'aria-live': 'polite'});
const box = h('div', {class: 'tw-next', role: 'group', 'aria-label': 'Progress'}, what, message, bar, cancel);
const HEADS = {running: 'Running', stopping: 'Stopping', failed: 'Not finished', stopped: 'Cancelled', done: 'Finished'};
let before = '';
root.replaceChildren(box, said);

function draw() {
  const value = props.value;
  const phase = value ? value.phase : 'none';
  const busy = phase === 'running' || phase === 'stopping';
  const told = value ? [busy && value.total ? `${value.done} of ${value.total}` : '', value.message].filter(Boolean) : [];
  box.hidden = phase === 'none' || (phase === 'done' && !told.length);
  if (!box.hidden) {
    box.dataset.state = phase === 'failed' ? 'failed' : busy ? 'busy' : phase;
    what.textContent = `${HEADS[phase]}${value.what ? `: ${value.what}` : ''}`;
    message.textContent = told.join(' · ');
    message.hidden = !told.length;
    bar.hidden = !busy;
    if (value.total) bar.value = value.done / value.total;
    else if (value.fraction) bar.value = value.fraction;
    else bar.removeAttribute('value');
    cancel.hidden = !busy;
    cancel.disabled = phase === 'stopping';
  }
  if (phase !== before && (before || busy)) said.textContent = value ? `${HEADS[phase] || ''}. ${value.message}` : '';
  before = phase;
}
watch('value', draw);
draw();
