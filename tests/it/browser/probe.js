// What can be measured in a page that is laid out: each entry of the answer is a fault.
(() => {
  const faults = [];
  const wide = innerWidth >= 800;
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} px wide`);
  if (wide) {
    for (const box of document.querySelectorAll("section > .scroll, section > div > .scroll")) {
      if (box.scrollWidth > box.clientWidth + 1) {
        faults.push(`a table is ${box.scrollWidth - box.clientWidth} px too wide: ${box.textContent.slice(0, 60)}`);
      }
    }
  }

  const shown = (element) => element.textContent.trim() && element.getClientRects().length;
  for (const svg of document.querySelectorAll("figure svg")) {
    const frame = svg.getBoundingClientRect();
    const labels = [...svg.querySelectorAll("text")].filter(shown);
    const boxes = labels.map((label) => [label.textContent, label.getBoundingClientRect()]);
    for (const [index, [text, box]] of boxes.entries()) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1) {
        faults.push(`outside its chart: ${text}`);
      }
      for (const [other, next] of boxes.slice(index + 1)) {
        const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
        const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
        // The box of a line of text is higher than its letters.
        if (across > 1 && down > 0.3 * Math.min(box.height, next.height)) {
          faults.push(`overlap: ${text} / ${other}`);
        }
      }
    }
  }

  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const part = (value) => {
      const c = value / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const told = new Set();
  const check = (element, colour, least, what) => {
    const found = contrast(channels(colour), behind(element));
    const fault = `${what} of contrast ${found.toFixed(2)} in ${element.closest("[class]")?.className?.baseVal ?? element.parentElement.className}`;
    if (found < least && !told.has(fault)) {
      told.add(fault);
      faults.push(fault);
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    check(element, colour, 4.5, `text "${walker.currentNode.data.slice(0, 20)}"`);
  }
  // Grid lines and frames carry no information.
  const decoration = /--(grid|soft|page)\)/;
  for (const line of document.querySelectorAll("svg polyline, svg line, svg path")) {
    const stroke = line.getAttribute("stroke") ?? "none";
    if (stroke === "none" || decoration.test(stroke)) continue;
    check(line, getComputedStyle(line).stroke, 3, "a line");
  }
  return faults;
})()
