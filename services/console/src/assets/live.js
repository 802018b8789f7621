// Keeps the region #live up to date: by server-sent events where the page names a stream, else by asking again.
// Nothing is asked for while the tab is hidden. Without the script the page reads the same, and is loaded anew by
// hand or by <meta>.
"use strict";
(() => {
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  if (!live || !live.dataset.changes) return;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const visible = () => !document.hidden ||
    new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
  const say = (words) => { if (words && said.textContent !== words) said.textContent = words; };
  const failed = (times) => { if (times === 3) say("The server does not answer; trying again."); };

  // Makes `old` read as `fresh`, and touches only what differs: what stays keeps its focus, selection and scroll, and
  // a bar that grows is seen to. Elements with an id or a data-key are the same wherever they stand.
  const named = (node) => node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key : undefined;
  const attributes = (old, fresh) => {
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  };
  const children = (old, fresh) => {
    const known = new Map([...old.children].filter(named).map((node) => [named(node), node]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const name = named(next);
      const same = name ? known.get(name) : at && !named(at) ? at : null;
      if (same?.nodeName !== next.nodeName) { old.insertBefore(next, at); continue; }
      known.delete(name);
      if (same === at) at = at.nextSibling; else old.insertBefore(same, at);
      if (same.nodeType !== Node.ELEMENT_NODE) { if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue; continue; }
      attributes(same, next);
      children(same, next);
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  // What had the focus and was moved gets it back, if it is still there: by id, or by where it leads.
  const replace = (html) => {
    const focus = live.contains(document.activeElement) ? document.activeElement : null;
    const key = focus && (focus.id ? "#" + CSS.escape(focus.id)
      : focus.getAttribute("href") ? `[href="${CSS.escape(focus.getAttribute("href"))}"]` : null);
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    children(live, fresh.content);
    if (key && focus !== document.activeElement) live.querySelector(key)?.focus({ preventScroll: true });
  };

  // Until the tab is hidden, or the server refuses: a connection that is lost is made again by the browser.
  const stream = () => new Promise((done) => {
    const source = new EventSource(live.dataset.events + live.dataset.version);
    let failures = 0;
    const end = () => {
      source.close();
      document.removeEventListener("visibilitychange", end);
      done();
    };
    source.addEventListener("change", (event) => {
      const change = JSON.parse(event.data);
      replace(change.html);
      live.dataset.version = event.lastEventId;
      say(change.said);
      failures = 0;
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) return end();
      failed(failures += 1);
    });
    document.addEventListener("visibilitychange", end);
  });

  const once = async () => {
    const answer = await fetch(live.dataset.changes + (live.dataset.version ?? ""), { headers: { accept: "text/html" } });
    // The token has ended: the page itself leads to where a new one is asked for.
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    replace(await answer.text());
    const version = answer.headers.get("x-marea-version");
    if (version) live.dataset.version = version;
    say(decodeURIComponent(answer.headers.get("x-marea-said") ?? ""));
    await pause(Number(answer.headers.get("x-marea-pause") ?? 2000));
  };

  (async () => {
    for (let failures = 0; ;) {
      await visible();
      if (live.dataset.events && window.EventSource) await stream();
      await visible();
      try {
        await once();
        failures = 0;
      } catch {
        failed(failures += 1);
        await pause(Math.min(30000, 1000 * 2 ** failures));
      }
    }
  })();
})();
