// How the editor looks: only CSS variables of the theme, so that light and dark need nothing here.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const fg = "var(--tv-fg, #1b1f24)";
const muted = "var(--tv-muted, #656d76)";
const line = "var(--tv-line, #d8dee4)";
const panel = "var(--tv-panel, #ffffff)";
const hover = "var(--tv-hover, #eef3f8)";
const accent = "var(--tv-accent, #0b6bcb)";
const error = "var(--tv-error, #c62828)";
const soft = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;

const theme = EditorView.theme({
  "&": {
    height: "100%",
    color: fg,
    backgroundColor: panel,
    fontSize: "var(--tv-size, 13px)",
  },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--tv-mono, ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace)",
    lineHeight: "1.6",
  },
  ".cm-content": { padding: "8px 0", caretColor: fg },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: fg, borderLeftWidth: "1.5px" },
  ".cm-gutters": { backgroundColor: "transparent", color: muted, border: "none", opacity: 0.85 },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "28px", padding: "0 6px 0 4px" },
  ".cm-gutter-lint": { width: "14px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 2px" },
  ".cm-lint-marker": { width: "9px", height: "9px", borderRadius: "50%", content: "''", marginTop: "6px" },
  ".cm-lint-marker-error": { backgroundColor: error, content: "''" },
  ".cm-lint-marker-warning": { backgroundColor: "var(--tv-warn, #9a6700)", content: "''" },
  ".cm-lint-marker-info": { backgroundColor: accent, content: "''" },
  ".cm-activeLine": { backgroundColor: soft(accent, 5) },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: fg },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: soft(accent, 26),
  },
  ".cm-selectionMatch": { backgroundColor: soft(accent, 14) },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: soft(accent, 18),
    outline: `1px solid ${soft(accent, 55)}`,
    borderRadius: "2px",
  },
  ".cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket": { backgroundColor: soft(error, 20), color: error },
  ".cm-placeholder": { color: muted },
  ".cm-lintRange-error, .cm-lintRange-warning, .cm-lintRange-info": {
    backgroundImage: "none",
    textDecoration: `underline wavy ${error} 1px`,
    textUnderlineOffset: "3px",
  },
  ".cm-lintRange-warning": { textDecorationColor: "var(--tv-warn, #9a6700)" },
  ".cm-lintRange-info": { textDecorationColor: accent },
  ".cm-lintPoint:after": { borderBottomColor: error },
  ".cm-tooltip": {
    backgroundColor: panel,
    color: fg,
    border: `1px solid ${line}`,
    borderRadius: "6px",
    boxShadow: "0 6px 24px rgb(0 0 0 / 18%)",
    overflow: "hidden",
    fontFamily: "var(--tv-font, system-ui, sans-serif)",
    fontSize: "12px",
  },
  ".cm-diagnostic": { padding: "6px 10px", borderLeft: `3px solid ${error}`, maxWidth: "520px" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--tv-warn, #9a6700)" },
  ".cm-diagnostic-info": { borderLeftColor: accent },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "var(--tv-mono, ui-monospace, 'DejaVu Sans Mono', monospace)",
    fontSize: "12.5px",
    maxHeight: "15em",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 10px 2px 6px", lineHeight: "1.5" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: accent, color: "var(--tv-accent-fg, #fff)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { color: muted, fontStyle: "normal", marginLeft: "1em", opacity: 0.9 },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-tooltip.cm-completionInfo": { padding: "6px 10px", maxWidth: "360px" },
  ".cm-panels": { backgroundColor: hover, color: fg, borderColor: line },
  ".cm-panels.cm-panels-top": { borderBottom: `1px solid ${line}` },
  ".cm-panel.cm-search": { fontFamily: "var(--tv-font, system-ui, sans-serif)", fontSize: "12px", padding: "6px 8px" },
  ".cm-panel.cm-search label": { fontSize: "12px", display: "inline-flex", alignItems: "center", gap: "3px" },
  ".cm-panel.cm-search input[type=checkbox]": { margin: "0 0 0 6px", accentColor: accent },
  ".cm-panel.cm-search [name=close]": { color: muted, fontSize: "18px", cursor: "pointer", padding: "2px 8px" },
  ".cm-panel.cm-search .cm-textfield": {
    backgroundColor: panel,
    color: fg,
    border: `1px solid ${line}`,
    borderRadius: "5px",
    padding: "3px 8px",
    fontSize: "12px",
    width: "170px",
  },
  ".cm-panel.cm-search .cm-textfield:focus": { borderColor: accent, outline: `2px solid ${soft(accent, 25)}` },
  ".cm-panel.cm-search .cm-button": {
    backgroundImage: "none",
    backgroundColor: panel,
    color: fg,
    border: `1px solid ${line}`,
    borderRadius: "5px",
    padding: "3px 10px",
    fontSize: "12px",
    cursor: "pointer",
  },
  ".cm-panel.cm-search .cm-button:hover": { borderColor: accent, color: accent },
  ".cm-searchMatch": { backgroundColor: soft("var(--tv-warn, #d29922)", 35) },
  ".cm-searchMatch-selected": { backgroundColor: soft("var(--tv-warn, #d29922)", 65) },
});

const violet = `color-mix(in oklab, ${accent} 52%, ${error})`;
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: accent, fontWeight: "600" },
  { tag: [tags.standard(tags.name), tags.typeName], color: violet },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--tv-ok, #1a7f37)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--tv-warn, #9a6700)" },
  { tag: tags.comment, color: muted, fontStyle: "italic" },
  { tag: [tags.operator, tags.punctuation], color: muted },
]);

export const look = [theme, syntaxHighlighting(colours)];
