// What a page must be for who cannot see it well, has no mouse, or only a small screen. Each check runs
// inside the browser and returns sentences about what is wrong. Source: WCAG 2.2 AA (1.3.1 structure,
// 1.4.3 and 1.4.11 contrast, 1.4.10 reflow, 2.4.7 focus, 3.3.1 errors) and, for 44 px, 2.5.5 AAA.
(() => {
  const folded = (node) => node.closest("details:not([open]) > :not(summary)");
  const all = (query) => [...document.querySelectorAll(query)].filter((node) => !folded(node));
  const part = (node) => node.outerHTML.replace(/\s+/g, " ").slice(0, 120);

  // --- colours ----------------------------------------------------------------------------------

  const rgba = (words) => {
    const found = words.match(/[\d.]+/g).map(Number);
    return found.length === 3 ? [...found, 1] : found;
  };
  const over = (front, back) => back.map((c, i) => front[i] * front[3] + c * (1 - front[3]));
  const ground = (node) => {
    if (!node) return [255, 255, 255];
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(node.parentElement));
  };
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };

  function contrast() {
    const wrong = [];
    const measure = (what, node, colour, back, least) => {
      const found = ratio(over(rgba(colour), back), back);
      if (found < least) wrong.push(`${what} ${found.toFixed(2)}: ${part(node)}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); ) {
      const node = text.parentElement;
      if (!text.data.trim() || !node.checkVisibility()) continue;
      measure("contrast", node, getComputedStyle(node).color, ground(node), 4.5);
    }
    for (const node of all("input:not([type=hidden], [type=checkbox], [type=radio]), textarea")) {
      const style = getComputedStyle(node);
      measure("contrast", node, style.color, ground(node), 4.5);
      measure("edge", node, style.borderTopColor, ground(node.parentElement), 3);
    }
    return wrong;
  }

  // --- structure --------------------------------------------------------------------------------

  function shape(language) {
    const wrong = [];
    const say = (what, node) => wrong.push(node ? `${what}: ${part(node)}` : what);
    const words = (node) => node?.innerText.trim() ?? "";
    const label = (node) => node.ariaLabel || [...node.labels].map(words).join("");
    if (document.documentElement.lang !== language) say(`lang is not ${language}`);
    if (!document.title.trim()) say("no title");
    for (const one of ["h1", "main"]) if (all(one).length !== 1) say(`${all(one).length} ${one}`);
    let level = 0;
    for (const node of all("h1, h2, h3, h4, h5, h6")) {
      if (Number(node.localName[1]) > level + 1) say(`a jump from heading ${level}`, node);
      if (!words(node)) say("an empty heading", node);
      level = Number(node.localName[1]);
    }
    for (const node of all("nav:not([aria-label]), img:not([alt])")) say("no name", node);
    for (const node of all("a, button")) if (!(node.ariaLabel || words(node))) say("no words", node);
    for (const node of all("a[aria-label], button[aria-label]")) {
      if (!node.ariaLabel.includes(words(node))) say("is called otherwise than it reads", node);
    }
    for (const node of all("input:not([type=hidden]), textarea, select")) {
      if (!label(node)) say("no label", node);
      const box = ["radio", "checkbox"].includes(node.type);
      if (box && !words(node.closest("fieldset")?.querySelector("legend"))) say("no legend", node);
    }
    const ids = all("[id]").map((node) => node.id);
    for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) say(`${id} twice`);
    for (const node of all("[aria-describedby]")) {
      const told = node.getAttribute("aria-describedby").split(/\s+/);
      if (!told.every((id) => words(document.getElementById(id)))) say("described by nothing", node);
    }
    return [...wrong, ...errors()];
  }

  /** Every error is known to its field, and the summary above leads to that field. */
  function errors() {
    const wrong = [];
    for (const node of all(".error")) {
      const field = all("[aria-invalid=true]").find((one) => one.matches(`[aria-describedby~="${node.id}"]`));
      const way = all(".wrong a").find((one) => one.hash === `#${node.id.replace("e-", "f-")}`);
      const goal = way && document.querySelector(way.hash);
      if (!field || !goal || !field.contains(goal)) wrong.push(`an error without its field: ${part(node)}`);
    }
    return wrong;
  }

  // --- room -------------------------------------------------------------------------------------

  function room() {
    const wrong = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) wrong.push(`scrolls sideways: ${scrollWidth} of ${clientWidth} px`);
    const fields = "input:not([type=hidden], [type=radio], [type=checkbox]), textarea";
    for (const node of all(`button, a.button, nav a, label.option, ${fields}`)) {
      const { width, height } = node.getBoundingClientRect();
      if (Math.min(width, height) < 44) wrong.push(`${width} x ${height} px: ${part(node)}`);
    }
    return wrong;
  }

  /** What paper shows although nobody can press it there. */
  function printed() {
    return all("nav, .skip, .press, .buttons, form.say").filter((node) => node.checkVisibility()).map(part);
  }

  // --- keyboard ---------------------------------------------------------------------------------

  /** Where the tab key should stop, in the order of the document; radio buttons are one stop. */
  function stops() {
    const group = (node) => all(`[type=radio][name="${node.name}"]`);
    const entry = (node) => group(node).find((one) => one.checked) ?? group(node)[0];
    const found = all("a[href], button, input:not([type=hidden]), textarea");
    const reached = found.filter((node) => node.type !== "radio" || node === entry(node));
    return reached.map((node, index) => {
      node.dataset.stop = index;
      return part(node);
    });
  }

  /** Where the keyboard is now, and whether that can be seen. */
  function here() {
    const node = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    const { left, top } = node.getBoundingClientRect();
    const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && left >= 0 && top >= 0;
    return [node.dataset.stop ?? "", seen];
  }

  return { contrast, shape, room, printed, stops, here };
})()
