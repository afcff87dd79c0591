// What the user has put on the images: regions, rulers, lines and points. One list for all tools of a viewer.
import { keepOn, shapeOn } from "./shapes.js";

const PLAIN = { text: "", color: "green", width: 1, dash: false, symbol: "boxcircle", include: true, tags: [] };
export const MOST = 5000; // as many as a region file may have

// `group` says whose a mark is: "region", "ruler", "profile", "point".
export class Marks {
  constructor() {
    this.list = [];
    this.selected = 0;
    this.hidden = new Set(); // groups
    this.serial = 0;
    this.watchers = [];
  }

  // Calls `run(what)` after each change: "list", "selected" or "moving" while a hand still holds a mark.
  watch(run) {
    this.watchers.push(run);
  }

  tell(what) {
    for (const run of this.watchers) run(what);
  }

  of(group) {
    return this.list.filter((mark) => mark.group === group);
  }

  get current() {
    return this.list.find((mark) => mark.id === this.selected) ?? null;
  }

  // Puts a shape of an image into the list; null when the list is full.
  add(group, shape, image, more = {}, quiet = false) {
    if (this.list.length >= MOST) return null;
    const mark = { ...PLAIN, ...more, id: ++this.serial, group, kind: shape.kind, ...keepOn(shape, image) };
    this.list.push(mark);
    if (!quiet) {
      this.selected = mark.id;
      this.tell("list");
    }
    return mark;
  }

  // Gives a mark another shape, seen on an image.
  put(mark, shape, image, what = "moving") {
    Object.assign(mark, keepOn(shape, image));
    this.tell(what);
  }

  change(mark, parts) {
    Object.assign(mark, parts);
    this.tell("list");
  }

  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.tell("selected");
  }

  remove(test) {
    const before = this.list.length;
    this.list = this.list.filter((mark) => !test(mark));
    if (!this.current) this.selected = 0;
    if (this.list.length !== before) this.tell("list");
  }

  hide(group, hidden) {
    if (hidden) this.hidden.add(group);
    else this.hidden.delete(group);
    this.tell("list");
  }

  // [mark, shape] of those that are seen on an image.
  on(image, group) {
    if (this.hidden.has(group)) return [];
    return this.of(group).flatMap((mark) => {
      const shape = shapeOn(mark, image);
      return shape ? [[mark, shape]] : [];
    });
  }
}
