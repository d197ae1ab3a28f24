// Passkeys: signing in, proving it again, adding one.
(() => {
  "use strict";
  const can = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  const post = async (url, body) => {
    const r = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) });
    const answer = await r.json().catch(() => ({}));
    if (answer.to && !r.ok) { location.assign(answer.to); return new Promise(() => {}); } // a proof comes first
    if (!r.ok) throw new Error(answer.say || "");
    return answer;
  };
  const say = (box, text) => {
    const p = box.querySelector("[role=alert]");
    p.textContent = text;
    p.hidden = !text;
  };
  // A person who changed their mind did nothing wrong.
  const quiet = (e) => e.name === "AbortError" || e.name === "NotAllowedError";
  const words = (box, e) => (e.message && e.name === "Error" ? e.message : box.dataset.failed);
  const get = (options, more) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey), ...more });
  const query = (pairs) => {
    const q = new URLSearchParams(Object.entries(pairs).filter(([, v]) => v)).toString();
    return q ? "?" + q : "";
  };

  const box = document.getElementById("passkey");
  if (box && !can) box.hidden = true;
  if (box && can) {
    let waiting = null;
    // One ceremony begins after the other: the cookie is the last one's.
    let begun = Promise.resolve();
    const begin = () => (begun = begun.catch(() => {}).then(() => post("/signin/passkey/begin")));
    const ask = async (mediation) => {
      if (waiting) waiting.abort();
      waiting = new AbortController();
      const { signal } = waiting;
      const options = await begin();
      if (signal.aborted) return;
      const credential = await get(options, { mediation, signal });
      const shared = document.querySelector("[data-shared]");
      const device = shared ? (shared.checked ? "shared" : "own") : "";
      const answer = await post("/signin/passkey/finish" + query({ next: box.dataset.next, device }), credential.toJSON());
      location.assign(answer.to);
    };
    box.querySelector("button").addEventListener("click", () => {
      say(box, "");
      ask("optional").catch((e) => { if (!quiet(e)) say(box, words(box, e)); });
    });
    // The address field offers passkeys as it offers addresses. Nobody asked
    // for that yet: only what the clinic answers to a passkey is said.
    PublicKeyCredential.isConditionalMediationAvailable?.().then((ok) => {
      if (ok) ask("conditional").catch((e) => { if (e.name === "Error") say(box, words(box, e)); });
    });
  }

  const again = document.getElementById("passkey-again");
  if (again && !can) again.hidden = true;
  if (again && can) {
    again.querySelector("button").addEventListener("click", async () => {
      say(again, "");
      try {
        const credential = await get(await post("/signin/again/begin"));
        const answer = await post("/signin/again/finish" + query({ next: again.dataset.next }), credential.toJSON());
        location.assign(answer.to);
      } catch (e) {
        if (!quiet(e)) say(again, words(again, e));
      }
    });
  }

  const add = document.getElementById("passkey-add");
  if (add && !can) add.hidden = true;
  if (add && can) {
    add.querySelector("button").addEventListener("click", async () => {
      say(add, "");
      try {
        const options = await post("/settings/passkey/begin" + query({ from: location.pathname + location.search }));
        const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
        const answer = await post("/settings/passkey/finish" + query({ next: add.dataset.next }), credential.toJSON());
        location.assign(answer.to);
      } catch (e) {
        if (e.name === "InvalidStateError" || !quiet(e)) say(add, words(add, e));
      }
    });
  }
})();
