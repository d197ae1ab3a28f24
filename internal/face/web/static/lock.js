// A signed-in page that rests too long locks itself: it hides what it shows
// until the same person proves who they are. What they typed stays in it.
(() => {
  "use strict";
  const { rest, who } = document.body.dataset;
  const warning = document.getElementById("rest-warning"), lock = document.getElementById("rest-lock");
  if (!rest || !warning || !lock) return;
  const warnAt = Math.min(120, rest / 2) * 1000; // before the end
  const quietly = Math.min(60, rest / 5) * 1000; // how often typing alone says that somebody is there
  const tabs = new BroadcastChannel("hale");
  let ends = Date.now() + rest * 1000, told = Date.now(), busy = false, locked = false;

  const ask = async (method, url, body) => {
    const r = await fetch(url, { method, headers: body && { "Content-Type": "application/json" }, body: body && JSON.stringify(body), redirect: "manual" });
    const answer = await r.json().catch(() => ({}));
    if (!r.ok) throw new Error(answer.say || "");
    return answer;
  };
  const goOn = (left) => {
    ends = Date.now() + left * 1000;
    if (warning.open) warning.close();
    if (locked) {
      locked = false;
      document.documentElement.classList.remove("locked");
      lock.close();
    }
  };
  const tell = (left) => tabs.postMessage({ who, left });
  const stay = async () => {
    told = Date.now();
    const a = await ask("POST", "/session/stay").catch((e) => e);
    if (a.who === who) { goOn(a.left); tell(a.left); }
    else if (a.who || !(a instanceof TypeError)) shut(); // no network is no reason to lock
  };
  const shut = () => {
    if (locked) return;
    locked = true;
    if (warning.open) warning.close();
    document.documentElement.classList.add("locked");
    lock.showModal();
  };
  const warn = () => {
    if (warning.open || locked) return;
    const at = new Date(ends).toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
    warning.querySelector("[data-at]").textContent = at;
    warning.showModal();
  };
  const tick = () => {
    if (locked) return;
    const left = ends - Date.now();
    if (left <= 0) return shut();
    if (busy && Date.now() - told > quietly && !warning.open) { busy = false; stay(); return; }
    if (left <= warnAt) warn();
  };
  for (const kind of ["input", "keydown", "pointerdown", "scroll"]) {
    document.addEventListener(kind, () => { if (!warning.open) busy = true; }, { passive: true, capture: true });
  }
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { tick(); look(); } });
  window.addEventListener("focus", () => look());

  // Another tab may have been used, or may have signed in again.
  const look = async () => {
    if (!locked) return;
    const a = await ask("GET", "/session").catch(() => ({}));
    if (a.who === who) goOn(a.left);
  };
  tabs.onmessage = (e) => { if (e.data.who === who) goOn(e.data.left); else shut(); };
  tell(Number(rest));

  warning.addEventListener("cancel", (e) => { e.preventDefault(); stay(); });
  warning.querySelector("[data-stay]").addEventListener("click", stay);
  lock.addEventListener("cancel", (e) => e.preventDefault());
  lock.addEventListener("keydown", (e) => { if (e.key === "Escape") e.preventDefault(); });
  const say = (text) => { const p = lock.querySelector("[role=alert]"); p.textContent = text; p.hidden = !text; };
  const key = lock.querySelector("[data-passkey]");
  if (key && !window.PublicKeyCredential?.parseRequestOptionsFromJSON) key.hidden = true;
  else if (key) key.addEventListener("click", async () => {
    say("");
    try {
      const options = await ask("POST", "/signin/passkey/begin", {});
      const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
      const a = await ask("POST", "/signin/passkey/finish", credential.toJSON());
      if (a.who !== who) { location.assign(a.to); return; } // somebody else: the page goes
      goOn(a.left);
      tell(a.left);
    } catch (e) {
      if (e.name !== "AbortError" && e.name !== "NotAllowedError") say(e.message && e.name === "Error" ? e.message : key.dataset.failed);
    }
  });
  for (const b of document.querySelectorAll("[data-lock]")) b.addEventListener("click", async () => {
    shut();
    await ask("POST", "/session/lock").catch(() => {});
  });
})();
