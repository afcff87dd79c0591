// Into the clipboard: a cell as it stands, or whole rows as the server writes them, every digit of them.
import { joined } from "./pages.js";

export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(await text);
  // Pages that did not come by https have no clipboard of their own.
  const area = Object.assign(document.createElement("textarea"), { value: await text });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser does not let this page copy.");
}

// Tab-separated text with a header line: of the rows with these numbers, or of the selected ones when none is named.
export async function copyRows(model, numbers) {
  const asked = fetchText(joined(model.url, `copy=1&layout=${model.layout}&rows=${numbers.join()}`));
  if (navigator.clipboard?.write && window.ClipboardItem) {
    // The promise goes in: some browsers let a page write only while it handles the key itself.
    const blob = asked.then((text) => new Blob([text], { type: "text/plain" }));
    await Promise.all([asked, navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })])]);
  } else await copyText(asked);
  return (await asked).split("\n").length - 1;
}

async function fetchText(address) {
  const response = await fetch(address);
  if (response.ok) return response.text();
  const said = await response.json().catch(() => ({}));
  throw new Error([said.message, said.hint].filter(Boolean).join(" ") || `Nothing was copied (status ${response.status}).`);
}
