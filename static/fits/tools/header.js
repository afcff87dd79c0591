// The header tool: the cards of every HDU of the current image's file, searched by what they say.
import { element } from "../../parts/kit.js";
import { latest } from "./dock.js";

const MOST_ROWS = 1500; // in the page at once; a search finds the rest

export function headerTool(dock) {
  let viewer = null;
  let held = false;
  let cards = [];
  let shown = "";
  const asking = latest((text) => dock().fail(text));
  const hdus = element("select", { "aria-label": "HDU" });
  const search = element("input", { type: "search", placeholder: "keyword, value or comment", "aria-label": "Search the header" });
  const count = element("span", { class: "muted" });
  const table = element("table", { class: "cards" });
  hdus.addEventListener("change", () => ask());
  search.addEventListener("input", () => write());

  const offer = () => {
    const image = held && viewer.current();
    if (!image?.ready) return;
    const key = `${image.id} ${image.serial}`;
    if (key !== shown) {
      shown = key;
      hdus.replaceChildren(
        ...image.meta.hdus.map(({ index, name, kind, shape }) => {
          const size = shape?.length ? ` ${shape.join(" × ")}` : "";
          return element("option", { value: index }, `${index} ${name || (index ? "" : "PRIMARY")} · ${kind}${size}`);
        }),
      );
      hdus.value = String(image.meta.hdu);
    }
    ask();
  };

  const ask = () => {
    const image = viewer.current();
    if (!image?.ready) return;
    asking.run((signal) => image.answer("header", { hdu: hdus.value }, signal), (found) => {
      cards = found;
      write();
    });
  };

  const write = () => {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (card) => {
      const text = card.join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const found = words.length ? cards.filter(fits) : cards;
    const rows = found.slice(0, MOST_ROWS).map(([keyword, value, comment]) =>
      element("tr", {}, element("th", { scope: "row" }, keyword), element("td", {}, String(value)), element("td", { class: "muted" }, comment)),
    );
    table.replaceChildren(...rows);
    count.textContent = found.length > MOST_ROWS ? `first ${MOST_ROWS.toLocaleString()} of ${found.length.toLocaleString()} cards` : `${found.length.toLocaleString()} of ${cards.length.toLocaleString()} cards`;
  };

  return {
    name: "header",
    title: "Header of every HDU, with search (Shift+K)",
    icon: "M4 3h12v14H4zM7 7h6M7 10h6M7 13h4",
    key: "K",
    begin(given) {
      viewer = given;
      held = true;
      shown = "";
      dock().show("Header", element("div", { class: "line" }, hdus, search), count, element("div", { class: "scroll" }, table));
      offer();
    },
    end() {
      held = false;
      asking.drop();
      dock().hide();
    },
    shown: () => held && offer(),
    draw() {},
  };
}
