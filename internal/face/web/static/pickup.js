// What shows that a person, and not a program, has a message in view. The
// pages work the same without it.
(() => {
  "use strict";
  const send = (to, pairs) => fetch(to, { method: "POST", body: new URLSearchParams(pairs), keepalive: true, credentials: "same-origin" }).catch(() => {});
  const page = document.querySelector("[data-shown], [data-dwell]");
  if (!page) return;
  // A second in view and a touch or a key: somebody is there.
  if (page.dataset.shown) {
    let seconds = 0, touched = false, told = false;
    const tell = () => {
      if (told || !touched || seconds < 1) return;
      told = true;
      send(page.dataset.shown, {});
    };
    for (const kind of ["pointerdown", "keydown", "touchstart"]) addEventListener(kind, () => { touched = true; tell(); }, { passive: true });
    const clock = setInterval(() => {
      if (document.visibilityState === "visible") seconds++;
      tell();
      if (told) clearInterval(clock);
    }, 1000);
  }
  // How long the message itself was in view.
  if (page.dataset.dwell) {
    let seconds = 0;
    const clock = setInterval(() => {
      if (document.visibilityState === "visible") seconds++;
      if (seconds === 5 || seconds === 30) send(page.dataset.dwell, { s: String(seconds) });
      if (seconds >= 30) clearInterval(clock);
    }, 1000);
  }
})();
