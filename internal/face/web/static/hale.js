// What Hale adds to pages that work without it.
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  // htmx notes the page's address in the tab's storage. Nothing stays there: a
  // link's address would be known to whoever has the phone next.
  const forget = () => { try { sessionStorage.clear(); } catch { /* there is none */ } };
  forget();
  for (const moved of ["htmx:pushedIntoHistory", "htmx:replacedInHistory", "htmx:historyRestore"]) document.addEventListener(moved, forget);
  // A menu closes when the person goes on elsewhere or presses Escape.
  const menus = () => document.querySelectorAll("details.who[open]");
  document.addEventListener("click", (e) => {
    for (const m of menus()) if (!m.contains(e.target)) m.open = false;
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const m of menus()) { m.open = false; m.querySelector("summary").focus(); }
  });
  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (e) => {
    const f = e.target;
    if (f.dataset.sent) { e.preventDefault(); return; }
    if (f.method !== "post" || f.hasAttribute("hx-post") || e.defaultPrevented) return;
    f.dataset.sent = "1";
    setTimeout(() => { delete f.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", () => {
    for (const f of document.querySelectorAll("form[data-sent]")) delete f.dataset.sent;
  });
  // A form that only waited for a proof goes on by itself.
  document.querySelector("form[data-resend]")?.requestSubmit();
  for (const b of document.querySelectorAll("[data-print]")) b.addEventListener("click", () => window.print());
  // A mail that came with a fragment is styled by rules that carry the
  // fragment's nonce; the page lets in only its own.
  const nonce = document.currentScript?.nonce ?? "";
  document.addEventListener("htmx:afterSwap", () => {
    for (const f of document.querySelectorAll("iframe.letter")) {
      const own = f.srcdoc.replace(/<style nonce="[^"]*">/g, `<style nonce="${nonce}">`);
      if (own !== f.srcdoc) f.srcdoc = own;
    }
  });
  // A field's name is put where somebody writes; the form hears of it.
  let writing = null;
  document.addEventListener("focusin", (e) => { if (e.target.matches("textarea.input, input.input[maxlength]")) writing = e.target; });
  document.addEventListener("click", (e) => {
    const b = e.target.closest("[data-put]");
    if (!b || !writing || !writing.isConnected) return;
    writing.setRangeText(b.dataset.put, writing.selectionStart, writing.selectionEnd, "end");
    writing.focus();
    writing.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // Who waits for a fragment hears where it landed.
  document.addEventListener("htmx:afterSwap", (e) => {
    const to = e.detail.target.querySelector("[autofocus], [data-focus]");
    if (to) to.focus();
  });
})();
