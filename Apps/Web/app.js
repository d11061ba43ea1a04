// The first page: one conversation, streamed. Answers are only ever text: nothing here writes markup.
const api = "/api/v1";
const $ = (id) => document.getElementById(id);
let conversation = location.hash.slice(1) || null;
let current = null; // the answer that is streaming

async function call(method, path, body) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const init = { method, headers };
  if (body) {
    headers["Idempotency-Key"] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    init.body = JSON.stringify(body);
  }
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await fetch(api + path, init);
      const json = reply.status === 204 ? null : await reply.json();
      if (reply.ok) return json;
      throw Object.assign(new Error(json?.detail ?? `The server answered ${reply.status}.`), { final: reply.status < 500 });
    } catch (error) {
      if (error.final || attempt === 5) throw error;
      status("Connection lost. Trying again…");
      await new Promise((later) => setTimeout(later, Math.random() * 500 * 2 ** attempt));
    }
  }
}

function status(text) { $("status").textContent = text; }

function follow(text) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  text();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showUser(text) {
  const bubble = document.createElement("article");
  bubble.className = "user";
  bubble.textContent = text;
  follow(() => $("messages").append(bubble));
}

function newAnswer() {
  const article = $("answer").content.firstElementChild.cloneNode(true);
  follow(() => $("messages").append(article));
  const panels = { reasoning: article.querySelector(".reasoning .text"), chat: article.querySelector(".chat") };
  const answer = { article, note: article.querySelector(".note") };
  answer.set = (panel, text) => {
    panels[panel].textContent = text;
    if (panel === "reasoning") article.querySelector(".reasoning").hidden = text === "";
  };
  /// Characters as readers count them; without a span all of the text goes.
  answer.retract = (panel, span, reason) => {
    const characters = [...new Intl.Segmenter().segment(panels[panel].textContent)].map((part) => part.segment);
    if (span) characters.splice(span.start, span.end - span.start);
    answer.set(panel, span ? characters.join("") : "");
    answer.note.textContent = reason;
  };
  answer.add = (panel, text) => follow(() => {
    panels[panel].append(text);
    if (panel === "reasoning") Object.assign(article.querySelector(".reasoning"), { hidden: false, open: true });
  });
  return answer;
}

/// Shows a stream. The browser reconnects by itself with the last event's id; when it gives up, we go on here.
function attach(stream, answer, lastID = "", attempt = 0) {
  const source = new EventSource(`${api}/streams/${stream}${lastID && `?last_event_id=${lastID}`}`);
  current = { stream, source };
  $("stop").hidden = false;
  source.onopen = () => status("Answering…");
  source.onmessage = (message) => {
    if (message.lastEventId) lastID = message.lastEventId;
    attempt = 0;
    const event = JSON.parse(message.data);
    if (event.type === "content_chunk") answer.add(event.panel, event.content);
    if (event.type === "resync") for (const text of event.metadata.texts) answer.set(text.panel, text.content);
    if (event.type === "retract") answer.retract(event.panel, event.metadata?.span, event.content);
    if (event.type === "error") answer.article.classList.add("error");
    if (event.type === "error" || (event.type === "stream_done" && event.content)) answer.note.textContent = event.content;
    if (event.type === "stream_done") end();
  };
  source.onerror = () => {
    status("Connection lost. Reconnecting…");
    if (source.readyState !== EventSource.CLOSED) return;
    if (attempt > 8) { answer.note.textContent = "The connection could not be restored. Reload the page."; return end(); }
    setTimeout(() => current?.source === source && attach(stream, answer, lastID, attempt + 1), Math.random() * 500 * 2 ** attempt);
  };
  function end() {
    source.close();
    current = null;
    $("stop").hidden = true;
    $("send").disabled = false;
    status("Ready");
  }
}

async function send(message) {
  $("send").disabled = true;
  showUser(message);
  const answer = newAnswer();
  try {
    const turn = await call("POST", "/chat/messages", { message, ...(conversation && { conversation_id: conversation }) });
    conversation = turn.conversation_id;
    history.replaceState(null, "", `#${conversation}`);
    attach(turn.stream, answer);
  } catch (error) {
    answer.article.classList.add("error");
    answer.note.textContent = error.message;
    $("send").disabled = false;
    status("Ready");
  }
}

async function restore() {
  const { messages } = await call("GET", `/conversations/${conversation}/messages`);
  for (const message of messages) {
    if (message.role === "user") { showUser(message.content); continue; }
    const answer = newAnswer();
    if (message.state === "streaming") { $("send").disabled = true; attach(message.stream, answer); continue; }
    answer.set("reasoning", message.reasoning ?? "");
    answer.set("chat", message.content);
    if (message.outcome !== "complete") answer.note.textContent = `Ended: ${message.outcome}.`;
  }
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = $("text").value.trim();
  if (!message || $("send").disabled) return;
  $("text").value = "";
  send(message);
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
});
$("stop").addEventListener("click", () => current && call("POST", `/streams/${current.stream}/stop`).catch((error) => status(error.message)));
$("new").addEventListener("click", () => { location.hash = ""; location.reload(); });
if (conversation) restore().catch(() => { conversation = null; history.replaceState(null, "", location.pathname); });
