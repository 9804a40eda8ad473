// The page's behaviour: says what was done to the server, fetches what changed and puts it in its place.
import { Suggestions, putBack, searchField, typedIn, valueOf, valuesOf } from "./fields.js";

const $ = (query, root = document) => root.querySelector(query);
const token = $("meta[name=okaeri-token]").content;
const body = document.body.dataset;
const where = { as: body.as, tab: body.tab, room: body.room, lang: body.lang };
const shown = new Map();
let mark = body.mark;
let turn = 0;

// --- the server ---------------------------------------------------------------------------------

const address = (name, more = {}) => `/playground/${name}?${new URLSearchParams({ ...where, ...more })}`;

async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { "X-Okaeri-Token": token, ...options.headers } });
  if (answer.status === 403) location.reload(); // the playground was started anew
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Do something; true if it went well. What the server tells is shown as a toast. */
async function act(name, what = {}, options = {}) {
  document.body.classList.add("acting");
  let answer;
  try {
    answer = await ask(address(name), { method: "POST", body: JSON.stringify(what), ...options });
    if (answer.told) toast(answer.told, answer.ok);
  } catch {
    toast(body.away, false);
  } finally {
    document.body.classList.remove("acting");
  }
  return answer;
}

async function actAndShow(name, what, options) {
  const answer = await act(name, what, options);
  await refresh();
  return Boolean(answer?.ok);
}

async function refresh() {
  const mine = ++turn;
  const asked = JSON.stringify(where);
  const scene = await ask(address("scene")).catch(() => null);
  if (!scene) return false;
  if (mine !== turn || asked !== JSON.stringify(where)) return true; // somebody went elsewhere meanwhile
  mark = scene.mark;
  Object.assign(where, scene.where);
  Object.assign(body, scene.where);
  history.replaceState(null, "", `/?${new URLSearchParams(where)}`);
  Object.entries(scene.parts).forEach(([name, html]) => put(name, html));
  return true;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function follow() {
  for (;;) {
    try {
      await ask(address("changes", { mark }));
      if (!(await refresh())) await pause(2000);
    } catch {
      await pause(2000);
    }
  }
}

// --- putting parts in their place ---------------------------------------------------------------

function put(name, html) {
  const spot = $(`#${name}`);
  if (shown.get(name) === html) return;
  shown.set(name, html);
  if (name === "dialog") putDialog(spot, html);
  else if (name === "stage") putStage(spot, html);
  else spot.innerHTML = html;
  if (name === "people") searchPeople();
  if (name === "clock") keepTravelAhead();
  if (name === "composer") readyComposer();
}

let stageKey = "";

function putStage(spot, html) {
  const key = `${where.as}|${where.tab}|${where.room}`;
  const atEnd = spot.scrollHeight - spot.scrollTop - spot.clientHeight < 80;
  const open = new Map([...spot.querySelectorAll("details[data-mail]")].map((one) => [one.dataset.mail, one.open]));
  const count = spot.querySelectorAll("[data-ts]").length;
  const focused = spot.contains(document.activeElement) && document.activeElement !== spot;
  spot.innerHTML = html;
  for (const mail of spot.querySelectorAll("details[data-mail]")) {
    if (key === stageKey && open.has(mail.dataset.mail)) mail.open = open.get(mail.dataset.mail);
  }
  const grew = spot.querySelectorAll("[data-ts]").length > count;
  if (where.tab !== "mail" && where.room !== "home" && (key !== stageKey || atEnd || grew)) {
    spot.scrollTop = spot.scrollHeight;
  } else if (key !== stageKey) {
    spot.scrollTop = 0;
  }
  readySearches(spot);
  if (focused) spot.focus({ preventScroll: true });
  stageKey = key;
}

function putDialog(spot, html) {
  const before = $("dialog", spot);
  const typed = before ? typedIn(before) : new Map();
  const focus = before?.contains(document.activeElement) ? document.activeElement.id : "";
  const scroll = before ? $(".inside", before).scrollTop : 0;
  spot.innerHTML = html;
  const dialog = $("dialog", spot);
  if (!dialog) return;
  const same = before?.dataset.view === dialog.dataset.view;
  if (same) putBack(dialog, typed);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    actAndShow("closes", { view: dialog.dataset.view });
  });
  dialog.showModal();
  readySearches(dialog);
  if (same) $(".inside", dialog).scrollTop = scroll;
  const wrong = $(".wrong input, .wrong textarea, .wrong select", dialog);
  const first = $(".inside input:not([type=hidden]), .inside textarea, .inside select", dialog);
  (wrong ?? (focus ? document.getElementById(focus) : null) ?? first ?? $(".button.primary", dialog))?.focus();
}

