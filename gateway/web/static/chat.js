// Asks without leaving the page. Without this script the same forms work by themselves.

const TRANSCRIPT = "drawbridge.conversation";
const DRAFT = "drawbridge.draft";
const TYPING_AFTER_MS = 300;
const TRANSCRIPT_MAX = 100;

const byId = (id) => document.getElementById(id);
const log = byId("log");
const composer = byId("composer");
const suggestions = byId("suggestions");
const field = byId("message");
const clear = byId("clear");
const outage = byId("outage");
const welcome = log.querySelector(".welcome");
const account = log.dataset.account;
const firstSuggestions = [...suggestions.querySelectorAll("button")].map((button) => button.value);

let turns = [];
let conversation = "";
let isAsking = false;

function element(tag, classes, ...children) {
  const made = document.createElement(tag);
  made.className = classes;
  made.append(...children);
  return made;
}

// What the server rendered, and escaped; the policy lets no script in it run.
function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function show(turn) {
  if (!turn.question) return log.append(parsed(turn.answer));
  const words = element("p", "text", turn.question);
  words.dir = "auto";
  return log.append(element("article", "message question", words));
}

function scrollToEnd() {
  const newest = [...log.querySelectorAll(".message")].at(-1);
  const question = [...log.querySelectorAll(".question")].at(-1);
  const isPage = getComputedStyle(log).overflowY === "visible"; // a low window: see drawbridge.css
  // A long answer is read from its beginning, a short one stands at the end.
  const isLong = question && newest.offsetHeight > (isPage ? innerHeight : log.clientHeight) * 0.7;
  if (isPage) (isLong ? question : newest)?.scrollIntoView({ block: isLong ? "start" : "end" });
  else log.scrollTop = isLong ? question.offsetTop - log.offsetTop - 16 : log.scrollHeight;
}

function remember() {
  turns = turns.slice(-TRANSCRIPT_MAX);
  sessionStorage.setItem(TRANSCRIPT, JSON.stringify({ account, turns, conversation }));
  clear.hidden = turns.length === 0;
}

function add(turn) {
  turns.push(turn);
  show(turn);
  remember();
  scrollToEnd();
}

function suggest(texts) {
  suggestions.querySelectorAll("button").forEach((button) => button.remove());
  for (const text of texts) {
    const button = element("button", "chip", text);
    button.type = "submit";
    button.name = "message";
    button.value = text;
    suggestions.append(button);
  }
}

function tellOutage(asOf) {
  outage.hidden = !asOf;
  byId("as-of").textContent = asOf ?? "";
}

function typingSign() {
  const sign = element("div", "message answer typing", ...[1, 2, 3].map(() => element("span", "")));
  sign.setAttribute("aria-hidden", "true");
  const timer = setTimeout(() => {
    log.append(sign);
    scrollToEnd();
  }, TYPING_AFTER_MS);
  return () => {
    clearTimeout(timer);
    sign.remove();
  };
}

function goToSignIn(text) {
  sessionStorage.setItem(DRAFT, text);
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
}

async function post(fields) {
  const body = new URLSearchParams(fields);
  return fetch("/chat", { method: "POST", body, headers: { Accept: "text/html" }, redirect: "manual" });
}

// Asks as the form does; a redirect leads to signing in, which an unseen renewal may spare.
async function askAgent(message) {
  const fields = { message, conversation, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  const response = await post(fields);
  if (response.type !== "opaqueredirect") return response;
  const renewed = await fetch("/auth/refresh", { method: "POST", headers: { Accept: "application/json" } });
  return renewed.ok ? post(fields) : response;
}

function fail(text, detail, requestId) {
  const again = element("button", "button", "Try again");
  again.type = "button";
  const failure = element("div", "message answer failed", element("p", "text", detail), element("p", "", again));
  if (requestId) failure.append(element("p", "request-id", "Request ", element("code", "", requestId)));
  failure.setAttribute("role", "alert");
  again.addEventListener("click", () => {
    failure.remove();
    field.value = "";
    ask(text, { isRetry: true });
  });
  log.append(failure);
  if (!field.value) field.value = text;
  scrollToEnd();
}

async function ask(text, { isRetry = false } = {}) {
  const message = text.trim();
  if (!message || isAsking) return;
  isAsking = true;
  composer.querySelector(".send").setAttribute("aria-disabled", "true");
  if (!isRetry) add({ question: message });
  const stopTyping = typingSign();
  try {
    const response = await askAgent(message);
    if (response.type === "opaqueredirect") {
      goToSignIn(message);
      return;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    stopTyping();
    if (response.ok) {
      conversation = page.querySelector("#composer [name=conversation]").value;
      // First what takes room from the conversation, then its newest part, which must be in sight.
      suggest([...page.querySelectorAll("#suggestions button")].map((button) => button.value));
      tellOutage(page.getElementById("log").dataset.asOf);
      add({ answer: page.querySelector("#log .answer:last-of-type").outerHTML });
    } else {
      if (page.querySelector("#composer [name=conversation]")?.value === "") conversation = "";
      const told = page.querySelector(".failed strong") ?? page.querySelector("main h1");
      fail(message, told?.textContent ?? "That did not work.", page.querySelector(".request-id code")?.textContent);
    }
  } catch {
    stopTyping();
    fail(message, "There is no connection at the moment. Your question is kept.");
  } finally {
    isAsking = false;
    composer.querySelector(".send").removeAttribute("aria-disabled");
    field.focus();
  }
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(TRANSCRIPT) ?? "null");
  if (kept?.account === account) {
    ({ turns, conversation } = kept);
    turns.forEach(show);
    remember();
    scrollToEnd();
  } else {
    sessionStorage.removeItem(TRANSCRIPT); // somebody else's, whose session ended in this tab
  }
  const draft = sessionStorage.getItem(DRAFT);
  if (draft) {
    field.value = draft;
    sessionStorage.removeItem(DRAFT);
  }
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value;
  if (isAsking) return;
  field.value = "";
  ask(text);
});

for (const place of [suggestions, log]) {
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(event.submitter.value);
  });
}

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  }
});

clear.addEventListener("click", () => {
  turns = [];
  conversation = "";
  sessionStorage.removeItem(TRANSCRIPT);
  clear.hidden = true;
  log.replaceChildren(welcome);
  suggest(firstSuggestions);
  tellOutage(null);
  field.focus();
});

document.querySelector('form[action="/auth/logout"]').addEventListener("submit", () => sessionStorage.clear());

function tellOffline() {
  byId("offline").hidden = navigator.onLine;
}

for (const change of ["online", "offline"]) addEventListener(change, tellOffline);

addEventListener("beforeprint", () => {
  const printed = byId("printed");
  printed.querySelector("time").textContent = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" }).format(new Date());
  printed.hidden = false;
  for (const details of log.querySelectorAll("details")) details.open = true;
});

tellOffline();
restore();
field.focus();
