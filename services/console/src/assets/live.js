// Keeps the region #live up to date. Without it the page reads the same, and is loaded anew by hand or by <meta>.
"use strict";
(() => {
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  if (!live || !live.dataset.changes) return;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const visible = () => !document.hidden ||
    new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

  // What had the focus gets it back, if it is still there: by id, or by where it leads.
  const replace = (html) => {
    if (live.innerHTML === html) return;
    const focus = live.contains(document.activeElement) ? document.activeElement : null;
    const key = focus && (focus.id ? "#" + CSS.escape(focus.id)
      : focus.getAttribute("href") ? `[href="${CSS.escape(focus.getAttribute("href"))}"]` : null);
    live.innerHTML = html;
    if (key) live.querySelector(key)?.focus({ preventScroll: true });
  };

  const once = async () => {
    const answer = await fetch(live.dataset.changes + (live.dataset.version ?? ""), { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    replace(await answer.text());
    const version = answer.headers.get("x-marea-version");
    if (version) live.dataset.version = version;
    const words = decodeURIComponent(answer.headers.get("x-marea-said") ?? "");
    if (words && said.textContent !== words) said.textContent = words;
    await pause(Number(answer.headers.get("x-marea-pause") ?? 2000));
  };

  (async () => {
    for (let failures = 0; ;) {
      await visible();
      try {
        await once();
        failures = 0;
      } catch {
        failures += 1;
        if (failures === 3) said.textContent = "The server does not answer; trying again.";
        await pause(Math.min(30000, 1000 * 2 ** failures));
      }
    }
  })();
})();