function readySearches(root) {
  for (const box of root.querySelectorAll("[data-search]")) {
    if (box.tagName === "LI") continue;
    const place = placeOf(box);
    const seek = async (query) => (await act("seeks", { ...place, action: box.dataset.action, query }))?.options;
    searchField(box, seek, () => changed(box), body.nothing);
  }
}

function toast(words, good) {
  const note = document.createElement("p");
  note.className = good ? "toast good" : "toast";
  note.dataset.testid = "toast";
  note.textContent = words;
  const modal = $("dialog[open]"); // a dialog lies above everything else, so its toasts must lie in it
  const home = modal ? (modal.querySelector(".toasts") ?? modal.appendChild(Object.assign(document.createElement("div"), { className: "toasts", role: "alert" }))) : $("#toasts");
  home.append(note);
  setTimeout(() => note.remove(), good ? 3500 : 6000);
}

/** The date one may travel to is never in the past. */
function keepTravelAhead() {
  const today = $("#clock time").getAttribute("datetime").slice(0, 10);
  const date = $("#travel-date");
  date.min = today;
  if (date.value < today) date.value = today;
}

// --- going somewhere ----------------------------------------------------------------------------

async function go(change) {
  Object.assign(where, change);
  if (where.room === "home" && where.tab !== "mail") await act("home");
  await refresh();
}

function searchPeople() {
  const query = $("#people-search").value.trim().toLowerCase();
  let any = false;
  for (const group of document.querySelectorAll("#people .group")) {
    const rows = [...group.querySelectorAll("li")];
    rows.forEach((row) => { row.hidden = !row.dataset.search.includes(query); });
    group.hidden = rows.every((row) => row.hidden);
    any ||= !group.hidden;
  }
  $("#people-none").hidden = any || !query;
}

// --- acting -------------------------------------------------------------------------------------

function placeOf(element) {
  const spot = element.closest("[data-ts], [data-view]");
  return { ts: spot?.dataset.ts ?? null, view: spot?.dataset.view ?? null };
}

function confirmed(json) {
  if (!json) return Promise.resolve(true);
  const words = JSON.parse(json);
  const dialog = $("#confirm");
  const [no, yes] = dialog.querySelectorAll("button");
  $("h2", dialog).textContent = words.title;
  $("p", dialog).textContent = words.text;
  no.textContent = words.deny || dialog.dataset.no;
  yes.textContent = words.confirm || dialog.dataset.yes;
  yes.classList.toggle("danger", words.style === "danger");
  dialog.showModal();
  return new Promise((resolve) => {
    no.onclick = () => dialog.close("no");
    yes.onclick = () => dialog.close("yes");
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.returnValue = "no";
  });
}

async function press(button) {
  if (!(await confirmed(button.dataset.confirm))) return;
  button.setAttribute("aria-busy", "true");
  const { action, value } = button.dataset;
  const done = await actAndShow("presses", { ...placeOf(button), action, value, values: typedNear(button) });
  button.removeAttribute("aria-busy");
  if (done && where.tab === "company" && chosenGroup() === "leaver") step("answer");
}

/** What is typed in the dialog around an element: Slack sends it along with every press in a modal. */
function typedNear(element) {
  const dialog = element.closest("#dialog dialog");
  return dialog ? valuesOf(dialog) : null;
}

