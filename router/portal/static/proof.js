// Finds the number whose PBKDF2 key begins as the challenge asks, and answers as ALTCHA's verification expects it.
"use strict";
onmessage = async ({ data }) => {
  const challenge = JSON.parse(atob(data));
  const p = challenge.parameters ?? challenge;
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (one) => one.toString(16).padStart(2, "0")).join("");
  const nonce = bytes(p.nonce), salt = bytes(p.salt), length = (p.keyLength ?? 32) * 8;
  const started = performance.now();
  for (let counter = 0; ; counter++) {
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derived = hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: p.cost }, key, length));
    if (derived.startsWith(p.keyPrefix)) {
      const solution = { counter, derivedKey: derived, time: Math.round(performance.now() - started) };
      return postMessage(btoa(JSON.stringify({ challenge, solution })));
    }
  }
};
