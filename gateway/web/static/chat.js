// Asks without leaving the page. Without this script the same forms work by themselves.

const TRANSCRIPT = "drawbridge.transcript";
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
const emergency = document.querySelector(".fineprint a");
const welcome = log.querySelector(".welcome");
const account = log.dataset.account;
const firstSuggestions = [...suggestions.querySelectorAll("button")].map((button) => button.value);

let turns = [];
let conversation = null;
let isAsking = false;

function element(tag, classes, ...children) {
  const made = document.createElement(tag);
  made.className = classes;
  made.append(...children);
  return made;
}

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const moment = (text) => (text ? when.format(new Date(text)) : "");

function severity(value) {
  const meter = element("meter", "");
  meter.max = 10;
  meter.value = value;
  meter.setAttribute("aria-hidden", "true");
  return element("span", "severity", meter, element("span", "hidden", "severity"), ` ${value}`);
}

function record(row) {
  const item = element("li", "", element("span", "symptom", row.symptom));
  if (row.severity !== null && row.severity !== undefined) item.append(severity(row.severity));
  item.append(element("span", "when", moment(row.recorded_at)));
  if (row.notes) item.append(element("span", "note", row.notes));
  return item;
}

function show(turn) {
  if (turn.question) {
    log.append(element("article", "message question", element("p", "text", turn.question)));
    return;
  }
  const article = element("article", `message answer ${turn.urgent ? "urgent" : ""}`);
  article.append(element("p", "text", turn.answer));
  if (turn.urgent) {
    const call = element("a", "button", `Call ${emergency.textContent}`);
    call.href = emergency.href;
    article.append(element("p", "", call));
  }
  if (turn.rows?.length) article.append(element("ul", "records", ...turn.rows.map(record)));
  if (turn.as_of) article.append(element("p", "as-of", `Records as of ${moment(turn.as_of)}`));
  log.append(article);
}

function scrollToEnd() {
  const newest = log.querySelector(".message:last-of-type");
  const question = [...log.querySelectorAll(".question")].at(-1);
  // A long answer is read from its beginning, a short one stands at the end.
  if (question && newest.offsetHeight > log.clientHeight * 0.7) log.scrollTop = question.offsetTop - log.offsetTop - 16;
  else log.scrollTop = log.scrollHeight;
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
  byId("as-of").textContent = moment(asOf);
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

async function post(path, body) {
  const options = { method: "POST", headers: { Accept: "application/json" } };
  if (body) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return fetch(path, options);
}

async function askAgent(message) {
  const body = { message, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  if (conversation) body.conversation = conversation;
  const response = await post("/api/v1/chat", body);
  if (response.status !== 401) return response;
  const renewed = await post("/auth/refresh");
  return renewed.ok ? post("/api/v1/chat", body) : response;
}

function fail(text, detail, requestId) {
  const again = element("button", "button", "Try again");
  again.type = "button";
  const article = element("article", "message answer failed", element("p", "text", detail), element("p", "", again));
  if (requestId) article.append(element("p", "request-id", "Request ", element("code", "", requestId)));
  article.setAttribute("role", "alert");
  again.addEventListener("click", () => {
    article.remove();
    field.value = "";
    ask(text, { isRetry: true });
  });
  log.append(article);
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
    const reply = await response.json();
    stopTyping();
    if (response.status === 401) {
      goToSignIn(message);
    } else if (response.ok) {
      conversation = reply.conversation;
      const urgent = reply.frame?.intent === "emergency";
      // First what takes room from the conversation, then its newest part, which must be in sight.
      suggest(reply.suggestions?.length ? reply.suggestions : firstSuggestions);
      tellOutage(reply.as_of);
      add({ answer: reply.answer, rows: reply.result?.rows, as_of: reply.as_of, urgent });
    } else {
      if (reply.code === "invalid_conversation") conversation = null;
      fail(message, `${reply.detail}.`, reply.request_id);
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

suggestions.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.submitter.value);
});

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  }
});

clear.addEventListener("click", () => {
  turns = [];
  conversation = null;
  sessionStorage.removeItem(TRANSCRIPT);
  clear.hidden = true;
  log.replaceChildren(welcome);
  suggest(firstSuggestions);
  tellOutage(null);
  field.focus();
});

document.querySelector('form[action="/auth/logout"]').addEventListener("submit", () => sessionStorage.clear());

restore();
field.focus();
