// The schema browser: a search box above a virtual ARIA tree of schemas, tables and columns.
import { addStyle, debounce, element, gesture } from "./parts/kit.js";
import { drawRow, ROW_HEIGHT } from "./schema/row.js";
import css from "./schema/schema.css";
import { Tree } from "./schema/tree.js";

const TYPING_PAUSE = 120; // ms without a key before the search runs
const AROUND = 8; // rows drawn beyond the window on either side

export function render({ model }) {
  const root = element("div", { class: "tv-schema" });
  addStyle(root, css);
  const box = element("input", {
    class: "tv-schema-search",
    type: "search",
    placeholder: model.placeholder,
    "aria-label": "Search the schema",
    spellcheck: "false",
    autocomplete: "off",
  });
  const found = element("div", { class: "tv-schema-found", role: "status" });
  const view = element("div", { class: "tv-schema-tree", role: "tree", tabindex: "0", "aria-label": "Schemas" });
  const sheet = element("div", { class: "tv-schema-sheet", role: "presentation" });
  view.append(sheet);
  root.append(box, found, view);

  const tree = new Tree();
  let drawn = new Map(); // visible place -> element
  let active = 0;

  // --- drawing: only the rows in sight ---

  const draw = () => {
    sheet.style.height = `${tree.rows.length * ROW_HEIGHT}px`;
    const first = Math.max(0, Math.floor(view.scrollTop / ROW_HEIGHT) - AROUND);
    const end = Math.min(tree.rows.length, Math.ceil((view.scrollTop + view.clientHeight) / ROW_HEIGHT) + AROUND);
    const nodes = new Map();
    for (let place = first; place < end; place++) {
      const row = tree.rows[place];
      const old = drawn.get(place);
      const node = old?.row === row && old.open === row.open ? old : drawRow(row, tree.words, place);
      node.classList.toggle("tv-active", place === active);
      nodes.set(place, node);
    }
    sheet.replaceChildren(...nodes.values());
    drawn = nodes;
    const current = nodes.get(active);
    if (current) view.setAttribute("aria-activedescendant", current.id);
    else view.removeAttribute("aria-activedescendant");
  };

  const redo = () => {
    drawn = new Map();
    active = Math.min(active, Math.max(0, tree.rows.length - 1));
    found.textContent = tree.summary;
    draw();
  };

  const goTo = (place) => {
    active = Math.min(Math.max(place, 0), tree.rows.length - 1);
    const top = active * ROW_HEIGHT;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + ROW_HEIGHT > view.scrollTop + view.clientHeight) view.scrollTop = top + ROW_HEIGHT - view.clientHeight;
    draw();
  };

  const toggle = (row, open = !row.open) => {
    if (row.kind === "column" || row.open === open) return;
    tree.open(row, open);
    redo();
  };

  const pick = (row) => {
    if (row.kind === "schema") toggle(row);
    else gesture(model, "picked", { kind: row.kind, name: row.name, table: row.table });
  };

  // --- the user's hand ---

  view.addEventListener("scroll", draw, { passive: true });
  view.addEventListener("click", (event) => {
    const node = event.target.closest("[role=treeitem]");
    if (!node) return;
    active = node.place;
    if (event.target.closest(".tv-schema-pick") || node.row.kind === "column") pick(node.row);
    else toggle(node.row);
    draw();
  });

  const parentOf = (place) => {
    let at = place;
    while (at > 0 && tree.rows[at].level >= tree.rows[place].level) at--;
    return at;
  };
  const screenful = () => Math.max(1, Math.floor(view.clientHeight / ROW_HEIGHT) - 1);
  const keys = {
    ArrowDown: () => goTo(active + 1),
    ArrowUp: () => goTo(active - 1),
    PageDown: () => goTo(active + screenful()),
    PageUp: () => goTo(active - screenful()),
    Home: () => goTo(0),
    End: () => goTo(tree.rows.length - 1),
    ArrowRight: (row) => (row.open || row.kind === "column" ? goTo(active + 1) : toggle(row, true)),
    ArrowLeft: (row) => (row.open ? toggle(row, false) : goTo(parentOf(active))),
    Enter: pick,
    " ": (row) => (row.kind === "column" ? pick(row) : toggle(row)),
  };
  view.addEventListener("keydown", (event) => {
    const row = tree.rows[active];
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key](row);
    } else if (event.key.length === 1) {
      box.focus(); // typing in the tree searches
    }
  });

  const search = debounce(() => {
    tree.search(box.value);
    active = 0;
    view.scrollTop = 0;
    redo();
  }, TYPING_PAUSE);
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      search.now();
      view.focus();
      goTo(tree.firstHit());
    } else if (event.key === "Escape" && box.value) {
      event.preventDefault();
      box.value = "";
      search();
      search.now();
    }
  });

  // --- from Python ---

  let ticket = 0;
  const load = async () => {
    const mine = ++ticket;
    found.classList.remove("tv-error");
    if (!model.url) {
      tree.fill([]);
      return redo();
    }
    root.classList.add("tv-busy");
    found.textContent = "Loading …";
    try {
      const response = await fetch(model.url);
      if (!response.ok) throw new Error(`The schemas could not be fetched (status ${response.status}).`);
      const answer = await response.json();
      if (mine !== ticket) return;
      tree.fill(answer.schemas ?? []);
      tree.search(box.value);
      redo();
    } catch (error) {
      if (mine !== ticket) return;
      tree.fill([]);
      redo();
      found.textContent = String(error.message ?? error);
      found.classList.add("tv-error");
    }
    root.classList.remove("tv-busy");
  };
  model.on(["url", "version"], load);
  const resized = new ResizeObserver(draw);
  resized.observe(view);
  model.on("remove", () => {
    ticket++;
    resized.disconnect();
  });
  load();
  return root;
}
