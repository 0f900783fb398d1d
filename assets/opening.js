// A case named in the address comes a moment after the page and fills its fields: until it is there,
// they take nothing, as it would be overwritten. OPENED in page.py lets them go.
(() => {
  if (!new URL(window.location.href).searchParams.get('case')) return;
  const watch = new MutationObserver(() => {
    const grid = document.getElementById('inspect-grid');
    if (!grid) return;
    grid.inert = true;
    watch.disconnect();
  });
  watch.observe(document, {childList: true, subtree: true});
})();
