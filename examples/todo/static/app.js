// Makes pages quicker that work without it: forms of the list answer in place, other windows' changes come as they happen,
// and everything has a key.
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  document.documentElement.classList.add("scripted");

  const zone = find("[data-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

  // What is focused now is what is focused afterwards, by the to-do it belongs to or by its id.
  function place() {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return () => {};
    const todo = focused.closest("[data-todo]");
    const kind = ["data-complete", "data-open", "data-delete"].find((name) => focused.hasAttribute(name));
    const index = todo ? all("[data-todo]").indexOf(todo) : -1;
    return () => {
      let next = focused.id ? document.getElementById(focused.id) : null;
      if (todo && kind) {
        const left = all("[data-todo]");
        const same = left.find((each) => each.dataset.todo === todo.dataset.todo);
        const near = same || left[Math.min(index, left.length - 1)];
        next = near ? find(`[${kind}]`, near) : document.getElementById("new-title");
      }
      if (next) next.focus();
    };
  }

  // Puts the list of another version of this page in the place of the one here; what is being written stays.
  function swap(html, keepsDraft) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const next = find("main", page), now = find("main");
    if (!next || !now) return false;
    const drafts = keepsDraft ? all(".add input:not([type=hidden]), .search input[type=search]").map((field) => [field.name, field.value]) : [];
    const keys = find("[data-help]"), helps = keys && keys.open;
    const focus = place();
    now.className = next.className;
    now.replaceChildren(...next.childNodes);
    document.title = page.title;
    for (const [name, value] of drafts) {
      const field = find(`.add [name="${name}"], .search [name="${name}"]`);
      if (field) field.value = value;
    }
    if (helps && find("[data-help]")) find("[data-help]").open = true;
    focus();
    return true;
  }

  async function show(request, address, keepsDraft) {
    const response = await fetch(address, request);
    // Nothing came that could be shown: what is written stays, and its key makes another try harmless.
    if (response.status === 429 || response.status >= 500) throw new Error(`${response.status}`);
    const kind = response.headers.get("content-type") || "";
    const path = new URL(response.url).pathname;
    // Anything but a list is a page of its own, such as where one signs in.
    if (!kind.startsWith("text/html") || (response.redirected && path !== "/")) {
      location.assign(response.url);
      return;
    }
    const html = await response.text();
    if (!swap(html, keepsDraft)) location.reload();
    if (request.method !== "POST" || response.redirected) {
      const clean = new URL(response.url);
      clean.searchParams.delete("did");
      clean.searchParams.delete("to");
      history.replaceState(null, "", clean);
    }
    listen();
  }

  let busy = false, missed = false;
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-swap")) return;
    event.preventDefault();
    // A key held down sends once.
    if (busy) return;
    busy = true;
    const body = new URLSearchParams(new FormData(form));
    try {
      if (form.method === "get") {
        const address = new URL(form.action);
        for (const [name, value] of body) if (value) address.searchParams.set(name, value);
        await show({}, address, false);
      } else {
        const adds = form.classList.contains("add");
        await show({ method: "POST", body, headers: { accept: "text/html" } }, form.action, !adds);
        if (adds) find("#new-title")?.focus();
      }
    } catch {
      say("That did not arrive. Try again in a moment.");
    } finally {
      busy = false;
      if (missed) again();
    }
  });

  function say(text) {
    let box = find("#said");
    if (!box) {
      box = document.createElement("p");
      box.id = "said";
      box.className = "problem";
      box.setAttribute("role", "alert");
      find("main").prepend(box);
    }
    box.textContent = text;
  }

  // How long a server in trouble is left alone.
  const AGAIN_MS = 2000;

  // Changes of other windows. A browser asks again by itself when the connection is lost.
  let source = null, shown = null;
  function listen() {
    const live = find("[data-live]");
    if (!live || (source && shown === live.dataset.live && source.readyState !== EventSource.CLOSED)) return;
    if (source) source.close();
    shown = live.dataset.live;
    source = new EventSource(`/events?since=${encodeURIComponent(shown)}`);
    source.addEventListener("changed", (event) => {
      if (busy) { missed = true; return; }
      if (find("[data-live]")?.dataset.live === event.data) return;
      show({ headers: { accept: "text/html" } }, location.href, true).catch(() => setTimeout(again, AGAIN_MS));
    });
    source.addEventListener("signed-out", () => {
      source.close();
      location.assign("/sign-in");
    });
  }
  function quiet() {
    source?.close();
    source = null;
  }
  function again() {
    missed = false;
    quiet();
    if (!document.hidden) listen();
  }
  listen();
  // A browser has six connections to a host: a window that nobody sees takes none.
  document.addEventListener("visibilitychange", () => { if (document.hidden) quiet(); else listen(); });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  function step(by) {
    const todos = all("[data-todo]");
    if (!todos.length) return;
    const here = todos.indexOf(document.activeElement?.closest("[data-todo]"));
    const next = here < 0 ? (by > 0 ? 0 : todos.length - 1) : Math.max(0, Math.min(todos.length - 1, here + by));
    find("[data-open]", todos[next]).focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = event.target.closest("input, textarea, select");
    if (field) {
      if (event.key === "Escape") field.blur();
      return;
    }
    const todo = document.activeElement?.closest("[data-todo]");
    const act = (name) => todo && find(`[${name}]`, todo)?.click();
    const keys = {
      n: () => find('[data-key="n"]')?.focus(), "/": () => find('[data-key="/"]')?.focus(),
      j: () => step(1), k: () => step(-1), x: () => act("data-complete"), d: () => act("data-delete"),
      u: () => find("[data-undo]")?.click(),
      "?": () => { const help = find("[data-help]"); if (help) { help.open = !help.open; find("summary", help).focus(); } },
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  // A file is sent as it is, so that it may be larger than a form.
  find("[data-import]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target, said = find("[data-said]", form), file = find("[type=file]", form).files[0];
    if (!file) { said.textContent = "Choose a file first."; return; }
    said.textContent = "Importing …";
    const headers = { "content-type": "application/json", accept: "application/json", "x-csrf": find("[name=csrf]", form).value };
    try {
      const response = await fetch(form.action, { method: "POST", body: file, headers });
      const answer = await response.json();
      said.textContent = response.ok ? `${answer.todos} to-dos and ${answer.reminders} reminders were not here yet.` : answer.detail;
    } catch {
      said.textContent = "That did not arrive. Try again; what is here already stays.";
    }
  });
})();
