// Passkeys: a form with data-passkey asks the browser for one, and is sent with what it answers.
"use strict";
(() => {
  const keys = window.PublicKeyCredential;
  if (!keys || !keys.parseCreationOptionsFromJSON || !navigator.credentials) return;
  for (const one of document.querySelectorAll("[data-no-passkeys]")) one.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const failed = form.querySelector("[data-failed]");
    const options = JSON.parse(form.dataset.options);
    const ask = form.dataset.passkey === "create"
      ? () => navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(options) })
      : () => navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(options) });
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      failed.hidden = true;
      try {
        form.elements.credential.value = JSON.stringify((await ask()).toJSON());
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
  }
})();
