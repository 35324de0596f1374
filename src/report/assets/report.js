"use strict";
const source = document.getElementById("series");
if (source) {
  const { columns, rows, step } = JSON.parse(source.textContent);
  const charts = [...document.querySelectorAll("svg[data-seconds]")].map((svg) => {
    const [left, right, top, bottom] = svg.dataset.plot.split(" ").map(Number);
    const line = document.createElementNS(svg.namespaceURI, "line");
    line.setAttribute("class", "cross");
    line.setAttribute("y1", top);
    line.setAttribute("y2", bottom);
    line.setAttribute("visibility", "hidden");
    svg.append(line);
    const values = document.createElement("div");
    values.className = "values";
    svg.closest("figure").querySelector(".scroll").after(values);
    const names = JSON.parse(svg.dataset.columns);
    const shown = names.map((name) => [name, columns.indexOf(name)]).filter(([, at]) => at >= 0);
    return { svg, line, values, shown, left, right, seconds: Number(svg.dataset.seconds) };
  });
  let current = null;
  const clock = (second) => {
    const [h, m, s] = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
    return `${h ? h + ":" : ""}${h ? String(m).padStart(2, "0") : m}:${String(s).padStart(2, "0")}`;
  };
  const number = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());
  const show = (row) => {
    current = Math.min(Math.max(row, 0), rows.length - 1);
    for (const { line, values, shown, left, right, seconds } of charts) {
      const x = left + ((right - left) * Math.min((current + 0.5) * step, seconds)) / seconds;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      line.setAttribute("visibility", "visible");
      values.textContent = `at ${clock(current * step)}  `;
      for (const [name, at] of shown) {
        const value = document.createElement("b");
        value.textContent = number(rows[current][at]);
        values.append(name, " ", value);
      }
    }
  };
  const hide = () => {
    current = null;
    for (const { line, values } of charts) {
      line.setAttribute("visibility", "hidden");
      values.textContent = "";
    }
  };
  for (const { svg, left, right, seconds } of charts) {
    svg.tabIndex = 0;
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      show(Math.floor(((x - left) / (right - left)) * (seconds / step)));
    });
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === "Escape") hide();
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(rows.length - 1);
      else if (by) show((current ?? -1) + by);
      else return;
      event.preventDefault();
    });
  }
  const button = document.createElement("button");
  button.textContent = "Download the series as CSV";
  button.addEventListener("click", () => {
    // A table may be called `=1+1`: a spreadsheet must not take its name for a formula.
    const text = (value) => (/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
    const cell = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const header = ["second", ...columns].map(text).map(cell);
    const lines = rows.map((row, at) => [at * step, ...row.map((value) => value ?? "")]);
    const csv = [header, ...lines].map((line) => line.join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    link.download = "series.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  document.getElementById("download").append(button);
}
