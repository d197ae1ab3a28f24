// Saves a form while somebody writes: <form data-autosave="/its/save">, with
// an element [data-saved] inside that says when. The server answers with the
// words to show. Without this script the form's own Save button does it.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("form[data-autosave]")) {
    const says = form.querySelector("[data-saved]") ?? document.querySelector("[data-saved]");
    let timer = 0, last = "", busy = false, again = false, gone = false;
    const words = () => {
      const pairs = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (typeof value === "string") pairs.append(name, value);
      return pairs;
    };
    const tell = (text) => { if (says && text) says.textContent = text; };
    const save = async (leaving) => {
      clearTimeout(timer);
      const body = words(), text = body.toString();
      if (gone || text === last) return;
      if (busy && !leaving) { again = true; return; }
      busy = true;
      try {
        const answer = await fetch(form.dataset.autosave, { method: "POST", body, credentials: "same-origin", keepalive: leaving && text.length < 60000, redirect: "error", headers: { "X-Autosave": "1" } });
        if (!answer.ok) throw new Error();
        last = text;
        tell(await answer.text());
      } catch {
        if (!leaving) tell(form.dataset.unsaved);
      }
      busy = false;
      if (again) { again = false; timer = setTimeout(save, 400, false); }
    };
    const soon = (after) => { clearTimeout(timer); timer = setTimeout(save, after, false); };
    last = words().toString();
    form.addEventListener("input", () => soon(1200));
    form.addEventListener("change", () => soon(200));
    form.addEventListener("submit", () => { gone = true; clearTimeout(timer); });
    addEventListener("pageshow", () => { gone = false; });
    addEventListener("pagehide", () => save(true));
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(true); });
  }
})();
