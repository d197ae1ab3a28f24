// Keys for the desk's queue: j and k go along the rows, x ticks one, c claims
// it. Enter opens it, as it does any link. The pages work without it.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("[data-queue] a.item")];
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const list = rows();
    const here = document.activeElement?.closest("li");
    const at = list.findIndex((a) => a.closest("li") === here);
    const tick = here?.querySelector("input[name=task]");
    switch (e.key) {
      case "j": list[Math.min(at + 1, list.length - 1)]?.focus(); break;
      case "k": list[Math.max(at - 1, 0)]?.focus(); break;
      case "x": if (tick) tick.checked = !tick.checked; break;
      case "c": {
        const own = document.querySelector("form[data-claim]");
        if (own) { own.requestSubmit(); break; }
        if (!tick) return;
        for (const other of document.querySelectorAll("input[name=task]")) other.checked = other === tick;
        tick.form.requestSubmit();
        break;
      }
      default: return;
    }
    e.preventDefault();
  });
})();
