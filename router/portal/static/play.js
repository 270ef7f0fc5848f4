// The playground. Whatever a model says is text, and is put on the page as text alone.
"use strict";
(() => {
  const form = document.getElementById("play");
  if (!form) return;
  const by = (name) => document.getElementById(`play-${name}`);
  const say = form.dataset;
  let talk = [];
  let running = null;

  const body = (messages) => {
    const system = by("system").value.trim();
    const asked = { model: by("model").value, messages: system ? [{ role: "system", content: system }, ...messages] : messages };
    if (by("temperature").value !== "") asked.temperature = Number(by("temperature").value);
    if (by("max").value !== "") asked.max_tokens = Number(by("max").value);
    if (by("stream")?.checked) asked.stream = true;
    return asked;
  };

  const typed = () => {
    const text = by("text").value.trim();
    return text ? [...talk, { role: "user", content: text }] : talk;
  };

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const showCurl = () => {
    const asked = JSON.stringify(body(typed()));
    document.getElementById("play-curl-text").textContent =
      `curl ${quoted(say.url)} \\\n  -H "Authorization: Bearer ${say.key}" \\\n  -H "Content-Type: application/json" \\\n  -d ${quoted(asked)}`;
  };

  const turn = (who, text, bad) => {
    by("empty")?.remove();
    const box = document.createElement("div");
    const name = document.createElement("p");
    const said = document.createElement("p");
    name.className = "who";
    name.textContent = who;
    said.className = bad ? "turn error" : "turn";
    said.textContent = text;
    box.append(name, said);
    by("chat").append(box);
    box.scrollIntoView({ block: "nearest" });
    return said;
  };

  const messageOf = (text) => {
    try {
      const error = JSON.parse(text).error;
      return (typeof error === "string" ? error : error?.message) || text;
    } catch {
      return text;
    }
  };

  // The events of a stream, each a line that begins with "data:"; lines that begin with a colon are none.
  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  }

  const price = async (id) => {
    for (let tries = 0; id && tries < 12; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 250 + 150 * tries));
      const response = await fetch(`/app/play/calls/${encodeURIComponent(id)}`);
      if (!response.ok) continue;
      const told = await response.json();
      const link = document.createElement("a");
      link.href = `/app/logs/${encodeURIComponent(id)}`;
      link.textContent = say.call;
      by("price").replaceChildren(`${say.price}: ${told.price} · ${told.prompt_tokens} + ${told.completion_tokens} ${say.tokens} · `, link);
      return;
    }
    by("price").textContent = id ? say.late : "";
  };

  const streamed = async (response, place) => {
    let text = "";
    for await (const data of events(response)) {
      if (data === "[DONE]") break;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(messageOf(data));
      text += chunk.choices?.[0]?.delta?.content ?? "";
      place.textContent = text;
    }
    return text;
  };

  const send = async () => {
    const messages = typed();
    const asked = body(messages);
    running = new AbortController();
    by("send").disabled = true;
    by("stop").hidden = false;
    by("price").textContent = "";
    turn(say.you, by("text").value.trim());
    const place = turn(asked.model, "…");
    let id = "";
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch("/app/play/chat", { method: "POST", headers, body: JSON.stringify(asked), signal: running.signal });
      id = response.headers.get("x-call-id") ?? "";
      if (response.status === 401 && !id) throw new Error(say.ended);
      if (!response.ok) throw new Error(messageOf(await response.text()));
      const isStream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
      const text = isStream ? await streamed(response, place) : ((await response.json()).choices?.[0]?.message?.content ?? "");
      place.textContent = text;
      talk = [...messages, { role: "assistant", content: text }];
      by("text").value = "";
    } catch (error) {
      const stopped = error.name === "AbortError";
      const text = place.textContent === "…" ? "" : place.textContent;
      place.textContent = text;
      if (stopped || text) {
        talk = [...messages, { role: "assistant", content: text }];
        by("text").value = "";
      }
      turn(stopped ? say.stopped : say.failed, stopped ? "" : error instanceof TypeError ? say.lost : error.message, !stopped);
    } finally {
      running = null;
      by("send").disabled = false;
      by("stop").hidden = true;
      showCurl();
    }
    await price(id);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running && by("text").value.trim() && form.reportValidity()) send();
  });
  form.addEventListener("input", showCurl);
  by("stop").addEventListener("click", () => running?.abort());
  by("clear").addEventListener("click", () => {
    running?.abort();
    talk = [];
    by("chat").replaceChildren();
    by("price").textContent = "";
    showCurl();
    by("text").focus();
  });
  by("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  showCurl();
})();
