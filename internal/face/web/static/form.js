// Shows and hides the questions of a form as soon as the answers say so. The
// server decides the same when the page is sent.
(() => {
  "use strict";
  const items = [...document.querySelectorAll("[data-when]")].map((e) => ({ e, rule: JSON.parse(e.dataset.when) }));
  if (!items.length) return;
  const given = (link) => {
    const box = document.querySelector(`[data-link="${CSS.escape(link)}"]`);
    if (!box || box.closest("[hidden]")) return [];
    const list = [];
    for (const i of box.querySelectorAll("input, select, textarea")) {
      if (i.type === "hidden" || i.name === "own:" + link || (i.type === "radio" || i.type === "checkbox") && !i.checked) continue;
      if (i.value.trim() !== "") list.push(i.value.trim());
    }
    return list;
  };
  const compare = (a, b, num) => {
    if (num) { a = Number(a.replace(",", ".")); b = Number(b); if (Number.isNaN(a)) return NaN; }
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const tests = { "=": (c) => c === 0, "!=": (c) => c !== 0, ">": (c) => c > 0, "<": (c) => c < 0, ">=": (c) => c >= 0, "<=": (c) => c <= 0 };
  const holds = (w) => {
    if (w.else) return !!w.is;
    const list = given(w.q);
    if (w.op === "exists") return (list.length > 0) === (w.v === "true");
    return list.some((v) => tests[w.op](compare(v, w.v ?? "", w.num)));
  };
  const look = () => {
    for (let turn = 0, moved = true; moved && turn < 8; turn++) {
      moved = false;
      for (const { e, rule } of items) {
        const show = rule.any ? rule.when.some(holds) : rule.when.every(holds);
        if (e.hidden === show) {
          e.hidden = !show;
          if ("disabled" in e) e.disabled = !show;
          moved = true;
        }
      }
    }
  };
  addEventListener("input", look);
  addEventListener("change", look);
  addEventListener("pageshow", look);
  look();
})();
