// The fields of modals: reading what was typed, putting it back, and searching as one types.

/** The value of one field element: a text, a list of texts, or null when it is empty. */
export function valueOf(field) {
  if (field.dataset.kind === "choices") {
    return [...field.querySelectorAll("input:checked")].map((tick) => tick.value);
  }
  if (field.querySelector("input[type=radio]")) {
    return field.querySelector("input:checked")?.value ?? null;
  }
  const found = field.querySelector("[data-search] [data-value]");
  if (found) {
    const label = field.querySelector("[role=combobox]").value;
    return found.value ? { value: found.value, text: { type: "plain_text", text: label } } : null;
  }
  const one = field.querySelector("input, textarea, select");
  return one?.value ? one.value : null;
}

/** Everything typed in a dialog, by block id. */
export function valuesOf(dialog) {
  const fields = [...dialog.querySelectorAll("[data-field]")];
  return Object.fromEntries(fields.map((field) => [field.dataset.block, valueOf(field)]));
}

/** What stands in every field, for putting it back when the dialog is drawn again. */
export function typedIn(dialog) {
  return new Map([...dialog.querySelectorAll("[data-field]")].map((field) => [
    `${field.dataset.block}\n${field.dataset.action}`,
    [...field.querySelectorAll("input, textarea, select")].map((one) => [one.value, one.checked]),
  ]));
}

/** Put typed values back into the fields that are still the same. */
export function putBack(dialog, typed) {
  for (const field of dialog.querySelectorAll("[data-field]")) {
    const before = typed.get(`${field.dataset.block}\n${field.dataset.action}`);
    const inputs = [...field.querySelectorAll("input, textarea, select")];
    if (!before || before.length !== inputs.length) continue;
    inputs.forEach((one, index) => {
      const [value, checked] = before[index];
      if (one.type === "radio" || one.type === "checkbox") {
        if (one.value === value) one.checked = checked;
      } else {
        one.value = value;
      }
    });
  }
}

/** A list under an input in which one moves with the arrow keys; `choose` gets the chosen item. */
export class Suggestions {
  constructor(input, list, choose) {
    this.input = input;
    this.list = list;
    this.choose = choose;
    this.at = -1;
  }

  get items() {
    return [...this.list.querySelectorAll("[role=option]:not([hidden]):not([aria-disabled=true])")];
  }

  show(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    this.point(-1);
  }

  point(at) {
    const items = this.items;
    this.at = items.length ? (at + items.length) % items.length : -1;
    if (at < 0 && this.at >= 0 && at !== -2) this.at = -1;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === this.at)));
    const active = items[this.at];
    if (active?.id) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  /** Whether the key was used up by the list. */
  key(event) {
    if (this.list.hidden || event.isComposing || !this.items.length) return false;
    if (event.key === "ArrowDown") this.point(this.at + 1);
    else if (event.key === "ArrowUp") this.point(this.at <= 0 ? this.items.length - 1 : this.at - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && this.at >= 0) this.choose(this.items[this.at]);
    else if (event.key === "Escape") this.show(false);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}

/**
 * Make one search field work; `seek(query)` promises [[value, label], …]; `done` is told of a choice; `nothing` says
 * why there is none, now or when it is asked.
 */
export function searchField(box, seek, done, nothing) {
  const input = box.querySelector("[role=combobox]");
  const hidden = box.querySelector("[data-value]");
  const list = box.querySelector("[role=listbox]");
  const least = Number(box.dataset.least);
  let waiting = 0;
  const suggestions = new Suggestions(input, list, (item) => {
    hidden.value = item.dataset.value;
    input.value = item.textContent;
    suggestions.show(false);
    done();
  });

  const look = async () => {
    const mine = ++waiting;
    const query = input.value.trim();
    if (query.length < least) return suggestions.show(false);
    const options = await seek(query);
    if (mine !== waiting || !options) return undefined;
    list.replaceChildren(...options.map(([value, label], index) => option(list.id, index, value, label)));
    if (!options.length) list.append(empty(typeof nothing === "function" ? nothing() : nothing));
    return suggestions.show(true);
  };

  let timer = 0;
  input.addEventListener("input", () => {
    hidden.value = "";
    clearTimeout(timer);
    timer = setTimeout(look, 180);
  });
  input.addEventListener("focus", () => { if (!hidden.value && least === 0) look(); });
  input.addEventListener("keydown", (event) => suggestions.key(event));
  input.addEventListener("blur", () => setTimeout(() => suggestions.show(false), 150));
  list.addEventListener("mousedown", (event) => {
    const item = event.target.closest("[role=option]:not([aria-disabled])");
    event.preventDefault();
    if (item) suggestions.choose(item);
  });
}

function option(root, index, value, label) {
  const item = document.createElement("li");
  item.id = `${root}-${index}`;
  item.dataset.value = value;
  item.dataset.testid = "search-option";
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.textContent = label;
  return item;
}

function empty(words) {
  const item = document.createElement("li");
  item.className = "none";
  item.setAttribute("role", "option");
  item.setAttribute("aria-disabled", "true");
  item.textContent = words;
  return item;
}
