// Hands on what became of a threshold, to whichever panel shows it.
watch('value', () => window.dispatchEvent(new CustomEvent('tw-used', {detail: props.value})));
