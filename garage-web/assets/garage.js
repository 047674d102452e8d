// Makes pages live and presses single; everything works without it. A part of a page that is marked `data-live` is
// fetched again when its order changes, unless somebody is typing in it.
"use strict";
(() => {
  // One press, one command: a second one while the first is on its way does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
  });
  // A page that comes back from the browser's memory may be used again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("form").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("button[disabled]").forEach((button) => { button.disabled = false; });
  });

  // Codes and links to copy.
  const arm = (root) => root.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(field.value);
    button.textContent = field.dataset.copied;
  });
  arm(document);
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });

  // The quote's total while it is typed. The server counts again; this only shows.
  const output = document.getElementById("quote-total");
  // A price or a quantity as the server reads it (show.rs): one mark that is not the language's, with exactly three digits
  // after it, parts thousands. What could be another number is none.
  const number = (text) => {
    text = text.replace(/R\$|\s/g, "");
    const last = Math.max(text.lastIndexOf(","), text.lastIndexOf("."));
    const marks = text.replace(/[^.,]/g, "");
    const mixed = marks.includes(".") && marks.includes(",");
    const point = document.documentElement.lang.startsWith("pt") ? "," : ".";
    const thousands = marks !== point && /[.,]\d{3}$/.test(text) && !/^0?[.,]/.test(text);
    const ends = mixed || (marks.length === 1 && !thousands);
    const [whole, rest] = ends ? [text.slice(0, last), "." + text.slice(last + 1)] : [text, ""];
    const readable = /^(\d*|[1-9]\d{0,2}(\.\d{3})+|[1-9]\d{0,2}(,\d{3})+)$/.test(whole);
    return readable ? Number(whole.replace(/[.,]/g, "") + rest) : NaN;
  };
  const sum = () => {
    let cents = 0;
    document.querySelectorAll(".lines.edit tbody tr").forEach((row) => {
      const price = number(row.querySelector("[name=price]").value || "0");
      const quantity = number(row.querySelector("[name=quantity]").value || "1");
      cents += Math.round(Math.round(price * 100) * quantity + 1e-6) || 0;
    });
    output.textContent = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: "BRL" }).format(cents / 100);
  };
  if (output) document.addEventListener("input", sum);

  // Live parts.
  const stream = document.body.dataset.stream;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!stream || parts().length === 0) return;

  // A page that objects to a form alone holds what was typed, which is no change to its fields: a part with any of that, or
  // with an objection, stays until the form is sent again or the page is left.
  const answers = document.querySelector("[data-answer]") !== null;
  const kept = (part) => answers && (part.querySelector(".objection") !== null ||
    [...part.querySelectorAll("textarea,input:not([type=hidden],[type=checkbox],[type=radio],[readonly])")].some((field) => field.value !== ""));
  const busy = (part) => {
    const at = document.activeElement;
    const typing = part.contains(at) && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && !at.readOnly;
    const typed = [...part.querySelectorAll("input:not([type=hidden]),textarea")].some((field) =>
      /^(checkbox|radio)$/.test(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
    return typing || typed || kept(part);
  };
  // Where somebody was: the same link or button in the new part gets the focus back.
  const mark = (at) => at.id ? "#" + CSS.escape(at.id) : at.getAttribute("href") ? `[href="${CSS.escape(at.getAttribute("href"))}"]` : null;
  const replace = (old, fresh) => {
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const at = old.contains(document.activeElement) ? mark(document.activeElement) : null;
    old.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((one, place) => { if (open[place]) one.open = true; });
    arm(fresh);
    // What was said of the page as it was is over.
    document.querySelectorAll("main > .notice, .customer > .notice").forEach((said) => said.remove());
    if (at) fresh.querySelector(at)?.focus({ preventScroll: true });
  };
  // It is old for one of two reasons, and says so until neither is left: nothing is heard, or the last look failed.
  const offline = document.querySelector(".offline");
  const lost = { stream: false, look: false };
  const say = (what, is) => {
    lost[what] = is;
    if (offline) offline.hidden = !lost.stream && !lost.look;
  };
  let asking = false, again = false;
  // Keys and words of forms are new with every answer and mean no change.
  const same = (a, b) => a.innerHTML.replace(/name="key" value="[^"]*"/g, "") === b.innerHTML.replace(/name="key" value="[^"]*"/g, "");
  const shown = new Map(parts().map((part) => [part.id, part.cloneNode(true)]));
  const refresh = async () => {
    if (asking) { again = true; return; }
    asking = true;
    let failed = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected && new URL(answer.url).pathname === "/sign-in") { location.reload(); return; }
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        failed = false;
        for (const part of parts()) {
          const fresh = page.getElementById(part.id);
          if (!fresh || same(shown.get(part.id) ?? part, fresh) || busy(part)) continue;
          shown.set(part.id, fresh.cloneNode(true));
          replace(part, document.importNode(fresh, true));
        }
      }
    } catch { /* Nobody answered, or not to the end. */ }
    say("look", failed);
    asking = false;
    if (again) { again = false; refresh(); } else if (failed && !document.hidden) soon(5000);
  };
  let waiting = 0;
  const soon = (wait = 80) => { clearTimeout(waiting); waiting = setTimeout(refresh, wait); };
  const concerns = (said) => said === "*" || parts().some((part) => part.dataset.live === "*" || part.dataset.live === said);

  let source = null;
  const watch = () => {
    source = new EventSource(stream);
    source.onopen = () => { say("stream", false); soon(); };
    source.onmessage = (event) => { if (concerns(event.data)) soon(); };
    source.onerror = () => {
      say("stream", true);
      if (source.readyState === EventSource.CLOSED) setTimeout(watch, 2000);
    };
  };
  // A tab that nobody sees holds no stream.
  const look = () => {
    if (document.hidden) { source?.close(); source = null; } else if (!source) watch();
  };
  document.addEventListener("visibilitychange", look);
  look();
  // Some changes are told by nobody, such as a promise that has passed.
  setInterval(() => { if (!document.hidden) soon(); }, 30000);
})();
