// A pad to draw on: strokes of [x, y] in shares of its side go to Python as `value`, and come from there.
const clone = (strokes) => strokes.map((stroke) => stroke.map((point) => [...point]));

function button(text, label, action) {
  const element = document.createElement("button");
  element.className = "jupyter-widgets jupyter-button widget-button";
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.onclick = action;
  return element;
}

function render({ model, el }) {
  const side = model.get("side");
  const canvas = document.createElement("canvas");
  const scale = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(side * scale);
  canvas.className = "nn-drawing-pad";
  canvas.style.width = canvas.style.height = `${side}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "a pad to draw on with mouse, pen or finger");

  let strokes = clone(model.get("value"));
  let current = null;

  const redraw = () => {
    const g = canvas.getContext("2d");
    g.fillStyle = "white";
    g.fillRect(0, 0, canvas.width, canvas.height);
    g.strokeStyle = g.fillStyle = "black";
    g.lineCap = g.lineJoin = "round";
    g.lineWidth = model.get("pen") * canvas.width;
    for (const stroke of strokes) {
      g.beginPath();
      stroke.forEach(([x, y], i) => g[i ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height));
      if (stroke.length === 1) g.lineTo(stroke[0][0] * canvas.width, stroke[0][1] * canvas.height);
      g.stroke();
    }
  };
  const send = () => {
    model.set("value", clone(strokes));
    model.save_changes();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = (at, from, length) => Math.round(1000 * Math.min(1, Math.max(0, (at - from) / length))) / 1000;
    return [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
  };
  const finish = () => {
    if (current) send();
    current = null;
  };
  const change = (strokesNow) => {
    strokes = strokesNow;
    redraw();
    send();
  };

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    current = [place(event)];
    strokes.push(current);
    redraw();
  };
  canvas.onpointermove = (event) => {
    if (!current) return;
    current.push(place(event));
    redraw();
    send();
  };
  canvas.onpointerup = canvas.onpointercancel = finish;

  const fromPython = () => {
    if (current) return;
    strokes = clone(model.get("value"));
    redraw();
  };
  model.on("change:value", fromPython);
  model.on("change:pen", redraw);

  const buttons = document.createElement("div");
  buttons.append(
    button("Undo", "take the last stroke back", () => change(strokes.slice(0, -1))),
    button("Clear", "clear the pad", () => change([])),
  );
  el.append(canvas, buttons);
  redraw();
  return () => {
    model.off("change:value", fromPython);
    model.off("change:pen", redraw);
  };
}

export default { render };
