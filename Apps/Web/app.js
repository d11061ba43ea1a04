// The first page: one conversation, streamed. Answers are only ever text: nothing here writes markup.
const api = "/api/v1";
const $ = (id) => document.getElementById(id);
const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
const retryOf = (stream) => [`/streams/${stream}/retry`, {}];
const streaming = call("GET", "/features").then((flags) => flags.streaming, () => true);
let conversation = location.hash.slice(1) || null;
let current = null; // the answer that is streaming

async function call(method, path, body, key) {
  const headers = { Accept: "application/json", "Content-Type": "application/json", ...(key && { "Idempotency-Key": key }) };
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
      const json = reply.status === 204 ? null : await reply.json();
      if (reply.ok) return json;
      // An instance is the stream of an answer that failed: asking for the same again would fail the same way.
      const { detail = `The server answered ${reply.status}.`, instance } = json ?? {};
      throw Object.assign(new Error(detail), { refused: reply.status < 500, instance });
    } catch (error) {
      if (error.refused || error.instance || attempt === 5) throw error;
      status("Connection lost. Trying again…");
      await new Promise((later) => setTimeout(later, Math.random() * 500 * 2 ** attempt));
    }
  }
}

function status(text) { $("status").textContent = text; }
function ready() { $("send").disabled = false; status("Ready"); }

function follow(change) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  change();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showUser(text) {
  follow(() => $("messages").append(Object.assign(document.createElement("article"), { className: "user", textContent: text })));
}

/// The place of an answer, which begins, ends, and may begin anew.
function newAnswer() {
  const article = $("answer").content.firstElementChild.cloneNode(true);
  const part = (name) => article.querySelector(name);
  const panels = { reasoning: part(".reasoning .text"), chat: part(".chat") };
  const set = (panel, text) => { panels[panel].textContent = text; };
  const add = (panel, text) => follow(() => panels[panel].append(text));
  const say = (note, isError) => { part(".note").textContent = note; article.classList.toggle("error", isError); };
  const begin = () => {
    set("reasoning", ""); set("chat", ""); say("", false);
    part(".reasoning").open = part(".retry").hidden = true;
    article.dataset.state = "answering";
  };
  // `again`: what `run` takes to have it answered once more; none where that would be in vain.
  const end = (outcome, again) => follow(() => {
    part(".retry").hidden = !again;
    part(".retry").onclick = () => $("send").disabled || run(answer, ...again);
    article.dataset.state = outcome;
  });
  const show = ({ reasoning, content, outcome, stream }) => {
    set("reasoning", reasoning); set("chat", content);
    part(".reasoning").open = false;
    if (outcome !== "complete") say(`Ended: ${outcome}.`, outcome === "failed");
    end(outcome, ["failed", "truncated", "interrupted"].includes(outcome) && retryOf(stream));
  };
  const answer = { set, add, say, begin, end, show };
  follow(() => $("messages").append(article));
  return answer;
}

/// Shows a stream. The browser reconnects by itself with the last event's id; when it gives up, we go on here.
function attach(stream, answer, lastID = "", attempt = 0) {
  const source = new EventSource(`${api}/streams/${stream}${lastID && `?last_event_id=${lastID}`}`);
  let failure = null;
  current = { stream, source };
  $("send").disabled = !($("stop").hidden = false);
  source.onopen = () => status("Answering…");
  source.onmessage = (message) => {
    if (message.lastEventId) lastID = message.lastEventId;
    attempt = 0;
    const { type, panel, content, metadata } = JSON.parse(message.data);
    if (type === "content_chunk") answer.add(panel, content);
    if (type === "resync") for (const text of metadata.texts) answer.set(text.panel, text.content);
    if (type === "retract") { answer.set(panel, ""); answer.say(content, true); }
    if (type === "error") failure = metadata;
    if (content && (type === "error" || type === "stream_done")) answer.say(content, failure !== null);
    if (type === "stream_done") end(metadata.outcome);
  };
  source.onerror = () => {
    status("Connection lost. Reconnecting…");
    if (source.readyState !== EventSource.CLOSED) return;
    if (attempt > 8) { answer.say("The connection could not be restored. Reload the page.", true); return end("lost"); }
    setTimeout(() => current?.source === source && attach(stream, answer, lastID, attempt + 1), Math.random() * 500 * 2 ** attempt);
  };
  function end(outcome) {
    source.close();
    current = null;
    $("stop").hidden = true;
    // A stream told from its record has lost its `error`.
    answer.end(outcome, (failure ? failure.retry_available : outcome === "failed") && retryOf(stream));
    ready();
  }
}

/// Has a question answered: piece by piece, or at once where streaming is off.
async function run(answer, path, body, key = newKey()) {
  $("send").disabled = true;
  answer.begin();
  status("Answering…");
  try {
    const isStreamed = await streaming;
    const turn = await call("POST", isStreamed ? path : `${path}?wait=true`, body, key);
    conversation = turn.conversation_id;
    history.replaceState(null, "", `#${conversation}`);
    if (isStreamed) return attach(turn.stream, answer);
    answer.show(turn.message);
  } catch (error) {
    answer.say(error.message, true);
    answer.end("failed", error.instance ? retryOf(error.instance.split("/").pop()) : !error.refused && [path, body, key]);
  }
  ready();
}

async function restore() {
  const { messages } = await call("GET", `/conversations/${conversation}/messages`);
  const answers = new Map();
  for (const message of messages) {
    if (message.role === "user") { showUser(message.content); continue; }
    const answer = answers.get(message.retry_of) ?? newAnswer(); // a retry takes the place of what it repeats
    answers.set(message.id, answer);
    answer.begin();
    if (message.state === "streaming") attach(message.stream, answer); else answer.show(message);
  }
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = $("text").value.trim();
  if (!message || $("send").disabled) return;
  $("text").value = "";
  showUser(message);
  run(newAnswer(), "/chat/messages", { message, ...(conversation && { conversation_id: conversation }) });
});
$("text").addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing
  && (event.preventDefault(), $("form").requestSubmit()));
$("stop").addEventListener("click", () => current && call("POST", `/streams/${current.stream}/stop`).catch((error) => status(error.message)));
$("new").addEventListener("click", () => { location.hash = ""; location.reload(); });
if (conversation) restore().catch(() => { conversation = null; history.replaceState(null, "", location.pathname); });