/** A choice outside a form, or in a field whose changes the app wants to hear of. */
function changed(element) {
  const spot = element.closest("[data-live], [data-dispatch]");
  if (!spot) return;
  const what = { action: spot.dataset.action, selected: valueOf(spot), values: typedNear(spot) };
  actAndShow("presses", { ...placeOf(spot), ...what });
}

async function submit(form) {
  const dialog = form.closest("dialog");
  const button = $("footer .primary", form);
  if (!button || button.disabled) return;
  button.disabled = true;
  const done = await actAndShow("submits", { view: dialog.dataset.view, values: valuesOf(dialog) });
  button.disabled = false;
  if (done && where.tab === "company" && chosenGroup() === "leaver") step("answer");
}

async function travel(what) {
  const clock = $(".clock");
  const buttons = [...clock.querySelectorAll("button")];
  buttons.forEach((one) => { one.disabled = true; });
  $("#busy").hidden = false;
  await actAndShow(what === "settle" ? "settle" : "travel", what === "settle" ? {} : what);
  buttons.forEach((one) => { one.disabled = false; });
  $("#busy").hidden = true;
}

async function drop(file) {
  if (!file) return;
  const headers = { "X-File-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" };
  if (await actAndShow("drop", {}, { body: file, headers })) step("drop");
}

// --- the composer -------------------------------------------------------------------------------

let suggestions = null;

function readyComposer() {
  const input = $("#says");
  const list = $("#suggestions");
  suggestions = input && new Suggestions(input, list, (item) => {
    input.value = `${item.dataset.command} `;
    input.focus();
    suggest(input, list);
  });
  if (!input) return;
  input.addEventListener("input", () => suggest(input, list));
  input.addEventListener("focus", () => suggest(input, list));
  input.addEventListener("blur", () => setTimeout(() => suggestions.show(false), 150));
  input.addEventListener("keydown", (event) => suggestions.key(event));
  readyFinder();
}

/** The message extension: looks somebody up as one types, and puts the chosen card into the conversation. */
function readyFinder() {
  const box = $("[data-extension]");
  if (!box) return;
  let none = body.nothing;
  const seek = async (query) => {
    const answer = await act("extension", { query });
    none = answer?.none || body.nothing;
    return answer?.options;
  };
  const insert = async () => {
    const result = $("[data-value]", box).value;
    box.closest("details").open = false;
    box.querySelectorAll("input").forEach((one) => { one.value = ""; });
    if (await actAndShow("insert", { result })) step("find");
  };
  searchField(box, seek, insert, () => none);
  box.closest("details").addEventListener("toggle", (event) => { if (event.target.open) $("[role=combobox]", box).focus(); });
}

/** A command from the menu stands in the composer, ready for what comes after it. */
function typeInto(command) {
  const input = $("#says");
  input.value = `${command} `;
  input.focus();
}

function suggest(input, list) {
  const [first, ...rest] = input.value.split(/[ 　]/);
  const whole = rest.length > 0;
  const items = [...list.children];
  for (const item of items) {
    const { command } = item.dataset;
    const begun = body.chat === "slack" ? first.startsWith("/") : first !== "" && first !== command;
    item.hidden = !begun || !(whole ? command === first : command.startsWith(first));
    item.setAttribute("aria-disabled", String(whole));
  }
  suggestions.show(items.some((item) => !item.hidden));
}

async function says(form) {
  const input = form.elements.text;
  const text = input.value.trim();
  if (!text) return;
  input.value = "";
  suggestions.show(false);
  const answer = await act("says", { text });
  await refresh();
  if (!answer) input.value = text;
  if (answer?.ok && /^(\/alumni[ 　]+)?(find|探す)/u.test(text)) step("find");
}

// --- the guide ----------------------------------------------------------------------------------

const chosenGroup = () => $("#people [aria-current]")?.closest("[data-group]")?.dataset.group;

/** The steps taken since this start of the playground, in all its windows. */
function stepsTaken() {
  const kept = JSON.parse(localStorage.getItem("okaeri-guide") ?? "{}");
  return new Set(kept.start === token ? kept.done : []);
}

