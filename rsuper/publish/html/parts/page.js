"use strict";
// Without this script everything is shown, unsorted; it adds buttons that sort, choose and hide.

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const toggle = (text, pressed, act) => {
  const button = make("button", { type: "button", textContent: text });
  button.setAttribute("aria-pressed", pressed);
  button.addEventListener("click", () => act(button));
  return button;
};

// Tables: a click sorts, a second one turns the order, a third brings back the table's own.
const ORDERS = ["ascending", "descending", "none"];
const valueOf = (cell) => (cell.dataset.order === undefined ? null : Number(cell.dataset.order));

function compare(a, b, sign) {
  const [left, right] = [valueOf(a), valueOf(b)];
  const [blankLeft, blankRight] = [a.textContent.trim() === "", b.textContent.trim() === ""];
  if (blankLeft || blankRight) return blankLeft - blankRight; // blanks are last, whatever the order
  if (left !== null && right !== null) return sign * (left - right);
  return sign * a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const own = [...body.rows];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort") || "none";
      const next = ORDERS[(ORDERS.indexOf(now) + 1) % ORDERS.length];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      const sign = next === "descending" ? -1 : 1;
      const rows = next === "none" ? own : [...own].sort((a, b) => compare(a.cells[column], b.cells[column], sign));
      if (next !== "none") head.setAttribute("aria-sort", next);
      body.append(...rows);
      table.classList.toggle("sorted", next !== "none");
    });
  });
}

const MANY = 20; // rows from which on a table gets a field to search in

function makeSearchable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < MANY) return;
  const field = make("input", { type: "search" });
  const found = make("output");
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
    found.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
  });
  const label = make("label", {}, "Only rows with ", field);
  table.closest(".scroll").before(make("p", { className: "choice" }, label, found));
}

function makeTabs(box) {
  const parts = [...box.querySelectorAll(":scope > [data-tab]")];
  if (parts.length < 2) return;
  const group = make("div", { className: "choice" });
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", box.dataset.label);
  group.append(make("span", { textContent: `${box.dataset.label}:` }));
  const show = (shown) => parts.forEach((part) => { part.hidden = part !== shown; });
  const buttons = parts.map((part, index) =>
    toggle(part.dataset.tab, index === 0, (pressed) => {
      show(part);
      buttons.forEach((button) => button.setAttribute("aria-pressed", button === pressed));
    }));
  group.append(...buttons);
  box.prepend(group);
  show(parts[0]);
}

function makeBrowser(browser) {
  const panels = [...browser.querySelectorAll(".panel")];
  if (!panels.length) return;
  const choice = make("div", { className: "choice" });
  const filters = {};
  const apply = () => {
    for (const panel of panels) {
      panel.hidden = Object.entries(filters).some(([name, wanted]) => wanted && panel.dataset[name] !== wanted);
    }
  };
  for (const name of ["target", "kind"]) {
    const values = [...new Set(panels.map((panel) => panel.dataset[name]))];
    const select = make("select", {}, make("option", { value: "", textContent: "all" }),
      ...values.map((value) => make("option", { value, textContent: value })));
    select.addEventListener("change", () => { filters[name] = select.value; apply(); });
    choice.append(make("label", {}, `${name} `, select));
  }
  for (const layer of ["truth", "prediction", "ball"]) {
    choice.append(toggle(layer, true, (button) => {
      const hidden = browser.classList.toggle(`without-${layer}`);
      button.setAttribute("aria-pressed", !hidden);
    }));
  }
  browser.prepend(choice);
}

document.querySelectorAll("table.grid").forEach((table) => { makeSortable(table); makeSearchable(table); });
document.querySelectorAll(".tabs").forEach(makeTabs);
makeBrowser(document.getElementById("browser"));
