// The ADQL editor: CodeMirror 6 joined to the parameters value, problems and vocabulary.
import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Transaction } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { adqlLanguage, completionSource } from "./editor/adql.js";
import { look } from "./editor/look.js";
import { separated } from "./editor/scope.js";
import { debounce, element, gesture } from "./parts/kit.js";

const TYPING_PAUSE = 150; // ms without a key before Python hears of the text

export function render({ model, el }) {
  const root = element("div", { class: "tv-editor" });
  root.style.cssText = "width:100%;height:100%;min-height:60px";
  const language = new Compartment();
  const words = new Compartment();

  const tell = debounce(() => {
    model.value = view.state.doc.toString();
  }, TYPING_PAUSE);

  const ask = () => {
    closeCompletion(view); // a list left open would lie over the result's own buttons
    tell.now();
    gesture(model, "ask", { text: view.state.doc.toString() });
    return true;
  };

  const completion = () =>
    autocompletion({ override: [completionSource(model.vocabulary)], maxRenderedOptions: 80, icons: false });

  const view = new EditorView({
    parent: root,
    root: el.getRootNode(),
    state: EditorState.create({
      doc: model.value,
      extensions: [
        keymap.of([
          { key: "Mod-Enter", run: ask, preventDefault: true },
          { key: "Ctrl-Enter", run: ask, preventDefault: true },
        ]),
        lineNumbers(),
        lintGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection({ cursorBlinkRate: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1200 }),
        EditorState.allowMultipleSelections.of(true),
        indentUnit.of("  "),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        search({ top: true }),
        placeholder(model.placeholder),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": model.label, spellcheck: "false" }),
        language.of(adqlLanguage(model.vocabulary)),
        words.of(completion()),
        look,
        keymap.of([
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...completionKeymap,
          ...lintKeymap,
          indentWithTab, // Escape, then Tab leaves the editor
        ]),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          const fromPython = update.transactions.some((t) => t.annotation(Transaction.remote));
          if (!fromPython) tell();
        }),
        EditorView.domEventHandlers({
          blur: () => {
            tell.now();
          },
        }),
      ],
    }),
  });

  const showProblems = () => {
    view.dispatch(setDiagnostics(view.state, diagnostics(view.state.doc, model.problems)));
  };

  model.on("value", () => {
    const now = view.state.doc.toString();
    if (model.value === now) return;
    tell.cancel();
    view.dispatch({
      changes: { from: 0, to: now.length, insert: model.value },
      selection: { anchor: Math.min(view.state.selection.main.anchor, model.value.length) },
      annotations: Transaction.remote.of(true),
    });
    showProblems();
  });
  model.on("problems", showProblems);
  model.on("vocabulary", () => {
    view.dispatch({
      effects: [
        language.reconfigure(adqlLanguage(model.vocabulary)),
        words.reconfigure(completion()),
      ],
    });
  });
  model.on("msg:custom", (message) => {
    if (typeof message?.insert !== "string") return;
    const chosen = view.state.selection.main;
    const { from, insert } = chosen.empty
      ? separated(view.state.doc.sliceString(0, chosen.from), message.insert)
      : { from: chosen.from, insert: message.insert };
    view.dispatch({
      changes: { from, to: chosen.to, insert },
      selection: { anchor: from + insert.length },
      scrollIntoView: true,
      userEvent: "input.paste",
    });
    tell.now();
    view.focus();
  });
  model.on("remove", () => {
    tell.now();
    view.destroy();
  });
  showProblems();
  return root;
}

// CodeMirror's marks from Python's problems; positions outside the text are brought inside.
function diagnostics(doc, problems) {
  return problems
    .map((problem) => {
      const line = doc.line(Math.min(Math.max(problem.line || 1, 1), doc.lines));
      const from = Math.min(line.from + Math.max((problem.column || 1) - 1, 0), line.to);
      const length = problem.line ? Math.max(problem.length || 1, 1) : line.length;
      const to = Math.min(from + length, doc.length);
      const severity = ["error", "warning", "info"].includes(problem.severity) ? problem.severity : "error";
      return { from, to, severity, message: String(problem.message ?? "") };
    })
    .sort((a, b) => a.from - b.from);
}