function step(name) {
  const done = stepsTaken();
  if (name) done.add(name);
  if (name) localStorage.setItem("okaeri-guide", JSON.stringify({ start: token, done: [...done] }));
  for (const item of document.querySelectorAll("[data-step]")) {
    item.classList.toggle("done", done.has(item.dataset.step));
  }
  $("#guide").hidden = done.has("hidden");
}

// --- listening ----------------------------------------------------------------------------------

const CLICKS = [
  ["[data-press]", (one, event) => { if (one.tagName !== "A") event.preventDefault(); press(one); }],
  ["[data-closes]", (one) => actAndShow("closes", { view: one.closest("dialog").dataset.view })],
  ["#people [data-as], #leavers [data-as]", (one) => go({ as: one.dataset.as, room: "messages" })],
  ["[data-tab][role=tab]", (one) => go({ tab: one.dataset.tab, room: "messages" })],
  ["button[data-room]", (one) => go({ room: one.dataset.room })],
  ["[data-travel]", (one) => travel(one.dataset.travel === "next" ? { next: true } : { by: Number(one.dataset.travel) })],
  ["[data-settle]", () => travel("settle")],
  ["[data-example]", async () => { if (await actAndShow("example")) step("drop"); }],
  ["[data-command-into]", (one) => { one.closest("details").open = false; typeInto(one.dataset.commandInto); }],
  ["[data-install]", () => actAndShow("install")],
  ["[data-beside]", (one) => { one.href = `${new URL(one.href).origin}/?${new URLSearchParams({ as: where.as, tab: where.tab, lang: where.lang })}`; }],
  ["[data-shortcut]", (one) => { one.closest("details").open = false; actAndShow("shortcut", { callback: one.dataset.shortcut }); }],
  ["[data-hide-guide]", () => step("hidden")],
  ["[data-language]", (one) => { location.search = new URLSearchParams({ ...where, lang: one.dataset.language }); }],
  ["[data-shape]", (one) => shape(one)],
];

function shape(button) {
  const letter = button.closest(".letter");
  const html = button.dataset.shape === "html";
  const frame = $("iframe", letter);
  if (html && !frame.src) frame.src = frame.dataset.src;
  frame.hidden = !html;
  $(".text", letter).hidden = html;
  letter.querySelectorAll("[data-shape]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
}

document.addEventListener("click", (event) => {
  for (const [query, run] of CLICKS) {
    const found = event.target.closest(query);
    if (found) { run(found, event); return; }
  }
});

document.addEventListener("mousedown", (event) => {
  const item = event.target.closest("#suggestions [role=option]");
  if (!item) return;
  event.preventDefault();
  if (item.getAttribute("aria-disabled") !== "true") suggestions.choose(item);
});

document.addEventListener("change", (event) => {
  if (event.target.id === "drop-file") {
    drop(event.target.files[0]);
    event.target.value = "";
  } else if (!event.target.closest("[data-search]")) {
    changed(event.target);
  }
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.matches("[data-submits]")) submit(form);
  if (form.matches("[data-says]")) says(form);
  if (form.matches("[data-travel-form]")) travel({ to: `${form.elements.date.value}T${form.elements.time.value}` });
});

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const tabs = [...tab.parentElement.children];
  const next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
  go({ tab: next.dataset.tab, room: "messages" }).then(() => $(`[data-tab=${next.dataset.tab}][role=tab]`)?.focus());
});

$("#people-search").addEventListener("input", searchPeople);
for (const kind of ["dragover", "dragleave", "drop"]) {
  window.addEventListener(kind, (event) => {
    const target = event.target.closest?.("[data-drop]");
    $("[data-drop]").classList.toggle("over", kind === "dragover" && Boolean(target));
    event.preventDefault();
    if (kind === "drop" && target) drop(event.dataTransfer.files[0]);
  });
}

window.addEventListener("storage", () => step());
step(new URLSearchParams(location.search).has("joined") ? "join" : "");
refresh().then(() => { document.body.dataset.ready = "yes"; follow(); });
