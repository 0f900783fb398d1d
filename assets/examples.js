// The example cases as one-click cards.
root.replaceChildren(h('section', {class: 'tw-examples'},
  h('h2', {class: 'tw-label', text: 'Examples, one click each'}),
  h('div', {class: 'tw-example-row'}, (props.value || []).map((example) =>
    h('button', {class: 'tw-example', type: 'button', onclick: () => send('example', example.name)},
      h('img', {src: example.thumb, alt: '', width: 44, height: 44}),
      h('span', {text: example.title}))))));
