// A health link carries its key after the #, which browsers do not send. This
// puts it into the form and takes it out of the address, so that it is in no
// history; the person presses the button.
(() => {
  "use strict";
  const link = document.getElementById("link");
  if (!link || !location.hash.includes("shlink:/")) return;
  link.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
})();
