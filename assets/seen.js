// What stands in the folder that was named, or why it cannot be used.
function draw() {
  const value = props.value;
  root.setAttribute('aria-live', 'polite');
  if (!value) root.replaceChildren();
  else if (value.problem) root.replaceChildren(h('p', {class: 'tw-problem', text: value.problem}));
  else root.replaceChildren(...value.lines.map((text) => h('p', {class: 'tw-soft', text})));
}
watch('value', draw);
draw();
