// The explorer: a map of training latents with samples on it, and the images of the chosen sample.
// All that it shows is in the JSON of its section: see report/explorer.py.
"use strict";

const NUMBERS = {
  frechet_distance: "Frechet distance (lower is better)",
  nn_ratio: "nn ratio (1 = fresh, 0 = copies)",
  membership_auc: "membership AUC (0.5 = fresh)",
};
const PICTURES = {
  images: "sample",
  decoded: "nearest training latent, decoded",
  originals: "its training image",
};
const STEPS = 1000; // along a side of a map

const colour = (place, n) => (place < 0 ? "var(--quiet)" : `hsl(${Math.round((360 * place) / n)} 65% 55%)`);

class Explorer {
  constructor(section) {
    this.section = section;
    this.data = JSON.parse(section.querySelector("script").textContent);
    this.form = section.querySelector("form");
    this.svg = section.querySelector("svg");
    this.chosen = null;
    this.fillForm();
    this.makePictures();
    this.form.addEventListener("input", () => this.update());
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
    this.update();
  }

  // The choices: samplers, classes, novelties of the sampler, maps.
  fillForm() {
    const { sampler, map } = this.form.elements;
    const samplers = [...new Set(this.data.sets.map((set) => set.sampler))];
    sampler.replaceChildren(...samplers.map((name) => new Option(name)));
    this.form.elements.class.replaceChildren(new Option("all", ""), ...this.data.classes.map((name) => new Option(name)));
    map.replaceChildren(...Object.keys(this.data.maps).map((name) => new Option(name.toUpperCase(), name)));
    map.parentElement.hidden = map.options.length < 2;
    this.form.elements.novelty.value = 0;
  }

  makePictures() {
    this.contexts = {};
    const pictures = this.section.querySelector(".pictures");
    const [width, height] = this.data.size;
    for (const [name, uri] of Object.entries(this.data.sheets)) {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      const caption = document.createElement("figcaption");
      Object.assign(canvas, { width, height, className: name });
      canvas.setAttribute("role", "img");
      caption.textContent = PICTURES[name];
      figure.append(canvas, caption);
      pictures.append(figure);
      const sheet = new Image();
      sheet.addEventListener("load", () => this.show(this.chosen));
      sheet.src = uri;
      this.contexts[name] = { canvas, sheet };
    }
  }

  // The set that the form chooses, and which of its samples are of the chosen class.
  update() {
    const { sampler, novelty, asked } = this.form.elements;
    const sets = this.data.sets.filter((set) => set.sampler === sampler.value);
    if (this.sampler !== sampler.value) {
      this.sampler = sampler.value;
      const fresh = sets.findIndex((set) => set.novelty === 1);
      novelty.max = sets.length - 1;
      novelty.value = Math.max(0, fresh);
    }
    novelty.disabled = sets.length < 2;
    this.set = sets[novelty.value];
    asked.value = this.set.novelty === null ? "not to be chosen" : this.set.novelty.toFixed(2);
    const place = this.data.sets.indexOf(this.set);
    const inSet = this.data.set.flatMap((of, i) => (of === place ? [i] : []));
    const hasClasses = inSet.some((i) => this.data.class[i] >= 0);
    const select = this.form.elements.class;
    select.disabled = !hasClasses;
    if (!hasClasses) select.value = "";
    this.shown = inSet.filter((i) => select.value === "" || this.data.classes[this.data.class[i]] === select.value);
    this.showNumbers(this.set.numbers[select.value] ?? {});
    this.draw();
    this.show(this.shown[0]);
  }

  showNumbers(numbers) {
    const entries = Object.entries(NUMBERS).map(([name, label]) => {
      const entry = document.createElement("div");
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = label;
      value.textContent = numbers[name] == null ? "too few images" : numbers[name].toPrecision(3);
      value.className = name;
      entry.append(term, value);
      return entry;
    });
    this.section.querySelector(".numbers").replaceChildren(...entries);
  }

  // The map: one path of dots for each class, and a ring for each sample.
  draw() {
    const { train, samples } = this.data.maps[this.form.elements.map.value];
    const n = this.data.classes.length;
    const name = this.form.elements.class.value;
    const parts = new Map();
    train.forEach(([x, y], i) => {
      const of = this.data.trainClass[i];
      parts.set(of, (parts.get(of) ?? "") + `M${x} ${STEPS - y}h0`);
    });
    const paths = [...parts].map(([of, d]) => {
      const path = this.shape("path", { d });
      path.style.stroke = colour(of, n);
      path.classList.toggle("other", name !== "" && this.data.classes[of] !== name);
      return path;
    });
    this.points = new Map(this.shown.map((i) => [i, { x: samples[i][0], y: STEPS - samples[i][1] }]));
    const rings = [...this.points].map(([i, { x, y }]) => {
      const ring = this.shape("circle", { cx: x, cy: y, r: 12, "data-sample": i });
      for (const event of ["click", "pointerenter"]) ring.addEventListener(event, () => this.show(i));
      return ring;
    });
    this.marker = this.shape("circle", { class: "chosen", r: 14 });
    this.svg.replaceChildren(...paths, ...rings, this.marker);
  }

  shape(kind, attributes) {
    const shape = document.createElementNS(this.svg.namespaceURI, kind);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    return shape;
  }

  // The images of one sample, and its distance ratio.
  show(i) {
    if (i === undefined || i === null) return;
    this.chosen = i;
    this.marker.setAttribute("cx", this.points.get(i).x);
    this.marker.setAttribute("cy", this.points.get(i).y);
    const { nearest, ratio, columns, size } = this.data;
    const [width, height] = size;
    for (const [name, { canvas, sheet }] of Object.entries(this.contexts)) {
      const place = name === "images" ? i : nearest[i];
      const [left, top] = [(place % columns) * width, Math.floor(place / columns) * height];
      canvas.dataset.place = place;
      canvas.getContext("2d").drawImage(sheet, left, top, width, height, 0, 0, width, height);
      canvas.setAttribute("aria-label", PICTURES[name]);
    }
    const label = this.data.class[i] < 0 ? "" : `, class ${this.data.classes[this.data.class[i]]}`;
    const said = `Sample ${this.shown.indexOf(i) + 1} of ${this.shown.length}${label}.`;
    const distance = `Its distance to the nearest training latent is ${ratio[i].toFixed(2)} times that of fresh data.`;
    this.section.querySelector(".said").textContent = `${said} ${distance}`;
  }

  // Left and right go from sample to sample by their horizontal place, up and down by their vertical place.
  onKey(event) {
    const steps = { ArrowLeft: ["x", -1], ArrowRight: ["x", 1], ArrowUp: ["y", -1], ArrowDown: ["y", 1] };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const [side, by] = step;
    const order = [...this.shown].sort((a, b) => this.points.get(a)[side] - this.points.get(b)[side]);
    const next = order.indexOf(this.chosen) + by;
    this.show(order[Math.min(Math.max(next, 0), order.length - 1)]);
  }
}

for (const section of document.querySelectorAll(".explorer")) new Explorer(section);
