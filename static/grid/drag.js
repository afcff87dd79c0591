// Columns by the hand: dragging a header moves its column, dragging a divider sets its width.

const BEGIN = 6; // pixels: less is a click
const EDGE = 32; // pixels from the side where a drag scrolls

// `columnAt(th)` gives the place of a header's column or -1, `move(from, before)` is told places, `widen(place, pixels)`
// the new width, 0 for one that fits.
export function listenToDrags({ table, marker, columnAt, move, widen }) {
  let skipClick = false;

  const heads = () => [...table.querySelectorAll("thead tr:first-child th")].filter((th) => columnAt(th) >= 0);

  table.addEventListener("pointerdown", (down) => {
    const th = down.target.closest?.("thead tr:first-child th");
    if (down.button !== 0 || !th || columnAt(th) < 0 || down.target.closest(".rt-column-resize, .tv-more")) return;
    const from = columnAt(th);
    let before = -1;
    let dragging = false;
    let scroll = 0;

    const show = (x) => {
      const all = heads();
      const next = all.find((head) => {
        const box = head.getBoundingClientRect();
        return x < box.left + box.width / 2;
      });
      before = next ? columnAt(next) : columnAt(all.at(-1)) + 1;
      const box = (next ?? all.at(-1)).getBoundingClientRect();
      marker.style.left = `${(next ? box.left : box.right) - table.getBoundingClientRect().left - 1}px`;
    };
    const follow = (event) => {
      if (!dragging && Math.abs(event.clientX - down.clientX) < BEGIN) return;
      if (!dragging) {
        dragging = true;
        marker.hidden = false;
        table.classList.add("tv-moving");
      }
      const box = table.getBoundingClientRect();
      clearInterval(scroll);
      const step = event.clientX > box.right - EDGE ? 24 : event.clientX < box.left + EDGE ? -24 : 0;
      if (step) scroll = setInterval(() => { table.scrollLeft += step; }, 40);
      show(event.clientX);
    };
    const stop = (event) => {
      clearInterval(scroll);
      document.removeEventListener("pointermove", follow);
      document.removeEventListener("pointerup", stop);
      document.removeEventListener("pointercancel", stop);
      document.removeEventListener("keydown", leave, true);
      marker.hidden = true;
      table.classList.remove("tv-moving");
      if (!dragging) return;
      skipClick = true; // the click that follows is the drag's end
      setTimeout(() => { skipClick = false; });
      if (event.type === "pointerup" && before !== from && before !== from + 1) move(from, before);
    };
    const leave = (event) => {
      if (event.key === "Escape") stop(event);
    };
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", stop);
    document.addEventListener("pointercancel", stop);
    document.addEventListener("keydown", leave, true);
  });
  table.addEventListener("click", (event) => {
    if (!skipClick) return;
    event.stopPropagation();
    event.preventDefault();
  }, true);

  // regular-table itself changes the width; what the user made of it is read when the button goes up.
  table.addEventListener("mousedown", (down) => {
    const th = down.target.classList?.contains("rt-column-resize") && down.target.closest("th");
    const place = th ? columnAt(th) : -1;
    if (place < 0) return;
    const key = table.getMeta(th).size_key;
    const double = down.detail > 1;
    document.addEventListener("mouseup", () => {
      const width = table.saveColumnSizes()[key];
      if (double) widen(place, 0);
      else if (width !== undefined) widen(place, Math.round(width));
    }, { once: true });
  });
}
