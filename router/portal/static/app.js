// What pages do besides what they are: copying, dialogs, the drawer, and proofs of work. All of it works without.
"use strict";
(() => {
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest?.(selector);
      if (found) act(found, event);
    });
  const say = (text) => {
    const place = document.getElementById("toasts");
    if (!place) return;
    const toast = document.createElement("p");
    toast.textContent = text;
    place.append(toast);
    let left = setTimeout(() => toast.remove(), 5000);
    toast.addEventListener("mouseenter", () => clearTimeout(left));
    toast.addEventListener("mouseleave", () => (left = setTimeout(() => toast.remove(), 5000)));
  };
  const select = (target) => {
    if (target.select) return target.select();
    const range = document.createRange();
    range.selectNodeContents(target);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  document.documentElement.classList.remove("no-script");

  on("click", "[data-copy]", async (button) => {
    const target = document.getElementById(button.dataset.copy);
    const text = target.value ?? target.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      const before = button.textContent;
      button.textContent = button.dataset.copied;
      say(button.dataset.copied);
      setTimeout(() => (button.textContent = before), 2000);
    } catch {
      select(target);
      say(button.dataset.selected);
    }
  });
  on("click", "[data-open]", (button, event) => {
    const dialog = document.getElementById(button.dataset.open);
    if (!dialog?.showModal) return;
    event.preventDefault();
    dialog.showModal();
    dialog.querySelector("h2")?.focus();
  });
  on("click", "[data-close]", (button, event) => {
    const dialog = button.closest("dialog");
    if (!dialog?.open) return;
    event.preventDefault();
    dialog.close();
  });
  on("click", "[data-drawer]", (button, event) => {
    event.preventDefault();
    const open = document.getElementById("side").classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
  on("click", "[data-print]", () => print());
  on("change", "[data-submit]", (field) => field.form.requestSubmit());
  on("click", "[data-tab]", (tab) => {
    const group = tab.closest("[data-tabs]");
    for (const one of group.querySelectorAll("[data-tab]")) one.setAttribute("aria-pressed", String(one === tab));
    for (const one of group.querySelectorAll("[data-panel]")) one.hidden = one.dataset.panel !== tab.dataset.tab;
    try { localStorage.setItem("tab", tab.dataset.tab); } catch { /* it is only remembered */ }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  });
  // A form that is under way is not sent twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 10000);
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  const start = () => {
    let tab = null;
    try { tab = localStorage.getItem("tab"); } catch { /* not remembered */ }
    for (const group of document.querySelectorAll("[data-tabs]")) {
      const known = tab && group.querySelector(`[data-tab="${CSS.escape(tab)}"]`);
      (known || group.querySelector("[data-tab]"))?.click();
    }
    document.querySelector("dialog[data-shown]")?.showModal();
    const leave = document.querySelector("a[data-follow]");
    if (leave) {
      history.replaceState(null, "", location.pathname);  // whoever comes back stays
      location.assign(leave.href);
    }
    document.querySelector("[aria-invalid=true]")?.focus();
    for (const field of document.querySelectorAll("input[data-challenge]")) {
      const worker = new Worker(field.dataset.worker);
      worker.onmessage = (event) => { field.value = event.data; worker.terminate(); };
      worker.postMessage(field.dataset.challenge);
    }
    const zone = document.querySelector("input[data-zone]");
    if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();
