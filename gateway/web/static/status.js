// Keeps the page up to date. Without this script it is whole as well, and is reloaded by its link.

const RETRY_MIN_MS = 3_000;
const RETRY_MAX_MS = 60_000;

const byId = (id) => document.getElementById(id);
const connection = byId("connection");
const freshness = byId("freshness");
const announcer = byId("announcer");

let told = document.querySelector("#headline h1").textContent;
let asOf = connection.textContent;
let retryMs = RETRY_MIN_MS;

const focusable = (root, key) => {
  const found = root.querySelector(`[data-key="${CSS.escape(key)}"]`);
  return found?.matches("details") ? found.querySelector("summary") : found;
};

// What the server rendered, and escaped; the policy lets no script in it run.
function swap(part, html) {
  const details = new Map([...part.querySelectorAll("details")].map((each) => [each.dataset.key, each.open]));
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const focused = active?.closest("[data-key]")?.dataset.key;
  part.innerHTML = html;
  for (const each of part.querySelectorAll("details")) {
    if (details.has(each.dataset.key)) each.open = details.get(each.dataset.key);
  }
  if (focused) focusable(part, focused)?.focus({ preventScroll: true });
}

// The part that is being read stays where it is, whatever grows or shrinks above it.
function inPlace(change) {
  const parts = [...document.querySelectorAll(".part")];
  const read = document.activeElement?.closest(".part") ?? parts.find((each) => each.getBoundingClientRect().bottom > 0);
  const before = read?.getBoundingClientRect().top ?? 0;
  change();
  const moved = (read?.getBoundingClientRect().top ?? 0) - before;
  if (moved && scrollY > 0) scrollBy({ top: moved, behavior: "instant" });
}

function say(state, text) {
  freshness.dataset.connection = state;
  connection.textContent = text;
}

function take(message) {
  inPlace(() => {
    for (const [name, [version, html]] of Object.entries(message.sections)) {
      const part = byId(name);
      if (part && part.dataset.version !== version) {
        part.dataset.version = version;
        swap(part, html);
      }
    }
  });
  asOf = `As of ${message.at}.`;
  say("live", "Live: it changes by itself.");
  document.title = `${message.headline} · Drawbridge`;
  const heading = document.querySelector("#headline h1").textContent;
  if (heading !== told) announcer.textContent = heading;
  told = heading;
}

async function again() {
  const renewed = await fetch("/auth/refresh", { method: "POST" }).catch(() => null);
  if (renewed?.status === 401) {
    say("ended", `${asOf} You are signed out:`);
    freshness.querySelector("a").textContent = "Sign in";
    return;
  }
  setTimeout(follow, retryMs);
  retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
}

function follow() {
  const source = new EventSource("/status/events");
  source.addEventListener("sections", (event) => {
    retryMs = RETRY_MIN_MS;
    take(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    say("lost", `${asOf} Not connected at the moment.`);
    if (source.readyState === EventSource.CLOSED) again(); // it was refused; otherwise the browser tries again
  });
}

addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});

follow();
