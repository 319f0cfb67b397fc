// Tables that sort by a column, a hint where they scroll, and pictures that can be saved.
"use strict";

const MINUS = /^worse by/;

function valueOf(cell) {
  const text = cell.textContent.replaceAll(",", "");
  const number = parseFloat(text.replace(/^[^0-9+.-]*/, ""));
  return MINUS.test(text) ? -number : number;
}

function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const rises = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    text: row.cells[column].textContent,
    value: column === 0 ? NaN : valueOf(row.cells[column]),
  }));
  const isText = rows.every(({ value }) => Number.isNaN(value));
  const sign = rises ? 1 : -1;
  rows.sort((a, b) => {
    if (isText) return sign * a.text.localeCompare(b.text, "en", { numeric: true });
    if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number.isNaN(a.value) - Number.isNaN(b.value); // last
    return sign * (a.value - b.value);
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent || "name";
    button.addEventListener("click", () => sortBy(table, column));
    heading.replaceChildren(button);
  });
}

function showHints() {
  for (const scroll of document.querySelectorAll(".scroll")) {
    scroll.nextElementSibling.querySelector(".hint").hidden = scroll.scrollWidth <= scroll.clientWidth;
  }
}
showHints();
window.addEventListener("resize", showHints);

for (const figure of document.querySelectorAll("figure:has(> img)")) {
  const links = [...figure.querySelectorAll("img")].map((image, i, all) => {
    const link = document.createElement("a");
    link.href = image.src;
    link.download = image.dataset.file;
    link.textContent = all.length > 1 ? `PNG ${i + 1}` : "PNG";
    return link;
  });
  const line = document.createElement("p");
  line.className = "under";
  line.append("Save as ", ...links);
  figure.append(line);
}
