// Up and down follow the links, left and right the boxes of one row; what is pointed at is said in words.
(() => {
  const about = document.getElementById('about');
  const say = (event) => {
    const box = event.target.closest && event.target.closest('.box');
    if (box && about) about.textContent = box.getAttribute('aria-label');
  };
  document.addEventListener('focusin', say);
  document.addEventListener('mouseover', say);

  const open = () => {
    const name = location.hash.slice(1);
    const at = name && document.getElementById(decodeURIComponent(name));
    for (let each = at; each; each = each.parentElement) if (each.tagName === 'DETAILS') each.open = true;
    if (!at) return;
    const isBox = at.classList.contains('box');
    at.scrollIntoView({ block: isBox ? 'center' : 'start' });
    if (isBox) at.focus({ preventScroll: true });
  };
  addEventListener('hashchange', open);
  open();

  const centre = (element) => {
    const place = element.getBoundingClientRect();
    return [place.x + place.width / 2, place.y + place.height / 2];
  };
  const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  document.addEventListener('keydown', (event) => {
    const box = document.activeElement.closest('.picture .box');
    const way = ways[event.key];
    if (!box || !way || event.altKey || event.ctrlKey || event.metaKey) return;
    const [x, y] = centre(box);
    let best = null;
    let least = Infinity;
    for (const other of box.closest('svg').querySelectorAll('.box[tabindex], a.box')) {
      if (other === box) continue;
      const [otherX, otherY] = centre(other);
      const dx = otherX - x;
      const dy = otherY - y;
      const along = dx * way[0] + dy * way[1];
      const beside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
      if (along < 6 || (way[0] && beside > 30)) continue;
      const far = way[1] ? along * 4 + beside : along;
      if (far < least) { least = far; best = other; }
    }
    event.preventDefault();
    if (!best) return;
    best.focus({ preventScroll: true });
    best.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
})();
