// Signing in with a passkey, and adding one. Without this script a code does.
(() => {
  "use strict";
  const can = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  const post = async (url, body) => {
    const r = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) });
    const answer = await r.json().catch(() => ({}));
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

  const box = document.getElementById("passkey");
  if (box && !can) box.hidden = true;
  if (box && can) {
    const next = box.dataset.next ? "?next=" + encodeURIComponent(box.dataset.next) : "";
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
      const credential = await navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey), mediation, signal,
      });
      const answer = await post("/signin/passkey/finish" + next, credential.toJSON());
      location.assign(answer.to);
    };
    box.querySelector("button").addEventListener("click", () => {
      say(box, "");
      ask("optional").catch((e) => { if (!quiet(e)) say(box, e.message || box.dataset.failed); });
    });
    // The address field offers passkeys as it offers addresses.
    PublicKeyCredential.isConditionalMediationAvailable?.().then((ok) => {
      if (ok) ask("conditional").catch((e) => { if (!quiet(e)) say(box, e.message || box.dataset.failed); });
    });
  }

  const add = document.getElementById("passkey-add");
  if (add && !can) add.hidden = true;
  if (add && can) {
    add.querySelector("button").addEventListener("click", async () => {
      say(add, "");
      try {
        const options = await post("/settings/passkey/begin");
        const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
        const answer = await post("/settings/passkey/finish?next=" + encodeURIComponent(add.dataset.next), credential.toJSON());
        location.assign(answer.to);
      } catch (e) {
        if (e.name === "InvalidStateError" || !quiet(e)) say(add, e.message && e.name === "Error" ? e.message : add.dataset.failed);
      }
    });
  }
})();
